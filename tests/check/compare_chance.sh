#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Twenty draws of two groups of eight synthetic runs that differ by their seeds alone: in at
# most one of them compare may find anything. And where invalidations last 5 % longer, it does.
. "$1/tests/common/check.bash"

run() { # NAME SEED [KEY=VALUE...]
	local name=$1 seed=$2

	shift 2
	retryscope synth memory-reclaim seed="$seed" time=8ms guest-size=256M aliases=2 \
		alias-share=0.1 "$@" --to binary | retryscope replay --format json --loop closed \
		--distributions -o "$name.json" - || exit 1
}

for seed in $(seq 1 48); do
	run "alike$seed" "$seed"
done
for seed in $(seq 101 108); do
	run "longer$seed" "$seed" inval-time=5250ns
done
found() {
	retryscope compare --format json "$@" | sed -n 's/^  "found": \([0-9]*\),$/\1/p'
}
wrong=0
for draw in $(seq 1 20); do
	mapfile -t names < <(seq 1 48 | awk -v draw="$draw" 'BEGIN { srand(draw) }
		{ print rand(), $1 }' | sort | head -16 | awk '{ print "alike" $2 ".json" }')
	n=$(found "${names[@]:0:8}" -- "${names[@]:8}")
	[ -n "$n" ] || { echo "draw $draw: compare failed"; exit 1; }
	[ "$n" -eq 0 ] || { echo "draw $draw: $n figures seem to differ"; wrong=$((wrong + 1)); }
done
[ "$wrong" -le 1 ] || { echo "$wrong of 20 draws find what is not there"; exit 1; }
n=$(found alike{1,2,3,4,5,6,7,8}.json -- longer*.json)
[ "${n:-0}" -gt 0 ] || { echo "invalidations that last 5 % longer are not found"; exit 1; }
retryscope compare --format csv alike{1,2,3,4,5,6,7,8}.json -- longer*.json >found.csv
grep -q '^"inval_mean_ns",.*"differs"$' found.csv || { echo "nor where they are"; exit 1; }
