#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A recording may begin at any moment of a VM's life: in a walk, between an invalidation and its
# end, with memslots that nobody saw made. Of each sample what is left from some moment on must agree with the kernel as the whole does: in every decision
# under the lock, in every state, and without the lock where the kernel's own test is no race.
. "$1/tests/common/check.bash"
. "$source_dir/tests/common/agree.bash"

# Seconds of the trace's clock, 3 N of them: a microsecond before invalidations hit their first
# memslot and before they end, and just anywhere. Evenly spread, in no rhythm of the recording.
moments() { # N
	retryscope convert trace.dat | awk -v n="$1" '
		/^[0-9]/ { at["any", ++nr["any"]] = $1 }
		$3 == "inval_begin" || $3 == "inval_end" { at[$3, ++nr[$3]] = $1 - 1000 }
		END {
			for (what in nr)
				for (i = 1; i <= n; i++) {
					f = i * 0.6180339887
					printf "%.9f\n", at[what, 1 + int(nr[what] * (f - int(f)))] / 1e9
				}
		}'
}

# cut SECONDS: part.dat is what trace.dat has from then on. `trace-cmd split' leaves out all buffers
# but the first; of a recording in another one the lines are cut.
cut() {
	rm -f part.dat part.dat.1
	if [ -s trace.txt ]; then
		awk -v from="$1" 'match($0, /\[[0-9]+\] +[0-9.]+: /) {
			split(substr($0, RSTART, RLENGTH), part, /[] :]+/)
			if (part[2] + 0 < from) next
		} { print }' trace.txt >part.dat
		return
	fi
	trace-cmd split -o part.dat "$1" >/dev/null 2>split.err || return
	[ ! -e part.dat.1 ] || mv part.dat.1 part.dat
}

# samples N NAME...
samples() {
	local n=$1 name moment

	shift
	for name in "$@"; do
		cp "$source_dir/traces/samples/$name.dat" trace.dat
		: >trace.txt
		case $name in *gmem*) trace-cmd report -t trace.dat >trace.txt 2>/dev/null ;; esac
		for moment in $(moments "$n"); do
			cut "$moment" || { wrong "$name $moment: $(tail -n 1 split.err)"; continue; }
			expect "$name from $moment on" ok "$(judge late "$name" part.dat)"
		done
	done
}

samples 4 6.1-alias0 6.1-alias3 6.1-churn 6.1-partial 6.1-thp 6.12-alias0 6.12-alias3 6.12-churn \
	6.12-partial 6.12-thp
samples 2 6.18-gmem-mixed 7.3-gmem 7.3-gmem-two-vms
samples 1 6.1-qemu-pc
exit $((failures > 0))
