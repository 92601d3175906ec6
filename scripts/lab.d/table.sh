# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# Replays the captures and says, a line each, whether they are as they must be.

row_format='%-13s %-5s %8s %5s %8s %16s %16s %16s %7s %7s %7s  %s\n'

# The algorithm that a kernel series has.
algorithm_of() { # SERIES
	if [ "$(printf '%s\n' 6.8 "$1" | sort -V | head -n 1)" = 6.8 ]; then
		echo gfn
	else
		echo hva
	fi
}

# One line of numbers from a report: sums over its VMs.
summarize() { # REPORT ALGORITHM
	jq -r --arg own "$2" '
		def sum(f): [.vms[] | f // 0] | add // 0;
		[ .trace.events, .trace.lost, sum(.faults.checked),
		  sum(.algorithms[$own].agreement.locked.same),
		  sum(.algorithms[$own].agreement.locked.known),
		  sum(.algorithms[$own].agreement.lockless.same),
		  sum(.algorithms[$own].agreement.lockless.known),
		  sum(.state.equal), sum(.state.compared),
		  sum(.algorithms.hva.rejected), sum(.algorithms.gfn.rejected),
		  sum(.algorithms.exact.rejected), sum(.algorithms[$own].missed),
		  sum(.faults.checked + .faults.no_memslot + .faults.ended + .faults.unjudged
		      + .faults.slot_invalid + .faults.root_obsolete + .faults.async) ]
		| map(tostring) | join(" ")' "$1"
}

# The faults that KVM itself counted, or nothing where that is not known.
counted_faults() { # WORKLOAD-REPORT
	[ ! -s "$1" ] || jq -r '[.vms[].kvm.pf_taken] | if any(. == null) then "" else add end' "$1"
}

# What is wrong with a capture; nothing if it is as it must be.
verdict() { # KIND LOST SAME KNOWN LSAME LKNOWN EQUAL COMPARED MISSED FAULTS COUNTED
	if [ "$1" = lost ]; then
		[ "$2" -gt 0 ] || echo "nothing lost"
	elif [ "$1" = withheld ]; then
		[ "$4" -eq 0 ] || echo "claims $4 decisions that it cannot know"
	else
		[ "$2" -eq 0 ] || echo "lost $2"
		[ "$4" -gt 0 ] || echo "no decisions"
		[ "$8" -gt 0 ] || echo "no STATE"
	fi
	[ "$3" -eq "$4" ] || echo "$(($4 - $3)) locked disagree"
	[ $((${5} * 1000)) -ge $((${6} * 995)) ] || echo "$((${6} - ${5})) lockless disagree"
	[ "$7" -eq "$8" ] || echo "$(($8 - $7)) STATE differ"
	[ "$9" -eq 0 ] || echo "missed $9"
	if [ "$1" = workload ] && [ -n "${11}" ] && [ "${11}" -ne "${10}" ]; then
		echo "${10} faults recorded, KVM counted ${11}"
	fi
}

# Why a scenario failed, in a line.
last_words() { # LOG
	grep -m 1 '^not ok ' "$1" 2>/dev/null || tail -n 1 "$1" 2>/dev/null
}

row() { # SERIES NAME KIND
	local base=$out/$1-$2 own wrong numbers

	own=$(algorithm_of "$1")
	if [ "$(cat "$base.done" 2>/dev/null)" != 0 ]; then
		row_without_capture "$1" "$2" "$(last_words "$base.log")"
		return
	fi
	if [ -s "$base.left" ]; then
		row_without_capture "$1" "$2" "the host's tracing is not as before"
		return
	fi
	case "$3" in
	trouble) row_of_checks "$1" "$2"; return ;;
	cost) row_of_cost "$1" "$2"; return ;;
	esac
	[ "$2" != tracepoints ] || { row_of_tracepoints "$1" "$2"; return; }
	if ! "$retryscope" replay --format json -o "$base.report.json" "$base.dat" 2>"$base.err"; then
		row_without_capture "$1" "$2" "replay: $(tail -n 1 "$base.err")"
		return
	fi
	read -r -a numbers < <(summarize "$base.report.json" "$own")
	set -- "$1" "$2" "$3" "${numbers[@]}"
	wrong=$(verdict "$3" "$5" "$7" "$8" "$9" "${10}" "${11}" "${12}" "${16}" "${17}" \
		"$(counted_faults "$base.json")" | paste -sd, | sed 's/,/, /g')
	# shellcheck disable=SC2059
	printf "$row_format" "$2" "$1" "$4" "$5" "$6" "$7/$8" "$9/${10}" "${11}/${12}" \
		"${13}" "${14}" "${15}" "${wrong:-ok}"
}

row_without_capture() { # SERIES NAME REASON
	# shellcheck disable=SC2059
	printf "$row_format" "$2" "$1" - - - - - - - - - "${3:-did not end}"
}

# Without assumptions there is nothing to replay, and the line says what they are.
row_of_tracepoints() { # SERIES NAME
	local base=$out/$1-$2

	if "$retryscope" replay -o "$base.report.json" "$base.dat" 2>"$base.err"; then
		row_without_capture "$1" "$2" "replayed without assumptions"
	elif ! grep -q -e '--assume-duration' "$base.err"; then
		row_without_capture "$1" "$2" "replay: $(tail -n 1 "$base.err")"
	else
		row_without_capture "$1" "$2" ok
	fi
}

# A scenario that judges itself inside the VM: its log has a line for each check.
row_of_checks() { # SERIES NAME
	local log=$out/$1-$2.log good bad

	good=$(grep -c '^ok ' "$log")
	bad=$(grep -c '^not ok ' "$log")
	if [ "$bad" -eq 0 ] && [ "$good" -gt 0 ]; then
		row_without_capture "$1" "$2" ok
	else
		row_without_capture "$1" "$2" "$(grep -m 1 '^not ok ' "$log") ($bad of $((good + bad)))"
	fi
}

# Not more than 1.1 times as slow as trace-cmd alone; the numbers are in their own table.
row_of_cost() { # SERIES NAME
	local slow

	cost_table "$out/$1-$2.log" >"$out/$1-$2.txt"
	slow=$(awk '/ times as long/ && $4 > 1.1 { print $1, $4 }' "$out/$1-$2.txt" | paste -sd,)
	row_without_capture "$1" "$2" "${slow:-ok}"
}

table() { # SERIES...
	local series name kind

	# shellcheck disable=SC2059
	printf "$row_format" scenario kernel events lost checks locked lockless STATE \
		hva gfn exact verdict
	for series in "$@"; do
		for name in "${chosen[@]}"; do
			read -r _ kind _ < <(scenarios | grep "^$name ")
			row "$series" "$name" "$kind"
		done
	done
	for series in "$@"; do
		[ ! -s "$out/$series-cost.txt" ] || printf '\nCost of recording on %s\n%s\n' \
			"$series" "$(cat "$out/$series-cost.txt")"
	done
}

# How many rows of the table say ok, or something else.
table_count() { # ok|bad
	sed -e 1d -e '/^$/,$d' "$out/table.txt" | awk -v what="$1" '
		($NF == "ok") == (what == "ok") { n++ }
		END { print n + 0 }'
}
