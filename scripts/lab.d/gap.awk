# SPDX-License-Identifier: GPL-2.0-only
# Of a trace in the text form the mean time from a decision "retry" to the next begin of the same
# fault, in ns: docs/model.md has the median.
{
	for (i = 4; i <= NF; i++) {
		split($i, word, "=")
		key[word[1]] = word[2]
	}
	who = $2 " " key["vcpu"]
}

$3 == "fault_begin" {
	at = key["as"] " " key["gfn"]
	if (who in retried && at == place[who]) {
		sum += $1 - retried[who]
		n++
	}
	delete retried[who]
	place[who] = at
}

$3 == "fault_check" {
	if (key["result"] == "retry")
		retried[who] = $1
	else
		delete retried[who]
}

$3 == "fault_end" { delete retried[who] }

{ delete key }

END {
	if (n)
		printf "%d\n", sum / n
}
