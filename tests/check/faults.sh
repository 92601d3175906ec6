#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every call that can fail does so once (tests/inject): each ends with one line
# and a documented exit code, and nothing is lost. By hand, with --all after the
# two folders every call fails, else so many of each kind in each scenario;
# --only NAME takes the scenarios whose names have that in them.
set -euo pipefail
source=$(realpath "$1") build=$(realpath "$2") most=14 only=()
shift 2
while [ $# -gt 0 ]; do
	case "$1" in
	--all) most=100000000 ;;
	--most) most=$2; shift ;;
	--only) only=(-o "$2"); shift ;;
	*) echo "faults.sh: no option '$1'" >&2; exit 2 ;;
	esac
	shift
done
for tool in zstd gzip xz bzip2; do
	command -v $tool >/dev/null || { echo "SKIPPED: $tool is not installed"; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/in" "$work/bin"
export PATH=$build:$PATH LC_ALL=C
cp "$source"/tests/data/stored/* "$source"/tests/data/cli/in/*.txt "$work/in"
ln -s "$build/tests/inject_drive" "$work/bin/gnuplot"
cd "$work/in"
zstd -q v7.dat
gzip -k v7.dat
xz -k v7.dat
bzip2 -k v7.dat
head -c 1300 events.bin >cut.bin
head -c 16600 v7-zstd-buffers.dat >cut.dat
head -c 12200 v6.dat >killed.dat
for cpu in 0 1; do
	dd if=v6.dat of=killed.dat.cpu$cpu bs=4096 skip=$((3 + cpu)) count=1 status=none
done
retryscope convert --to binary --raw -o many.raw <(retryscope synth ksm events=400)
retryscope replay --format json --distributions -o a.json aliases.txt
retryscope replay --format json --distributions -o b.json two-vms.txt
retryscope replay --loop closed --format json --distributions -o closed-a.json aliases.txt
retryscope replay --loop closed --format json --distributions -o closed-b.json two-vms.txt
retryscope sweep ksm events=60 alias-share=0,0.5 -o sweep.csv
retryscope sweep ksm events=60 alias-share=0,0.5 --format json -o sweep.json
cd "$work"

jobs=2 sanitized=()
if nm -D "$build/retryscope" | grep __asan_init >/dev/null; then
	sanitized=(-s)
	export ASAN_OPTIONS=verify_asan_link_order=0:exitcode=99:detect_leaks=1
	export UBSAN_OPTIONS=exitcode=99:print_stacktrace=1
	export LSAN_OPTIONS=suppressions=$source/tests/fuzz/lsan.supp:print_suppressions=0
	[ "$most" -gt 1000 ] || most=3
fi
"$build/tests/inject_drive" -j "$jobs" -m "$most" "${only[@]}" "${sanitized[@]}" \
	"$build/retryscope" "$build/tests/libinject.so" "$work"
