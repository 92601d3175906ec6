# SPDX-License-Identifier: GPL-2.0-only
# The tables of scripts/measure: medians with their intervals, ratios of two algorithms in the
# same round, and predictions held against what was measured. Given: errors, if only how far these
# are off is asked for.

function sort(v, n,    i, k, x) {
	for (i = 2; i <= n; i++) {
		x = v[i]
		for (k = i - 1; k && v[k] > x; k--)
			v[k + 1] = v[k]
		v[k + 1] = x
	}
}

function median(v, n) {
	return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}

# How likely the median of what is drawn from lies between the @k-th least and the @k-th most
# of @n: 1 - 2 P(fewer than k of n fair coins).
function coverage(n, k,    i, c, sum) {
	c = 1
	for (i = 0; i < k; i++) {
		sum += c
		c = c * (n - i) / (i + 1)
	}
	return 1 - 2 * sum / 2 ^ n
}

# The narrowest such pair with 95 %; with fewer than six runs none has that, and it is the
# least and the most.
function rank(n,    k) {
	for (k = 1; 2 * (k + 1) <= n && coverage(n, k + 1) >= 0.95; k++)
		;
	return k
}

function digits(x) {
	return sprintf(x >= 100 ? "%.0f" : x >= 10 ? "%.1f" : "%.2f", x)
}

# "median (from..to)" of all runs of key; middle, low, high, least and most are set.
function spread(key,    n, v, i, k) {
	n = nr[key]
	middle = low = high = least = most = ""
	if (!n)
		return "-"
	for (i = 1; i <= n; i++)
		v[i] = value[key, i]
	sort(v, n)
	k = rank(n)
	middle = median(v, n)
	low = v[k]
	high = v[n + 1 - k]
	least = v[1]
	most = v[n]
	return digits(middle) (n > 1 ? " (" digits(low) ".." digits(high) ")" : "")
}

function put(key, x) { value[key, ++nr[key]] = x }

function known(name, list, count) {
	if (!((list, name) in place)) {
		place[list, name] = 1
		entry[list, ++entries[list]] = name
	}
}

NF == 7 {
	known($1, "scenario")
	known($2, "ran")
	put($1 " " $2 " " $4 " " $5 " " $6, $7)
	at[$1, $2, $3, $4, $5, $6] = $7
	if ($5 == "measured" && $6 == "retries") {
		runs[$1, $2]++
		if ($3 > rounds)
			rounds = $3
	}
	if ($6 == "missed" && $2 == $4)
		missed += $7
}

function measured(s, a, what) { return spread(s " " a " " a " measured " what) }

function table_measured(    i, k, s, a) {
	print "What the kernel did with each algorithm: the median of its runs (interval)."
	print ""
	printf "%-10s %-10s %4s  %-22s %-22s %-20s %-20s %-22s %s\n", "scenario", "algorithm", "runs", "resolved faults a s",
		"invalidations a s", "retries a fault", "stall a fault, us", "stall p99, us", "stall p99.9, us"
	for (i = 1; i <= entries["scenario"]; i++)
		for (k = 1; k <= entries["ran"]; k++) {
			s = entry["scenario", i]
			a = entry["ran", k]
			if (!runs[s, a])
				continue
			printf "%-10s %-10s %4d  %-22s %-22s %-20s %-20s %-22s %s\n", s, a, runs[s, a], measured(s, a, "resolved"),
				measured(s, a, "invalidations"), measured(s, a, "retries"), measured(s, a, "stall"), measured(s, a, "p99"), measured(s, a, "p999")
		}
	print ""
}

function ratios(s, a, b, what,    r, x, y, key) {
	key = "ratio " s " " a " " b " " what
	for (r = 1; r <= rounds; r++)
		if ((s, a, r, a, "measured", what) in at && (s, b, r, b, "measured", what) in at) {
			x = at[s, a, r, a, "measured", what]
			y = at[s, b, r, b, "measured", what]
			if (y > 0)
				put(key, x / y)
		}
	return spread(key)
}

function table_ratios(base,    i, k, s, a, r, t, u) {
	print "The same as ratios of two runs of one round, each over that with " base ":"
	print ""
	printf "%-10s %-10s %-22s %-22s %s\n", "scenario", "algorithm", "retries a fault", "stall a fault", "resolved faults a s"
	for (i = 1; i <= entries["scenario"]; i++)
		for (k = 1; k <= entries["ran"]; k++) {
			s = entry["scenario", i]
			a = entry["ran", k]
			if (a == base || !runs[s, a] || !runs[s, base])
				continue
			r = ratios(s, a, base, "retries")
			t = ratios(s, a, base, "stall")
			u = ratios(s, a, base, "resolved")
			printf "%-10s %-10s %-22s %-22s %s\n", s, a, r, t, u
		}
	print ""
}

function times(x, of) { return of > 0 ? sprintf("%.2f", x / of) : "-" }

# What exact says of the same captures: the least that a correct algorithm can do.
function table_exact(    i, k, s, a, r, m, x) {
	print "Retries a fault, and what exact would have had with the same captures (both arrivals):"
	print ""
	printf "%-10s %-10s %-20s %-20s %-20s %s\n", "scenario", "algorithm", "measured", "exact, recorded", "exact, think", "measured in times of it"
	for (i = 1; i <= entries["scenario"]; i++)
		for (k = 1; k <= entries["ran"]; k++) {
			s = entry["scenario", i]
			a = entry["ran", k]
			if (!runs[s, a])
				continue
			m = measured(s, a, "retries")
			x = middle
			r = spread(s " " a " exact recorded retries")
			printf "%-10s %-10s %-20s %-20s", s, a, m, r
			r = middle
			printf " %-20s", spread(s " " a " exact think retries")
			printf " %s, %s\n", times(x, r), times(x, middle)
		}
	print ""
}

# What the captures of @from predict of @to with the one of two arrivals and with the other, with
# "|" between, nothing if there is none: span_from is the least of both, and span_to the most.
function span(s, from, to, what, one, other,    r) {
	r = spread(s " " from " " to " " one " " what)
	if (middle == "")
		return ""
	span_from = least
	span_to = most
	r = r "|" spread(s " " from " " to " " other " " what)
	if (middle != "" && least < span_from)
		span_from = least
	if (middle != "" && most > span_to)
		span_to = most
	return r
}

function place_of(least, most, from, to) { return most < from ? "below" : least > to ? "above" : "yes" }

# Within: what was measured in all runs, and what either arrival predicts from any, overlap.
# Between: the same where gaps are from the median to the mean.
function predict(s, from, to, what,    m, mlo, mhi, lo, hi, p, q, yes, was) {
	m = measured(s, to, what)
	if (middle == "")
		return
	mlo = least
	mhi = most
	if (split(span(s, from, to, what, "recorded", "think"), p, "|") < 2)
		return
	lo = span_from
	hi = span_to
	yes = place_of(mlo, mhi, lo, hi)
	pairs[what]++
	within[what] += yes == "yes"
	printf "%-10s %-10s %-10s %-20s %-20s %-20s %s", s, to, from, m, p[1], p[2], yes
	if (split(span(s, from, to, what, "recorded-mean", "think-mean"), q, "|") == 2) {
		was = yes
		yes = place_of(mlo, mhi, span_from < lo ? span_from : lo, span_to > hi ? span_to : hi)
		pairs_mean[what]++
		within_mean[what] += yes == "yes"
		printf "%*s %-20s %-20s %s", 6 - length(was), "", q[1], q[2], yes
	}
	print ""
}

function table_predictions(what, title,    i, k, l) {
	print title
	print ""
	printf "%-10s %-10s %-10s %-20s %-20s %-20s %-6s %-20s %-20s %s\n", "scenario", "of", "from", "measured",
		"recorded", "think", "within", "recorded, mean gap", "think, mean gap", "between"
	for (i = 1; i <= entries["scenario"]; i++)
		for (k = 1; k <= entries["ran"]; k++)
			for (l = 1; l <= entries["ran"]; l++)
				if (k != l)
					predict(entry["scenario", i], entry["ran", l], entry["ran", k], what)
	printf "\n%d of %d: what was measured and what both arrivals predict, over all runs, overlap\n", within[what], pairs[what]
	if (pairs_mean[what])
		printf "%d of %d: the same, with retry gaps from the median to the mean\n", within_mean[what], pairs_mean[what]
	print ""
}

function off(real) { return real > 0 && middle != "" ? sprintf("%+.0f %%", 100 * (middle / real - 1)) : "-" }

# How far the medians of what is predicted are from the median of what was measured.
function table_errors(what, title,    i, k, l, s, from, to, m, real, one) {
	print title
	print ""
	printf "%-10s %-10s %-10s %-20s %-20s %8s  %-20s %8s\n", "scenario", "of", "from", "measured",
		"recorded", "off", "think", "off"
	for (i = 1; i <= entries["scenario"]; i++)
		for (k = 1; k <= entries["ran"]; k++)
			for (l = 1; l <= entries["ran"]; l++) {
				s = entry["scenario", i]
				from = entry["ran", k]
				to = entry["ran", l]
				m = measured(s, to, what)
				real = middle
				one = spread(s " " from " " to " recorded " what)
				if (k == l || real == "" || middle == "")
					continue
				printf "%-10s %-10s %-10s %-20s %-20s %8s", s, to, from, m, one, off(real)
				one = spread(s " " from " " to " think " what)
				printf "  %-20s %8s\n", one, off(real)
			}
}

function table_held(    i, k, s, a, n) {
	for (i = 1; i <= entries["scenario"]; i++)
		for (k = 1; k <= entries["ran"]; k++) {
			s = entry["scenario", i]
			a = entry["ran", k]
			if (!nr[s " " a " " a " measured write_us"])
				continue
			if (!n++) {
				print "How long mmu_lock was held, each time and of the time of the capture: for write by"
				print "invalidations and changes of memslots, for read by faults (all vCPUs together)."
				print ""
				printf "%-10s %-10s %-20s %-20s %-20s %s\n", "scenario", "algorithm", "write, us", "write, %", "read, us", "read, %"
			}
			printf "%-10s %-10s %-20s %-20s %-20s %s\n", s, a, measured(s, a, "write_us"), measured(s, a, "write_share"),
				measured(s, a, "read_us"), measured(s, a, "read_share")
		}
	if (n)
		print ""
}

function table_attempts(    i, k, s, a) {
	print "How long an attempt takes that is let through, by whether an invalidation was outstanding when"
	print "it began: what the captures of an algorithm that rejects nearly all of the latter do not know."
	print ""
	printf "%-10s %-10s %-20s %-20s %s\n", "scenario", "algorithm", "nothing, us", "something, us", "so many of them, %"
	for (i = 1; i <= entries["scenario"]; i++)
		for (k = 1; k <= entries["ran"]; k++) {
			s = entry["scenario", i]
			a = entry["ran", k]
			if (nr[s " " a " " a " measured busy_share"])
				printf "%-10s %-10s %-20s %-20s %s\n", s, a, measured(s, a, "calm_us"),
					measured(s, a, "busy_us"), measured(s, a, "busy_share")
		}
	print ""
}

END {
	if (errors) {
		table_errors("stall", "Stall of a fault, us, predicted from the captures of another algorithm:")
		print ""
		table_errors("retries", "Retries a fault:")
		exit
	}
	table_measured()
	print "Interval: from the least to the most, or, with more than eight runs, the narrowest pair of"
	print "runs that holds the median with 95 %. With eight these hold it with 99 %, with six 97 %, with"
	print "five 94 %, with three 75 %, with two 50 %.\n"
	table_ratios("hva")
	table_ratios("gfn")
	table_held()
	table_exact()
	table_predictions("retries", "Retries a fault, predicted from the captures of another algorithm:")
	table_predictions("stall", "Stall of a fault, us:")
	table_attempts()
	printf "missed by an algorithm that the kernel ran: %d\n", missed
}
