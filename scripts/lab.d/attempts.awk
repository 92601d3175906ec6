# SPDX-License-Identifier: GPL-2.0-only
# Of a trace in the text form, a line each behind key, for what there is: gap_ns, the mean time from
# a decision "retry" to the next begin of the same fault (docs/model.md has the median); how long
# an attempt takes that is let through, in us, if no invalidation was outstanding when it began
# (calm_us), and if one was (busy_us); and how many of them are the latter, in % (busy_share).
{
	for (i = 4; i <= NF; i++) {
		split($i, word, "=")
		word_of[word[1]] = word[2]
	}
	who = $2 " " word_of["vcpu"]
}

$3 == "inval_begin" { outstanding[$2]++ }

$3 == "inval_end" { outstanding[$2]-- }

$3 == "fault_begin" {
	at = word_of["as"] " " word_of["gfn"]
	if (who in retried && at == place[who]) {
		gaps += $1 - retried[who]
		nr_gaps++
	}
	delete retried[who]
	place[who] = at
	since[who] = $1
	busy[who] = outstanding[$2] > 0
}

$3 == "fault_check" {
	if (word_of["result"] == "retry") {
		retried[who] = $1
	} else {
		delete retried[who]
		if (who in since) {
			took[busy[who]] += $1 - since[who]
			nr[busy[who]]++
		}
	}
	delete since[who]
}

$3 == "fault_end" {
	delete retried[who]
	delete since[who]
}

{ delete word_of }

function say(what, sum, n) {
	if (n)
		printf "%s %s %.15g\n", key, what, sum / n
}

END {
	say("gap_ns", gaps, nr_gaps)
	say("calm_us", took[0] / 1000, nr[0])
	say("busy_us", took[1] / 1000, nr[1])
	say("busy_share", 100 * nr[1], nr[0] + nr[1])
}
