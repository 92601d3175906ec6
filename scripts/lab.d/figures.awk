# SPDX-License-Identifier: GPL-2.0-only
# Of a closed loop's CSV the figures that scripts/measure compares, a line each: the sum of the
# VMs, and of the tail of stall the VM that is worst. Of what did not run only what is held against
# a run. Given: key, ran, how, and held, what the kernel said of mmu_lock: how often and for how many
# ns for write, and for read.

function say(what, x) {
	printf "%s %s %s %s %.9g\n", key, algorithm, algorithm == ran ? "measured" : how, what, x
}

NR == 1 {
	for (i = 1; i <= NF; i++)
		column[$i] = i
	next
}

{
	algorithm = $column["algorithm"]
	gsub(/"|:.*/, "", algorithm)
	faults[algorithm] += $column["logical_faults"]
	retries[algorithm] += $column["retries"]
	stall[algorithm] += $column["stall_total_ns"]
	hits[algorithm] += $column["invalidations_hit"]
	missed[algorithm] += $column["missed_faults"]
	same[algorithm] += $column["as_recorded_faults"]
	time = $column["duration_ns"]
	for (i = 1; i <= 2; i++) {
		q = $column[i == 1 ? "stall_p99_ns" : "stall_p999_ns"]
		if (q > worst[algorithm, i])
			worst[algorithm, i] = q
	}
}

END {
	for (algorithm in faults) {
		if (!faults[algorithm] || (algorithm == ran && how != "recorded"))
			continue
		if (algorithm == ran) {
			say("missed", missed[algorithm])
			say("p99", worst[algorithm, 1] / 1000)
			say("p999", worst[algorithm, 2] / 1000)
			say("resolved", faults[algorithm] / (time / 1e9))
			say("invalidations", hits[algorithm] / (time / 1e9))
			say("same", same[algorithm] / faults[algorithm])
			if (split(held, n, " ") == 4 && n[1] && n[3]) {
				say("write_us", n[2] / n[1] / 1000)
				say("write_share", 100 * n[2] / time)
				say("read_us", n[4] / n[3] / 1000)
				say("read_share", 100 * n[4] / time)
			}
		}
		say("retries", retries[algorithm] / faults[algorithm])
		say("stall", stall[algorithm] / faults[algorithm] / 1000)
	}
}
