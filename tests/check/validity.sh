#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The tables of scripts/validity: of figures that can be worked out by hand, and the same from what
# it kept as from captures.
. "$1/tests/common/check.bash"
program=$build_dir/retryscope

validity() {
	"$source_dir/scripts/validity" "$@"
}

# Three captures of each kernel: of N times as long stalls in the N-th.
for capture in 1 2 3; do
	for of in "6.1 hva itself 10" "6.1 gfn itself 15" "6.1 exact itself 5" "6.1 gfn recorded 15" \
		"6.1 gfn think 33" "6.12 gfn itself 30" "6.12 hva itself 10" "6.12 exact itself 5" \
		"6.12 hva recorded 10" "6.12 hva think 9"; do
		read -r kernel algorithm how us <<<"$of"
		echo "x $kernel $kernel-x.$capture stall $algorithm $how $((us * capture))"
		echo "x $kernel $kernel-x.$capture retries $algorithm $how $us"
	done
done >"$work/figures"
tables=$(validity --scenarios x --table prediction,ratio "$work/figures")
# What the N-th row of x says, with single spaces.
row() { # N
	grep '^x ' <<<"$tables" | sed -n "$1p" | tr -s ' ' | sed 's/ $//'
}
expect "stall on 6.12" \
	"x gfn 60.0 (30.0..90.0) 30.0 (15.0..45.0) -50 % 66.0 (33.0..99.0) +10 %" "$(row 1)"
expect "stall on 6.1" \
	"x hva 20.0 (10.0..30.0) 20.0 (10.0..30.0) +0 % 18.0 (9.00..27.0) -10 %" "$(row 2)"
expect "ratios" "x 1.50 (1.50..1.50) 3.00 (3.00..3.00) 2.00 (2.00..2.00) 5.00 (5.00..5.00)" "$(row 5)"
expect "a scenario that was not kept" 1 \
	"$(validity --scenarios y "$work/figures" >/dev/null 2>&1; echo $?)"

validity --scenarios alias3 --keep "$work/kept" "$source_dir/traces/samples" "$program" >"$work/first"
expect "of captures" 0 $?
expect "and of what was kept" "$(cat "$work/first")" "$(validity --scenarios alias3 "$work/kept")"
[ $failures -eq 0 ]
