#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The lab's judge on made-up captures: each way in which a capture can be wrong is a
# row that says so and is counted as a failure; what is right is "ok". Nothing is
# booted, and retryscope is a script that hands out the report that a test wants; at
# the end a report of the real one is summed up too.
# shellcheck disable=SC2034  # the sourced part uses what is set here
. "$1/tests/common/check.bash"
command -v jq >/dev/null || skip "jq is not installed"

# shellcheck source=/dev/null
. "$source_dir/scripts/lab.d/table.sh"
# shellcheck source=/dev/null
. "$source_dir/scripts/lab.d/cost.sh"
# shellcheck source=/dev/null
. "$source_dir/scripts/lab.d/guest/scenarios.sh"

# Numbers of other languages have a decimal comma, which must not change a verdict.
if localedef -i de_DE -f UTF-8 "$work/de_DE.UTF-8" >/dev/null 2>&1; then
	export LOCPATH=$work LANG=de_DE.UTF-8
	unset LC_ALL
fi
out="$work/a folder/out"
mkdir -p "$out"
retryscope="$work/a folder/retryscope"
cat >"$retryscope" <<'END'
#!/bin/sh
# replay --format json -o REPORT CAPTURE, or with assumptions: a capture is its report. So it
# is what info --json CAPTURE says of it.
[ "$1" != info ] || exec cat "$3"
[ "$1" != layout ] || exec cat "$4.layout"
[ "$1" = replay ] || exit 2
for file; do :; done
while [ $# -gt 1 ]; do
	case "$1" in
	-o) report=$2 ;;
	--memslots) [ -e "$2" ] || { echo "no $2" >&2; exit 1; } ;;
	esac
	shift
done
if grep -q ill-formed "$file"; then
	echo "retryscope: x: first line" >&2
	echo "retryscope: x: it is ill-formed" >&2
	exit 1
fi
cat "$file" >"$report"
END
chmod +x "$retryscope"

# Every number is another one, so that none can stand for its neighbour.
algorithm() { # N
	jq -n --argjson n "$1" '{ rejected: (600 + $n), missed: 0, agreement: {
		locked: { same: (200 + $n), known: (200 + $n) },
		lockless: { same: (3000 + $n), known: (3000 + $n) } } }'
}

vm() { # N
	jq -n --argjson n "$1" --argjson hva "$(algorithm $((10 + $1)))" \
		--argjson gfn "$(algorithm $((20 + $1)))" \
		--argjson exact "$(algorithm $((30 + $1)))" '{
		faults: { checked: (1000 + $n), no_memslot: (10 + $n), ended: (20 + $n),
			unjudged: (30 + $n), slot_invalid: (40 + $n), root_obsolete: (50 + $n),
			async: (60 + $n), necessary: 5000, lockless: 6000 },
		state: { equal: (4000 + $n), compared: (4000 + $n) }, origins: { guest_memfd: 0 },
		algorithms: { hva: $hva, gfn: $gfn, exact: $exact } }'
}
good=$(jq -n --argjson a "$(vm 1)" --argjson b "$(vm 2)" \
	'{ trace: { events: 90000, lost: 0 }, vms: [$a, $b] }')

# What is there after a scenario that went well.
capture() { # SERIES NAME [JQ]
	rm -f "$out/$1-$2".*
	jq "${3:-.}" <<<"$good" >"$out/$1-$2.dat"
	echo "what QEMU's monitor said" >"$out/$1-$2.mtree"
	echo '{ "layouts": [ { "memslots": [0, 1], "frames": 70, "aliased_frames": 6 } ] }' |
		tee "$out/$1-$2.dat.layout" >"$out/$1-$2.mtree.layout"
	echo 0 >"$out/$1-$2.done"
	: >"$out/$1-$2.left"
	echo "the log" >"$out/$1-$2.log"
	echo '{ "vms": [ { "kvm": { "pf_taken": 1217 } }, { "kvm": { "pf_taken": 1224 } } ] }' \
		>"$out/$1-$2.json"
}

# The row of a scenario, what it says, and whether it is counted so.
judge() { # WHAT WANTED SERIES NAME KIND
	local row what is=bad

	row=$(row "$3" "$4" "$5" 2>"$work/stderr")
	case "$2" in
	ok) is=ok ;;
	SKIPPED*) is=skipped ;;
	esac
	expect "$1" "$2" "$(sed -E 's/^([^ ]+ +){11}//' <<<"$row")"
	printf 'the head\n%s\n\nthe rest ok\n' "$row" >"$out/table.txt"
	for what in ok bad skipped; do
		expect "$1: rows counted as $what" "$([ $is = $what ] && echo 1 || echo 0)" \
			"$(table_count $what)"
	done
	[ ! -s "$work/stderr" ] || expect "$1: the judge's own trouble" "" "$(cat "$work/stderr")"
}

# wrong WANTED JQ [SERIES KIND]: with that change to a good report.
wrong() {
	capture "${3:-6.12}" x "$2"
	judge "$2" "$1" "${3:-6.12}" x "${4:-workload}"
}

capture 6.12 x
"$retryscope" replay -o "$work/report" "$out/6.12-x.dat"
expect "sums over the VMs, of the algorithm of 6.12" \
	"90000 0 2003 443 443 6043 6043 8003 8003 1223 1243 1263 0 2441" \
	"$(summarize "$work/report" gfn)"
expect "sums over the VMs, of the algorithm of 6.1" \
	"90000 0 2003 423 423 6023 6023 8003 8003 1223 1243 1263 0 2441" \
	"$(summarize "$work/report" hva)"
expect "its row" "x 6.12 90000 0 2003 443/443 6043/6043 8003/8003 1223 1243 1263 ok" \
	"$(row 6.12 x workload | tr -s ' ')"
expect "KVM's own count" 2441 "$(counted_faults "$out/6.12-x.json")"
judge "a good capture" ok 6.12 x workload

# What disagrees, in either VM, and in the algorithm that the kernel has.
for i in 0 1; do
	for series in 6.1 6.12; do
		own=.vms[$i].algorithms.$(algorithm_of $series)
		other=.vms[$i].algorithms.hva
		[ $series = 6.12 ] || other=.vms[$i].algorithms.gfn
		wrong "1 locked disagree" "$own.agreement.locked.same -= 1" $series
		wrong "31 lockless disagree" "$own.agreement.lockless.same -= 31" $series
		wrong ok "$own.agreement.lockless.same -= 30" $series
		wrong "missed 2" "$own.missed = 2" $series
		wrong ok "$other.missed = 2 | $other.agreement.locked.same = 0" $series
	done
	wrong "1 STATE differ" ".vms[$i].state.equal -= 1"
	for which in checked no_memslot ended unjudged slot_invalid root_obsolete async; do
		wrong "2440 faults recorded, KVM counted 2441" ".vms[$i].faults.$which -= 1"
		wrong "2442 faults recorded, KVM counted 2441" ".vms[$i].faults.$which += 1"
	done
	wrong ok ".vms[$i].faults.necessary += 1 | .vms[$i].faults.lockless += 1"
done
wrong "lost 1" ".trace.lost = 1"
wrong "no decisions" ".vms[].algorithms.gfn.agreement.locked = { same: 0, known: 0 }"
wrong "no decisions" "del(.vms[].algorithms.gfn)"
wrong "no STATE" ".vms[].state = { equal: 0, compared: 0 }"
wrong "no STATE" "del(.vms[].state)"
wrong "lost 4, 2 locked disagree, 1 STATE differ" \
	".trace.lost = 4 | .vms[0].state.equal -= 1 | .vms[].algorithms.gfn.agreement.locked.same -= 1"
wrong "no decisions, no STATE, 0 faults recorded, KVM counted 2441" ".vms = []"
wrong "-1 locked disagree" ".vms[0].algorithms.gfn.agreement.locked.same += 1"

# A VM that began before the capture had faults before it.
wrong ok ".vms[0].faults.checked -= 100" 6.12 late
wrong "1 locked disagree" ".vms[0].algorithms.gfn.agreement.locked.same -= 1" 6.12 late
wrong "1 STATE differ" ".vms[0].state.equal -= 1" 6.12 pid
wrong "lost 2" ".trace.lost = 2" 6.12 qemu
wrong "missed 1" ".vms[1].algorithms.gfn.missed = 1" 6.12 trouble
# Of a guest_memfd, of which each VM or one must show something.
wrong ok ".vms[1].origins.guest_memfd = 3" 7.3 gmem
wrong "no hole in a guest_memfd" "." 7.3 gmem
wrong "1 locked disagree, no hole in a guest_memfd" \
	".vms[0].algorithms.gfn.agreement.locked.same -= 1" 7.3 gmem
wrong "2440 faults recorded, KVM counted 2441" \
	".vms[1].origins.guest_memfd = 3 | .vms[0].faults.checked -= 1" 7.3 gmem
# Of a QEMU guest, whose memslots its monitor knows.
capture 6.12 x
judge "a QEMU guest" ok 6.12 x firmware
for other in '.memslots += [2]' '.frames += 1' '.aliased_frames -= 1'; do
	capture 6.12 x
	jq ".layouts[0] |= ($other)" "$out/6.12-x.mtree.layout" >"$out/6.12-x.dat.layout"
	judge "$other" "other memslots than QEMU says" 6.12 x firmware
done
capture 6.12 x
: >"$out/6.12-x.mtree"
judge "a monitor that said nothing" "other memslots than QEMU says" 6.12 x firmware
# Where events had to be lost; what is judged all the same must be right.
wrong ok ".trace.lost = 2 | .vms[0].faults.checked -= 100" 6.12 lost
wrong "nothing lost" "." 6.12 lost
wrong "1 locked disagree" \
	".trace.lost = 2 | .vms[0].algorithms.gfn.agreement.locked.same -= 1" 6.12 lost
wrong "1 STATE differ" ".trace.lost = 2 | .vms[0].state.equal -= 1" 6.12 lost
# Where decisions were withheld.
wrong "claims 443 decisions that it cannot know" "." 6.12 withheld
wrong ok ".vms[].algorithms.gfn.agreement.locked = { same: 0, known: 0 }" 6.12 withheld
wrong "1 STATE differ" ".vms[].algorithms.gfn.agreement.locked = { same: 0, known: 0 } |
	.vms[0].state.equal -= 1" 6.12 withheld

# What is not there, or no report.
capture 6.12 x
rm "$out/6.12-x.json"
judge "a workload that wrote no report" "the workload says nothing" 6.12 x workload
judge "none is wanted of others" ok 6.12 x late
: >"$out/6.12-x.json"
judge "an empty one" "the workload says nothing" 6.12 x workload
echo '{ "vms": [ { "kvm": { "pf_taken": 1217 } }, { "kvm": { "pf_taken": null } } ] }' \
	>"$out/6.12-x.json"
judge "a kernel that counts no faults" ok 6.12 x workload
capture 6.12 x
echo ill-formed >"$out/6.12-x.dat"
judge "a capture that cannot be replayed" "replay: retryscope: x: it is ill-formed" \
	6.12 x workload
capture 6.12 x
echo '{ "trace": { "events"' >"$out/6.12-x.dat"
row 6.12 x workload >"$work/row" 2>/dev/null
expect "half a report" "its report cannot be read" \
	"$(sed -E 's/^([^ ]+ +){11}//' "$work/row")"
: >"$out/6.12-x.dat"
row 6.12 x workload >"$work/row" 2>/dev/null
expect "an empty report" "its report cannot be read" \
	"$(sed -E 's/^([^ ]+ +){11}//' "$work/row")"
capture 6.12 x
rm "$out/6.12-x.dat"
row 6.12 x workload >"$work/row" 2>/dev/null
expect "no capture" 1 "$(grep -c ' replay: ' "$work/row")"

# What is left in the host.
capture 6.12 x
echo "> p:retryscope_7/fault kvm_tdp_page_fault" >"$out/6.12-x.left"
for kind in workload late lost withheld trouble qemu cost; do
	judge "something is left after a $kind" "the host's tracing is not as before" 6.12 x $kind
done
mv "$out/6.12-x.dat" "$out/6.12-x.away"
judge "and no capture" "the host's tracing is not as before" 6.12 x trouble
capture 6.12 tracepoints
echo left >"$out/6.12-tracepoints.left"
judge "left by tracepoints" "the host's tracing is not as before" 6.12 tracepoints withheld
capture 6.12 x
rm "$out/6.12-x.left"
judge "nobody looked" "nobody looked what is left in the host's tracing" 6.12 x workload

# A scenario that failed, did not end, or whose VM died.
capture 6.12 x
echo 1 >"$out/6.12-x.done"
judge "the recorder failed" "ended with 1: the log" 6.12 x workload
printf 'ok one\nnot ok two\nnot ok three\nok\n' >"$out/6.12-x.log"
judge "a check failed" "ended with 1: not ok two" 6.12 x trouble
echo "all is ok" >"$out/6.12-x.log"
judge "the log of a failure that ends well" "ended with 1: all is ok" 6.12 x trouble
echo "ok" >"$out/6.12-x.log"
judge "one that is that word" "ended with 1: ok" 6.12 x trouble
echo "SKIPPED: no" >"$out/6.12-x.log"
judge "one that says it was skipped" "ended with 1: SKIPPED: no" 6.12 x trouble
rm "$out/6.12-x.log"
judge "without a log" "ended with 1" 6.12 x trouble
rm "$out/6.12-x.done"
judge "one that did not end" "did not end" 6.12 x workload
echo "boom" >"$out/6.12-x.log"
judge "its last words" "did not end: boom" 6.12 x workload
echo skipped >"$out/6.12-x.done"
echo "the VM died 3 times: BUG: ok" >"$out/6.12-x.log"
judge "the kernel died" "SKIPPED: the VM died 3 times: BUG: ok" 6.12 x workload
rm -f "$out"/6.12-x.*
judge "nothing at all" "did not end" 6.12 x workload

# Scenarios that judge themselves.
checks() { # WHAT WANTED LOG
	capture 6.12 x
	rm "$out/6.12-x.dat"
	printf '%b' "$3" >"$out/6.12-x.log"
	judge "$1" "$2" 6.12 x trouble
}
checks "all checks are good" ok 'ok one\nnoise\nok two\n'
checks "one is not" "not ok two (1 of 3)" 'ok one\nnot ok two\nok three\n'
checks "two are not" "not ok two (2 of 3)" 'ok one\nnot ok two\nnot ok three\n'
checks "none was made" "(0 of 0)" 'it is ok\n'

# Without probes.
tracepoints() { # WHAT WANTED REPORT
	capture 6.12 tracepoints
	printf '%b' "$3" >"$out/6.12-tracepoints.dat"
	: >"$out/6.12-tracepoints.memslots"
	judge "$1" "$2" 6.12 tracepoints withheld
}
tracepoints "a report of tracepoints" ok 'LEVEL: tracepoints\nVM 1: 1,234 faults checked\n'
tracepoints "of another level" "replayed, but does not name its level" \
	'LEVEL: full\nVM 1: 1,234 faults checked\n'
tracepoints "without faults" "no fault was judged" 'LEVEL: tracepoints\nVM 1: no faults checked\n'
tracepoints "ill-formed" "replay: retryscope: x: it is ill-formed" 'ill-formed'
tracepoints "good again" ok 'LEVEL: tracepoints\nVM 1: 1 faults checked\n'
capture 6.12 tracepoints.2
printf 'LEVEL: tracepoints\nVM 1: 1 faults checked\n' >"$out/6.12-tracepoints.2.dat"
: >"$out/6.12-tracepoints.2.memslots"
judge "a second round" ok 6.12 tracepoints.2 withheld
rm "$out/6.12-tracepoints.memslots"
judge "without memslots" "replay: no $out/6.12-tracepoints.memslots" 6.12 tracepoints withheld

# What recording costs.
cost() { # WHAT WANTED RETRYSCOPE-NS LINES...
	capture 6.12 cost
	{
		echo "cost-empty 100000"
		echo "cost new-pages none 1000 1000 20000 0"
		echo "cost new-pages trace-cmd 1000 1000 27000 450000"
		[ "$3" = 0 ] || echo "cost new-pages retryscope 1000 1000 $3 450000"
	} >"$out/6.12-cost.log"
	judge "$1" "$2" 6.12 cost cost
}
cost "as fast" ok 27000
cost "slower, but not by much" ok 29700
cost "too slow" "new-pages: 1.11" 29970
cost "much too slow" "new-pages: 10.00" 270000
cost "not measured with retryscope" "new-pages: 0.00" 0
expect "its table is kept" 1 "$(grep -c '^new-pages  trace-cmd ' "$out/6.12-cost.txt")"
echo "nothing was measured" >"$out/6.12-cost.log"
row 6.12 cost cost >"$work/row" 2>/dev/null
expect "a log without costs" "no costs were measured" \
	"$(sed -E 's/^([^ ]+ +){11}//' "$work/row")"
rm "$out/6.12-cost.log"
row 6.12 cost cost >"$work/row" 2>/dev/null
expect "without a log" "no costs were measured" "$(sed -E 's/^([^ ]+ +){11}//' "$work/row")"

# The whole table: a row for each kernel and scenario, each judged by its own kind.
chosen=(alias3 late cost kill)
for series in 6.1 6.12; do
	for name in alias3 late; do
		capture $series $name
	done
	capture $series kill
	rm "$out/$series-kill.dat"
	echo "ok all" >"$out/$series-kill.log"
	cost "$series" ok 27000
	[ $series = 6.12 ] || for file in "$out"/6.12-cost.*; do
		mv "$file" "$out/6.1-cost.${file##*.}"
	done
done
table 6.1 6.12 >"$work/table.txt"
cp "$work/table.txt" "$out/table.txt"
expect "a table of good captures" "8 0 0" \
	"$(table_count ok) $(table_count bad) $(table_count skipped)"
expect "its rows" "alias3/6.1 late/6.1 cost/6.1 kill/6.1 alias3/6.12 late/6.12 cost/6.12 kill/6.12" \
	"$(sed -e 1d -e '/^$/,$d' "$out/table.txt" | awk '{ print $1 "/" $2 }' | paste -sd' ')"
expect "its tables of costs" "Cost of recording on 6.1,Cost of recording on 6.12" \
	"$(grep '^Cost' "$out/table.txt" | paste -sd,)"
capture 6.1 late ".vms[0].state.equal -= 1"
echo skipped >"$out/6.12-alias3.done"
rm "$out/6.12-kill.done"
table 6.1 6.12 >"$work/table.txt"
cp "$work/table.txt" "$out/table.txt"
expect "a table with a failure, one that did not end, and one that died" "5 2 1" \
	"$(table_count ok) $(table_count bad) $(table_count skipped)"

# What the judge reads of a report is what the program writes.
"$build_dir/retryscope" replay --format json -o "$work/real" \
	"$source_dir/traces/samples/6.12-alias0.dat"
read -r events lost checks same known lsame lknown equal compared hva gfn exact missed faults \
	< <(summarize "$work/real" gfn)
for number in events checks same known lsame lknown equal compared hva gfn exact faults; do
	[ "${!number}" -gt 0 ] || expect "$number of a real report" "more than 0" "${!number}"
done
expect "lost and missed in a real report" "0 0" "$lost $missed"
[ "$failures" -eq 0 ]
