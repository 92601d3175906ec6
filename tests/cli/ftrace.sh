#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The samples as trace-cmd prints them in its layouts, and as tracefs and perf script print
# such events: the same events as of the trace.dat, and the same level.
. "$1/tests/cli/lib.bash"

samples=$cli_source/traces/samples
events() { retryscope convert "$@" | grep -v '^#@ \(kernel\|fact\)' | sed -E 's#(command=|comm=")CPU 0/#\1#'; }
# trace-cmd report -l has 8 bytes of a task's name.
short() { sed -E 's/(comm="[^"]{8})[^"]*/\1/'; }
# The times apart: how large an event's is printed is all that is lost.
timeless() { sed -E 's/^(#@ state |#@ reason )?[0-9]+ /\1/'; }
# minivmm-175   [000]     9.724705: memslot:   (...) kvm=...
as_perf() {
	awk '/^cpus/ { next } { sub(/^[^ ]+: /, "") match($0, /: [a-z_]+: +/)
		name = substr($0, RSTART + 2, RLENGTH - 2); sub(/: +$/, "", name)
		n = split(substr($0, 1, RSTART - 1), head, " "); task = head[1]; sub(/-[0-9]+$/, "", task)
		pid = head[1]; sub(/.*-/, "", pid)
		printf "%16s %5d %s %s: %30s: %s\n", "CPU 0/" task, pid, head[2], head[3],
			(name ~ /^kvm_/ ? "kvm:" : name == "print" ? "ftrace:" : "retryscope:") name, substr($0, RSTART + RLENGTH) }'
}
as_tracefs() {
	echo '# tracer: nop'
	sed -nE 's/^([^ ]+:)? +(\S+-[0-9]+) +(\[[0-9]+\]) +/         \2     \3 d..2. /p' | sed 's/: \([a-z_]*\): */: \1: /'
}
export -f events short timeless as_perf as_tracefs

if ! command -v trace-cmd >/dev/null; then
	skip all "trace-cmd is not installed"
	finish
fi
for name in 6.1-partial 6.12-alias0 7.3-gmem-two-vms; do
	cp "$samples/$name.dat" .
	trace-cmd report -t $name.dat >$name.txt 2>/dev/null
	events $name.dat >$name.events
	check $name-report "events $name.txt | cmp - $name.events && wc -l <$name.events"
	check $name-raw "trace-cmd report -t -R $name.dat 2>&1 | events - | cmp - $name.events"
	check $name-latency "trace-cmd report -t -l $name.dat 2>&1 | events - | cmp - <(short <$name.events)"
	check $name-perf "as_perf <$name.txt | events - | cmp - $name.events"
	check $name-tracefs "as_tracefs <$name.txt | events - | cmp - $name.events"
	check $name-microseconds "trace-cmd report $name.dat 2>&1 | events - | timeless | cmp - <(timeless <$name.events)"
done
check info "head -n 3000 6.12-alias0.txt | retryscope info -"
cp "$cli_source"/tests/data/ftrace/* .
for name in latency perf raw report tracefs tracepoints; do
	check level-$name "retryscope info $name | head -n 5"
done
check tracepoints-replay 'retryscope replay tracepoints'
check wrapped "fold -w 72 report | retryscope info -"
check cut "head -c -20 report | retryscope info - | head -n 5"
finish
