# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# What recording costs, from the lines "cost WORKLOAD MODE FAULTS ACCESSES NS
# BYTES" and "cost-empty BYTES" in a scenario's log: medians of its rounds. A ns
# is an instruction of the emulated CPU.

# A fault is 7 events: 6 probes and the tracepoint; 3 without look-ups and decisions.
cost_table() { # LOG
	grep -E '^cost(-empty)? ' "$1" | LC_ALL=C awk '
		function median(key, n,    i, j, t, v) {
			for (i = 1; i <= n; i++)
				v[i] = values[key, i]
			for (i = 1; i <= n; i++)
				for (j = i + 1; j <= n; j++)
					if (v[j] < v[i]) {
						t = v[i]; v[i] = v[j]; v[j] = t
					}
			return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
		}
		function events(mode) { return mode == "parts" ? 3 : 7 }
		function add(key, value) { values[key, ++count[key]] = value }
		$1 == "cost-empty" { empty = $2; next }
		{
			if (!seen[$2]++)
				workloads[++nr] = $2
			add($2 " " $3 " fault", $6 / $4)
			add($2 " " $3 " bytes", ($7 - empty) / $4 / events($3))
		}
		function of(w, mode, what) {
			return median(w " " mode " " what, count[w " " mode " " what])
		}
		function ratio(w, a, b) { return of(w, a, "fault") / of(w, b, "fault") }
		function lost(w, mode) {
			return 1 / of(w, "none", "fault") - 1 / of(w, mode, "fault")
		}
		END {
			format = "%-10s %-11s %7s %10s %10s %10s %10s\n"
			printf format, "workload", "recorder", "rounds", "ins/fault",
			       "slow-down", "ins/event", "bytes/event"
			split("none trace-cmd retryscope parts sampled", modes)
			for (i = 1; i <= nr; i++)
				for (j = 1; j <= 5; j++) {
					w = workloads[i]; m = modes[j]
					if (!count[w " " m " fault"])
						continue
					event = "-"; bytes = "-"
					if (j > 1 && j < 5 && w == "new-pages") {
						event = sprintf("%.0f", (of(w, m, "fault") - \
							of(w, "none", "fault")) / events(m))
						bytes = sprintf("%.1f", of(w, m, "bytes"))
					}
					printf format, w, m, count[w " " m " fault"],
					       sprintf("%.0f", of(w, m, "fault")),
					       sprintf("%.2f", ratio(w, m, "none")),
					       event, bytes
				}
			for (i = 1; i <= nr; i++)
				printf "%s: retryscope takes %.2f times as long as trace-cmd\n",
				       w = workloads[i], ratio(w, "retryscope", "trace-cmd")
			# Of the faults that recording throughout keeps a guest from.
			for (i = 1; i <= nr; i++)
				if (count[(w = workloads[i]) " sampled fault"])
					printf "%s: in pieces, 100 ms of each s, recording costs " \
					       "%.2f of what it costs throughout\n", w,
					       lost(w, "sampled") / lost(w, "retryscope")
		}'
}
