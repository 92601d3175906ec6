#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The tables of scripts/measure, of figures that can be worked out by hand.
. "$1/tests/common/check.bash"
measure=$source_dir/scripts/measure

# What the table under the line that begins with $1 says of the row $2, with single spaces.
row() {
	"$measure" --table "$work" | awk -v title="$1" -v row="$2" '
	index($0, title) == 1 { on = 1 }
	on { gsub(/ +/, " "); if (index($0, row) == 1) { print; exit } }'
}

expect "no folder" 2 "$("$measure" >/dev/null 2>&1; echo $?)"
expect "no time" 2 "$("$measure" --until nonsense "$work" >/dev/null 2>&1; echo $?)"
expect "no number" 2 "$("$measure" --runs x "$work" >/dev/null 2>&1; echo $?)"
expect "no seconds" 2 "$("$measure" --guest-seconds 0 "$work" >/dev/null 2>&1; echo $?)"
expect "nothing there" 1 "$("$measure" --table "$work" >/dev/null 2>&1; echo $?)"

expect "and nothing made" "" "$(ls "$work")"

mkdir "$work/runs"
# Three runs; hva has half the retries of gfn in each; gfn's captures promise 0.4 to 0.6 for it.
for run in 1 2 3; do
	{
		echo "alias3 gfn $run gfn measured retries $((2 * run))"
		echo "alias3 gfn $run gfn measured resolved $((1000 * run))"
		echo "alias3 gfn $run gfn measured invalidations $((100 * run))"
		echo "alias3 gfn $run hva recorded retries 0.4"
		echo "alias3 gfn $run hva think retries 0.6"
		echo "alias3 gfn $run hva recorded-mean retries 0.8"
		echo "alias3 gfn $run hva think-mean retries 1.2"
		echo "alias3 gfn $run gfn measured calm_us 50"
		echo "alias3 gfn $run gfn measured busy_us $((100 * run))"
		echo "alias3 gfn $run gfn measured busy_share $((10 * run))"
		echo "alias3 gfn $run gfn measured write_us $((10 * run))"
		echo "alias3 gfn $run gfn measured write_share $run"
		echo "alias3 gfn $run gfn measured read_us 5"
		echo "alias3 gfn $run gfn measured read_share 50"
		echo "alias3 gfn $run exact recorded retries 1"
		echo "alias3 gfn $run gfn measured missed 0"
		echo "alias3 hva $run hva measured retries $run"
		echo "alias3 hva $run hva measured missed $((run == 3))"
		echo "alias3 hva $run gfn recorded retries 3"
		echo "alias3 hva $run gfn think retries 5"
	} >"$work/runs/alias3-$run.figures"
done
expect "median and range" "alias3 gfn 3 2000 (1000..3000) 200 (100..300) 4.00 (2.00..6.00) - - -" \
	"$(row 'What the kernel did' 'alias3 gfn')"
expect "by rounds" "alias3 gfn 2.00 (2.00..2.00) - -" "$(row 'The same as ratios' 'alias3 gfn')"
expect "by rounds, over what kernels have" "alias3 hva 0.50 (0.50..0.50) - -" \
	"$(row 'The same as ratios of two runs of one round, each over that with gfn' 'alias3 hva')"
expect "within" "alias3 gfn hva 4.00 (2.00..6.00) 3.00 (3.00..3.00) 5.00 (5.00..5.00) yes" \
	"$(row 'Retries a fault, predicted' 'alias3 gfn hva')"
expect "above, and between with longer gaps" \
	"alias3 hva gfn 2.00 (1.00..3.00) 0.40 (0.40..0.40) 0.60 (0.60..0.60) above 0.80 (0.80..0.80) 1.20 (1.20..1.20) yes" \
	"$(row 'Retries a fault, predicted' 'alias3 hva gfn')"
expect "how far off" "alias3 hva gfn 2.00 (1.00..3.00) 0.40 (0.40..0.40) -80 % 0.60 (0.60..0.60) -70 %" \
	"$("$measure" --errors "$work" | tr -s ' ' | grep '^alias3 hva gfn')"
expect "in times of exact" "alias3 gfn 4.00 (2.00..6.00) 1.00 (1.00..1.00) - 4.00, -" \
	"$(row 'Retries a fault, and what exact' 'alias3 gfn')"
expect "so many" "1 of 2: what was measured and what both arrivals predict, over all runs, overlap" \
	"$(row 'Retries a fault, predicted' '1 of 2: what')"
expect "so many with longer gaps" "1 of 1: the same, with retry gaps from the median to the mean" \
	"$(row 'Retries a fault, predicted' '1 of 1:')"
cat >"$work/runs/1-6.12.table" <<-'END'
	alias3@gfn 6.12 9 0 5 3/3 2/2 4/4 1 1 0 ok
	alias0@gfn.2 6.12 9 0 5 3/4 2/2 4/4 1 1 0 1 locked disagree
	alias0@hva 6.12 - - - - - - - - - SKIPPED: the VM died 3 times
END
expect "what the lab said" "gfn 2 1/2 6/7 4/4 8/8" "$(row 'Whether the kernel did' 'gfn ')"
expect "what was skipped" "hva 1 0/1 0/0 0/0 0/0" "$(row 'Whether the kernel did' 'hva ')"
expect "mmu_lock" "alias3 gfn 20.0 (10.0..30.0) 2.00 (1.00..3.00) 5.00 (5.00..5.00) 50.0 (50.0..50.0)" \
	"$(row 'How long mmu_lock' 'alias3 gfn')"
expect "attempts that are let through" "alias3 gfn 50.0 (50.0..50.0) 200 (100..300) 20.0 (10.0..30.0)" \
	"$(row 'How long an attempt' 'alias3 gfn')"
expect "missed" "missed by an algorithm that the kernel ran: 1" \
	"$("$measure" --table "$work" | tail -n 1)"

# The median of eight runs is between two; of nine the first and the last do not count.
for runs in 8 9; do
	rm -f "$work"/runs/*
	for run in $(seq $runs); do
		echo "alias3 gfn $run gfn measured retries $run"
	done >"$work/runs/alias3.figures"
	expect "the median of $runs runs" \
		"alias3 gfn $runs - - $([ $runs = 8 ] && echo "4.50 (1.00..8.00)" || echo "5.00 (2.00..8.00)") - - -" \
		"$(row 'What the kernel did' 'alias3 gfn')"
done

# A lab that only says what it was asked for: a round is one boot of each kernel, with the guests.
mkdir "$work/scripts"
cp -r "$measure" "$source_dir/scripts/lab.d" "$work/scripts/"
cat >"$work/scripts/lab" <<-'END'
	#!/bin/bash
	while [ $# -gt 0 ]; do
		case "$1" in
		--kernel | --scenario | --guest-seconds | --seed | --rate) asked+=" $2" ;;
		--out) mkdir -p "$2" && touch "$2/table.txt" ;;
		esac
		shift
	done
	echo "$asked" >>"${0%/*}/asked"
END
chmod +x "$work/scripts/lab"
"$work/scripts/measure" --runs 2 "$work/asked" >/dev/null 2>&1
expect "a run that did not end is no run" 1 $?
expect "one boot of a kernel for a round" "$(
	for round in 2 3; do
		echo " 6.12 alias0,alias1,alias3,alias7,partial,thp,qemu,qemu-vga 8 $round"
		echo " newest gmem,gmem-mixed 8 $round"
	done
)" "$(cat "$work/scripts/asked")"
"$work/scripts/measure" --rate 7 --scenario thp --runs 1 "$work/rated" >/dev/null 2>&1
expect "with so many invalidations a second" " 6.12 thp 7 8 2" "$(tail -n 1 "$work/scripts/asked")"

# Two tries of one fault come 10 and 30 ns after a retry; another fault, an end, and one that
# was not sent back are none. Of three attempts that are let through, which take 1, 1 and 4 ns,
# the last begins while one of two invalidations of its VM is outstanding still.
attempts='0 1 fault_begin vcpu=0 gfn=0x1
5 1 fault_check vcpu=0 result=retry
15 1 fault_begin vcpu=0 gfn=0x1
16 1 fault_check vcpu=0 result=retry
20 1 fault_begin vcpu=1 gfn=0x1
21 1 fault_check vcpu=1 result=ok
46 1 fault_begin vcpu=0 gfn=0x1
47 1 fault_check vcpu=0 result=ok
48 2 inval_begin id=1
48 1 inval_begin id=2
49 1 inval_end id=2
50 1 fault_begin vcpu=0 gfn=0x1
51 1 fault_check vcpu=0 result=retry
60 1 fault_begin vcpu=0 gfn=0x2
61 1 fault_end vcpu=0
61 1 inval_begin id=3
61 1 inval_begin id=4
62 1 inval_end id=4
62 1 fault_begin vcpu=0 gfn=0x2
66 1 fault_check vcpu=0 result=ok'
attempts_of() { # LINES: what they say, in a line
	head -n "$1" <<<"$attempts" | awk -v key=x -f "$source_dir/scripts/lab.d/attempts.awk" | paste -sd,
}
expect "attempts" "x gap_ns 20,x calm_us 0.001,x busy_us 0.004,x busy_share 33.3333333333333" "$(attempts_of 99)"
expect "none" "" "$(attempts_of 2)"

# Of 40 faults of two VMs in 2 s; mmu_lock was held 4 times for write and twice for read.
figures='vm,algorithm,logical_faults,retries,stall_total_ns,invalidations_hit,missed_faults,as_recorded_faults,duration_ns,stall_p99_ns,stall_p999_ns
1,"gfn:2",30,60,90000,5,1,15,2000000000,4000,9000
2,"gfn:2",10,20,30000,15,2,5,2000000000,7000,8000
1,exact,40,4,8000,20,0,40,2000000000,1000,1000
1,hva,0,0,0,0,0,0,2000000000,0,0'
figures_of() { # HOW HELD: what they say, in a line
	awk -F, -v key=x -v ran=gfn -v how="$1" -v held="$2" \
		-f "$source_dir/scripts/lab.d/figures.awk" <<<"$figures" | sort | paste -sd,
}
others="x exact recorded retries 0.1,x exact recorded stall 0.2"
ran="x gfn measured invalidations 10,x gfn measured missed 3,x gfn measured p99 7,x gfn measured p999 9"
expect "figures" "$others,$ran,x gfn measured read_share 0.0003,x gfn measured read_us 3,$(
	)x gfn measured resolved 20,x gfn measured retries 2,x gfn measured same 0.5,$(
	)x gfn measured stall 3,x gfn measured write_share 0.0004,x gfn measured write_us 2" \
	"$(figures_of recorded "4 8000 2 6000")"
for held in "" "4 8000 0 0" "0 0 2 6000"; do
	expect "with a lock of '$held'" "$others,$ran,x gfn measured resolved 20,$(
		)x gfn measured retries 2,x gfn measured same 0.5,x gfn measured stall 3" \
		"$(figures_of recorded "$held")"
done
expect "with other arrivals" "${others//recorded/think}" "$(figures_of think "4 8000 2 6000")"

[ "$failures" -eq 0 ]
