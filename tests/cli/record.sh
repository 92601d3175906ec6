#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# probe and record on made-up hosts: exit codes and their one line. Nothing of
# this machine's tracing is looked at: --root is given to each command.
set -u
build_dir=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
host=$work/host
failures=0
program=("$build_dir/tests/watched/retryscope")

# expect NAME CODE PATTERN COMMAND...: the exit code, and one line that matches.
expect() {
	local name=$1 code=$2 pattern=$3 got
	shift 3
	"${program[@]}" "$@" >"$work/out" 2>"$work/err"
	got=$?
	if [ "$got" -ne "$code" ]; then
		echo "$name: exit code $got, not $code: $(cat "$work/err")"
		failures=$((failures + 1))
	elif [ -n "$pattern" ] && { [ "$(wc -l <"$work/err")" -ne 1 ] ||
		! grep -q "$pattern" "$work/err"; }; then
		echo "$name: stderr is not one line with '$pattern': $(cat "$work/err")"
		failures=$((failures + 1))
	fi
}

make_host() {
	rm -rf "$host"
	mkdir -p "$host"/{proc/sys/kernel,run,dev,usr/bin} \
		"$host"/sys/module/{kvm,kvm_amd/parameters} \
		"$host"/sys/kernel/tracing/{instances,events/kvm/kvm_page_fault}
	echo 6.12.0-test >"$host/proc/sys/kernel/osrelease"
	echo 'nodev /sys/kernel/tracing tracefs rw 0 0' >"$host/proc/mounts"
	echo 1 >"$host/sys/module/kvm_amd/parameters/npt"
	: >"$host/proc/kallsyms"
	: >"$host/sys/kernel/tracing/kprobe_events"
	printf '#!/bin/sh\nexit 1\n' >"$host/usr/bin/trace-cmd"
	chmod +x "$host/usr/bin/trace-cmd"
}

record=(record --root "$host" -o "$work/x.dat")
make_host
expect probe 0 '' probe --root "$host"
grep -q '^level      tracepoints' "$work/out" || { echo "probe: $(cat "$work/out")"; failures=1; }
expect probe-json 0 '' probe --root "$host" --json
grep -q '"schema": "retryscope-probe/1"' "$work/out" || { echo "no schema"; failures=1; }
expect probe-output 4 'out' probe --root "$host" -o "$work/no/out"
expect no-host 3 'osrelease' probe --root "$work/nowhere"
expect dry-run 0 '' record --root "$host" --dry-run
expect usage-output 2 '' record --root "$host"
expect usage-stdout 2 '' record --root "$host" -o -
expect usage-event 2 '' "${record[@]}" --without memslots
expect usage-part 2 '' "${record[@]}" --events invalidations,state
expect usage-no-part 2 '' "${record[@]}" --events memslots,faults
expect usage-no-faults 2 '' "${record[@]}" --events invalidations,decisions
expect usage-sample 2 '' "${record[@]}" --sample 1s
expect usage-sample-short 2 '' "${record[@]}" --sample 1s/1s
expect usage-sample-pause 2 '' "${record[@]}" --sample 1s/1099ms
expect usage-sample-zero 2 '' "${record[@]}" --sample 0/1s
expect usage-sample-turned 2 '' "${record[@]}" --sample 10s/1s
expect usage-level 2 '' "${record[@]}" --min-level most
expect usage-time 2 '' "${record[@]}" --duration soon
expect usage-no-time 2 '' "${record[@]}" --duration 0
expect usage-pid 2 '' "${record[@]}" --pid -3
expect usage-no-pid 2 '' "${record[@]}" --pid 0
expect usage-size 2 '' "${record[@]}" --max-size 0
expect level 3 'level tracepoints only' "${record[@]}" -- true
expect no-folder 4 'No such file' record --root "$host" -o "$work/no/x.dat" -- true
expect directory 4 'directory' record --root "$host" -o "$work" -- true
expect device 4 'cannot write' record --root "$host" -o /dev/full -- true
expect nothing-to-clean 0 '' record --root "$host" --cleanup
grep -q '^0 killed recorders' "$work/out" || { echo "cleanup: $(cat "$work/out")"; failures=1; }
rm "$host/usr/bin/trace-cmd"
expect no-trace-cmd 3 'trace-cmd is not installed' "${record[@]}" -- true
: >"$host/usr/bin/trace-cmd"
expect no-program 3 'trace-cmd is not installed' "${record[@]}" -- true
make_host
rm "$host/sys/kernel/tracing/kprobe_events"
expect no-kprobes 3 'no kprobe events' "${record[@]}" -- true
: >"$host/proc/mounts"
expect no-tracefs 3 'tracefs is not mounted' "${record[@]}" -- true
echo 'nodev /sys/kernel/nowhere tracefs rw 0 0' >"$host/proc/mounts"
expect nothing-mounted 0 '' probe --root "$host"
grep -q '^kprobes    not known$' "$work/out" || { echo "probe: $(cat "$work/out")"; failures=1; }
rm -r "$host/sys/module"
expect no-kvm 3 'KVM is not loaded' "${record[@]}" -- true
make_host
# Root becomes nobody for this, who may not be able to get into the build folder.
skipped=''
if [ "$(id -u)" -eq 0 ]; then
	chmod 755 "$work"
	chmod -R a+rX "$host"
	cp "$build_dir/retryscope" "$work/"
	program=(setpriv --reuid 65534 --regid 65534 --clear-groups "$work/retryscope")
	"${program[@]}" --version >/dev/null 2>&1 || skipped="root cannot become nobody here"
fi
chmod 0 "$host/sys/kernel/tracing"
[ -n "$skipped" ] || expect no-root 3 'takes root' "${record[@]}" -- true
[ -n "$skipped" ] || expect no-root-probe 0 '' probe --root "$host"
[ -n "$skipped" ] || grep -q 'known only to root' "$work/out" || { echo "probe: $(cat "$work/out")"; failures=1; }
chmod 755 "$host/sys/kernel/tracing"
chmod 0 "$host/sys/kernel/tracing/kprobe_events"
[ -n "$skipped" ] || expect no-root-probes 3 'takes root' "${record[@]}" -- true
if [ -n "$(ls -A "$host/run")" ] || [ -n "$(ls -A "$host/sys/kernel/tracing/instances")" ] ||
	ls "$work"/x.dat* >/dev/null 2>&1; then
	echo "something is left: $(find "$work" -newer "$host/proc/kallsyms")"
	failures=$((failures + 1))
fi
[ "$failures" -eq 0 ] || exit 1
[ -z "$skipped" ] || { echo "SKIPPED: no-root: $skipped"; exit 77; }
