#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The tables of scripts/measure, of figures that can be worked out by hand.
set -u
source_dir=$(realpath "$1")
measure=$source_dir/scripts/measure
temp=$(mktemp -d) || exit 1
trap 'rm -rf "$temp"' EXIT
failures=0

expect() { # WHAT WANTED GOT
	[ "$2" = "$3" ] || { echo "$1: wanted '$2', got '$3'"; failures=$((failures + 1)); }
}

# What the table under the line that begins with $1 says of the row $2, with single spaces.
row() {
	"$measure" --table "$temp" | awk -v title="$1" -v row="$2" '
	index($0, title) == 1 { on = 1 }
	on { gsub(/ +/, " "); if (index($0, row) == 1) { print; exit } }'
}

expect "no folder" 2 "$("$measure" >/dev/null 2>&1; echo $?)"
expect "no time" 2 "$("$measure" --until nonsense "$temp" >/dev/null 2>&1; echo $?)"
expect "no number" 2 "$("$measure" --runs x "$temp" >/dev/null 2>&1; echo $?)"
expect "nothing there" 1 "$("$measure" --table "$temp" >/dev/null 2>&1; echo $?)"

expect "and nothing made" "" "$(ls "$temp")"

mkdir "$temp/runs"
# Three runs; hva has half the retries of gfn in each; gfn's captures promise 0.4 to 0.6 for it.
for run in 1 2 3; do
	{
		echo "alias3 gfn $run gfn measured retries $((2 * run))"
		echo "alias3 gfn $run gfn measured resolved $((1000 * run))"
		echo "alias3 gfn $run hva recorded retries 0.4"
		echo "alias3 gfn $run hva think retries 0.6"
		echo "alias3 gfn $run hva recorded-mean retries 0.8"
		echo "alias3 gfn $run hva think-mean retries 1.2"
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
	} >"$temp/runs/alias3-$run.figures"
done
expect "median and range" "alias3 gfn 3 2000 (1000..3000) 4.00 (2.00..6.00) - - -" \
	"$(row 'What the kernel did' 'alias3 gfn')"
expect "by rounds" "alias3 gfn 2.00 (2.00..2.00) - -" "$(row 'The same as ratios' 'alias3 gfn')"
expect "within" "alias3 gfn hva 4.00 (2.00..6.00) 3.00 (3.00..3.00) 5.00 (5.00..5.00) yes" \
	"$(row 'Retries a fault, predicted' 'alias3 gfn hva')"
expect "above, and between with longer gaps" \
	"alias3 hva gfn 2.00 (1.00..3.00) 0.40 (0.40..0.40) 0.60 (0.60..0.60) above 0.80 (0.80..0.80) 1.20 (1.20..1.20) yes" \
	"$(row 'Retries a fault, predicted' 'alias3 hva gfn')"
expect "in times of exact" "alias3 gfn 4.00 (2.00..6.00) 1.00 (1.00..1.00) - 4.00, -" \
	"$(row 'Retries a fault, and what exact' 'alias3 gfn')"
expect "so many" "1 of 2: what was measured and what both arrivals predict, over all runs, overlap" \
	"$(row 'Retries a fault, predicted' '1 of 2: what')"
expect "so many with longer gaps" "1 of 1: the same, with retry gaps from the median to the mean" \
	"$(row 'Retries a fault, predicted' '1 of 1:')"
expect "mmu_lock" "alias3 gfn 20.0 (10.0..30.0) 2.00 (1.00..3.00) 5.00 (5.00..5.00) 50.0 (50.0..50.0)" \
	"$(row 'How long mmu_lock' 'alias3 gfn')"
expect "missed" "missed by an algorithm that the kernel ran: 1" \
	"$("$measure" --table "$temp" | tail -n 1)"

# Two tries of one fault come 10 and 30 ns after a retry; another fault, an end, and one that
# was not sent back are none.
gaps='0 1 fault_begin vcpu=0 gfn=0x1
5 1 fault_check vcpu=0 result=retry
15 1 fault_begin vcpu=0 gfn=0x1
16 1 fault_check vcpu=0 result=retry
20 1 fault_begin vcpu=1 gfn=0x1
46 1 fault_begin vcpu=0 gfn=0x1
47 1 fault_check vcpu=0 result=ok
50 1 fault_begin vcpu=0 gfn=0x1
51 1 fault_check vcpu=0 result=retry
60 1 fault_begin vcpu=0 gfn=0x2
61 1 fault_end vcpu=0
62 1 fault_begin vcpu=0 gfn=0x2'
expect "mean gap" 20 "$(awk -f "$source_dir/scripts/lab.d/gap.awk" <<<"$gaps")"
expect "no gap" "" "$(head -n 2 <<<"$gaps" | awk -f "$source_dir/scripts/lab.d/gap.awk")"

[ "$failures" -eq 0 ]
