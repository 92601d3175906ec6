#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A damaged trace.dat is refused in one line, or read as far as it is whole: never a crash.
set -u
retryscope=$2/retryscope
sample=$1/traces/samples/6.1-churn.dat
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failures=0

# try WHAT: the file $work/x
try() {
	timeout 20 "$retryscope" replay --format csv "$work/x" >/dev/null 2>"$work/err"
	local rc=$?
	case $rc in
	0) return ;;
	1) [ "$(wc -l <"$work/err")" -eq 1 ] && grep -q "$work/x" "$work/err" && return ;;
	esac
	echo "$1: exit code $rc, stderr:"
	head -n 5 "$work/err"
	failures=$((failures + 1))
}

size=$(stat -c %s "$sample")
for n in 0 1 2 9 10 17 18 100 300 500 1000 2000 2100 3000 3700 4096 $(seq 10000 97001 "$size"); do
	head -c "$n" "$sample" >"$work/x"
	try "cut off at $n"
done
for at in 0 3 9 10 14 20 30 40 60 100 250 310 400 2080 3700 $(seq 5000 41011 "$size"); do
	cp "$sample" "$work/x"
	printf '\377\000\377\377' | dd of="$work/x" bs=1 seek="$at" conv=notrunc status=none
	try "overwritten at $at"
done
[ "$failures" -eq 0 ]
