# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# Replays the captures and says, a line each, whether they are as they must be.

row_format='%-17s %-5s %8s %5s %8s %16s %16s %16s %7s %7s %7s  %s\n'

# The algorithm that a kernel series has.
algorithm_of() { # SERIES
	if [ "$(printf '%s\n' 6.8 "$1" | sort -V | head -n 1)" = 6.8 ]; then
		echo gfn
	else
		echo hva
	fi
}

# The algorithm that the kernel had in a run, as the model calls it.
algorithm_in() { # SERIES NAME
	local algo

	algo=$(algo_of "$2")
	case "$algo" in
	'' | kernel) algorithm_of "$1" ;;
	*) kvm_algo "$algo" ;;
	esac
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
	local kind=$1 lost=$2 same=$3 known=$4 lsame=$5 lknown=$6 equal=$7 compared=$8
	local missed=$9 faults=${10} counted=${11}

	case "$kind" in
	lost) [ "$lost" -gt 0 ] || echo "nothing lost" ;;
	withheld) [ "$known" -eq 0 ] || echo "claims $known decisions that it cannot know" ;;
	*)
		[ "$lost" -eq 0 ] || echo "lost $lost"
		[ "$known" -gt 0 ] || echo "no decisions"
		[ "$compared" -gt 0 ] || echo "no STATE"
		;;
	esac
	[ "$same" -eq "$known" ] || echo "$((known - same)) locked disagree"
	[ $((lsame * 1000)) -ge $((lknown * 995)) ] || echo "$((lknown - lsame)) lockless disagree"
	[ "$equal" -eq "$compared" ] || echo "$((compared - equal)) STATE differ"
	[ "$missed" -eq 0 ] || echo "missed $missed"
	if [[ $kind =~ ^(workload|gmem)$ ]] && [ -n "$counted" ] && [ "$counted" -ne "$faults" ]; then
		echo "$faults faults recorded, KVM counted $counted"
	fi
}

# Whether a capture has invalidations of a guest_memfd, without which it shows nothing of it.
has_holes() { # CAPTURE
	"$retryscope" info --json "$1" | jq -e 'any(.vms[]; .origins.guest_memfd > 0)' >/dev/null
}

# Memslots, frames and aliased frames, of a capture's end or of what QEMU's monitor said.
layout_of() { # FILE
	"$retryscope" layout --format json "$1" |
		jq -c '[.layouts[] | [(.memslots | length), .frames, .aliased_frames]]'
}

# Whether the memslots of a capture are what QEMU says of its guest.
has_layout() { # CAPTURE MTREE
	local said

	[ -s "$2" ] && said=$(layout_of "$2") && [ -n "$said" ] && [ "$(layout_of "$1")" = "$said" ]
}

# Why a scenario failed, in a line; what its log ends with could be "ok".
why_it_failed() { # DONE LOG
	local words

	words=$(grep -m 1 '^not ok ' "$2" 2>/dev/null || tail -n 1 "$2" 2>/dev/null)
	[ -z "$1" ] || set -- "ended with $1"
	echo "${1:-did not end}${words:+: $words}"
}

# The default ones, and what the kernel had.
algos_of_row() { # SERIES NAME
	printf '%s\n' global hva gfn-v7 gfn exact "$(algorithm_in "$1" "$2")" | awk '!seen[$0]++' |
		paste -sd,
}

row() { # SERIES NAME KIND
	local base=$out/$1-$2 done

	done=$(cat "$base.done" 2>/dev/null)
	if [ "$done" = skipped ]; then
		row_without_capture "$1" "$2" "SKIPPED: $(cat "$base.log")"
	elif [ "$done" != 0 ]; then
		row_without_capture "$1" "$2" "$(why_it_failed "$done" "$base.log")"
	elif [ ! -e "$base.left" ]; then
		row_without_capture "$1" "$2" "nobody looked what is left in the host's tracing"
	elif [ -s "$base.left" ]; then
		row_without_capture "$1" "$2" "the host's tracing is not as before"
	elif [ "$3" = cost ]; then
		row_of_cost "$1" "$2"
	elif [ "${2%.*}" = tracepoints ]; then
		row_of_tracepoints "$1" "$2"
	elif [[ $3 =~ ^(trouble|gmem)$ && ! -s $base.dat ]]; then
		row_of_checks "$1" "$2"
	elif "$retryscope" replay --algo "$(algos_of_row "$1" "$2")" --format json -o "$base.report.json" "$base.dat" \
		2>"$base.err"; then
		row_of_capture "$1" "$2" "$3"
	else
		row_without_capture "$1" "$2" "replay: $(tail -n 1 "$base.err")"
	fi
}

row_of_capture() { # SERIES NAME KIND
	local base=$out/$1-$2 events lost checks same known lsame lknown equal compared
	local hva gfn exact missed faults wrong

	if ! read -r events lost checks same known lsame lknown equal compared hva gfn exact missed \
		faults < <(summarize "$base.report.json" "$(algorithm_in "$1" "$2")"); then
		row_without_capture "$1" "$2" "its report cannot be read"
		return
	fi
	wrong=$({
		verdict "$3" "$lost" "$same" "$known" "$lsame" "$lknown" "$equal" "$compared" \
			"$missed" "$faults" "$(counted_faults "$base.json")"
		[ "$3" != workload ] || [ -s "$base.json" ] || echo "the workload says nothing"
		[ "$3" != gmem ] || has_holes "$base.dat" || echo "no hole in a guest_memfd"
		[ "$3" != firmware ] || has_layout "$base.dat" "$base.mtree" ||
			echo "other memslots than QEMU says"
	} | paste -sd, | sed 's/, */, /g')
	# shellcheck disable=SC2059
	printf "$row_format" "$2" "$1" "$events" "$lost" "$checks" "$same/$known" \
		"$lsame/$lknown" "$equal/$compared" "$hva" "$gfn" "$exact" "${wrong:-ok}"
}

row_without_capture() { # SERIES NAME REASON
	# shellcheck disable=SC2059
	printf "$row_format" "$2" "$1" - - - - - - - - - "${3:-did not end}"
}

# With assumptions about what its trace does not tell, faults can be judged, and the
# report says what was assumed; there is no kernel's decision to compare with.
row_of_tracepoints() { # SERIES NAME
	local base=$out/$1-$2

	if ! "$retryscope" replay -o "$base.txt" --assume-duration 1ms \
		--memslots "$base.memslots" "$base.dat" 2>"$base.err"; then
		row_without_capture "$1" "$2" "replay: $(tail -n 1 "$base.err")"
	elif ! grep -q '^LEVEL: tracepoints' "$base.txt"; then
		row_without_capture "$1" "$2" "replayed, but does not name its level"
	elif ! grep -qE ': [0-9,]+ faults checked' "$base.txt"; then
		row_without_capture "$1" "$2" "no fault was judged"
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
# A workload that was not measured with both has no such number, or 0.
row_of_cost() { # SERIES NAME
	cost_table "$out/$1-$2.log" >"$out/$1-$2.txt"
	row_without_capture "$1" "$2" "$(LC_ALL=C awk '
		/ times as long/ { n++ }
		/ times as long/ && !($4 > 0 && $4 <= 1.1) { bad = bad (bad ? "," : "") $1 " " $4 }
		END { print n ? bad ? bad : "ok" : "no costs were measured" }' "$out/$1-$2.txt")"
}

table() { # SERIES...
	local series name

	# shellcheck disable=SC2059
	printf "$row_format" scenario kernel events lost checks locked lockless STATE \
		hva gfn exact verdict
	for series in "$@"; do
		for name in "${chosen[@]}"; do
			row "$series" "$name" "$(kind_of "$name")"
		done
	done
	for series in "$@"; do
		[ ! -s "$out/$series-cost.txt" ] || printf '\nCost of recording on %s\n%s\n' \
			"$series" "$(cat "$out/$series-cost.txt")"
	done
}

# Under which circumstances it was made, for whoever compares two of them.
about_run() {
	local load

	read -r load _ </proc/loadavg
	printf '\nkernels %s; %s; %s; %d minutes, load %s on %d CPUs\n' \
		"$(IFS=,; echo "${versions[*]}" | sed 's/,/, /g')" \
		"$(qemu-system-x86_64 --version | sed -n '1s/ (.*//p')" "$(date +%F)" \
		$(((SECONDS + 59) / 60)) "$load" "$(nproc)"
}

# How many rows of the table say that all is well, that something is not, or that
# the VM died: which says nothing of what was to be tested. The verdict is the 12th
# column: a reason may well end in "ok".
table_count() { # ok|bad|skipped
	sed -e 1d -e '/^$/,$d' "$out/table.txt" | awk -v what="$1" '
		{ is = NF == 12 && $12 == "ok" ? "ok" : $12 == "SKIPPED:" ? "skipped" : "bad" }
		is == what { n++ }
		END { print n + 0 }'
}
