# SPDX-License-Identifier: GPL-2.0-only
# Of the rows of the lab's tables, for each algorithm that ran, in how many all was as it must be,
# and how many of the kernel's decisions and states were the model's. Given: algos, in order.

NF >= 12 && $1 ~ /@/ {
	split($1, run, "@")
	sub(/\..*/, "", run[2])
	if (!((run[1], run[2]) in seen)) {
		seen[run[1], run[2]] = 1
		scenarios[run[2]]++
	}
	runs[run[2]]++
	if (NF == 12 && $12 == "ok")
		good[run[2]]++
	for (i = 6; i <= 8; i++) {
		split($i, n, "/")
		same[run[2], i] += n[1]
		known[run[2], i] += n[2]
	}
}

function of(algorithm, i) { return same[algorithm, i] "/" known[algorithm, i] }

END {
	print "Whether the kernel did what the model says: runs in which all is as it must be, of all;"
	print "its decisions under mmu_lock and without, and its states, that are the model's."
	print ""
	format = "%-10s %9s  %7s  %15s %17s %15s\n"
	printf format, "algorithm", "scenarios", "runs", "locked", "lockless", "STATE"
	for (i = 1; i <= split(algos, list, ","); i++)
		if (list[i] in runs)
			printf format, list[i], scenarios[list[i]], good[list[i]] + 0 "/" runs[list[i]],
				of(list[i], 6), of(list[i], 7), of(list[i], 8)
	print ""
}
