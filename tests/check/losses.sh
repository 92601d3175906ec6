#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A recorder may lose events at any moment, of one CPU. Of each sample, with some events of a CPU
# left out and the loss said as trace-cmd says it, what is judged must agree with the kernel. The
# first that is lost is that of an invalidation, where most depends on it, or any.
. "$1/tests/common/check.bash"
. "$source_dir/tests/common/agree.bash"

# without NTH N EVENT < RECORDING: what is left of it without N events of one CPU, from the first
# event of that name on behind NTH of a million parts.
without() {
	awk -v nth="$1" -v n="$2" -v event="$3" '
		{ line[NR] = $0 }
		function cpu_of(text) {
			return match(text, /\[[0-9]+\] +[0-9.]+: /) ? substr(text, RSTART, 5) : ""
		}
		END {
			for (i = 1 + int(NR * nth / 1000000); i < NR && line[i] !~ event; i++)
				;
			from = i
			cpu = cpu_of(line[from])
			for (i = 1; i <= NR; i++) {
				if (i >= from && cpu != "" && cpu_of(line[i]) == cpu) {
					if (lost < n) {
						lost++
						continue
					}
					if (lost == n)
						print "CPU:" substr(cpu, 2, 3) + 0 " [LOST " lost++ " EVENTS]"
				}
				print line[i]
			}
		}'
}

# losses N NAME...
losses() {
	local n=$1 name nth lost event i

	shift
	for name in "$@"; do
		trace-cmd report -t "$source_dir/traces/samples/$name.dat" >whole.txt 2>/dev/null
		for ((i = 1; i <= n; i++)); do
			nth=$((i * 618034 % 970000 + 10000)) lost=$((1 << i % 10))
			case $((i % 3)) in 0) event=': inval_slot:' ;; 1) event=': inval_end:' ;; *) event=': ' ;; esac
			without $nth $lost "$event" <whole.txt >part.txt
			grep -q ' \[LOST ' part.txt || wrong "$name: nothing was lost at $nth"
			expect "$name without $lost events from$event at $nth on" ok \
				"$(judge lost "$name" part.txt)"
		done
	done
}

losses 12 6.1-alias3 6.1-partial 6.1-thp 6.12-alias3 6.12-thp 7.3-gmem-two-vms
exit $((failures > 0))
