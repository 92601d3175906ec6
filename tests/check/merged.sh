#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# merge reads what replay and itself write, of each sample and scenario, and the sum of one is
# a sum like others: added up again it stays the same, byte for byte. So does a sum of
# several, in whatever order and steps. A thousand reports take less than 64 MiB, and less than
# two seconds.
. "$1/tests/common/check.bash"

# alone TRACE OPTION...
alone() {
	retryscope replay --format json -o report.json "$@" || { wrong "replay $*: failed"; return; }
	retryscope merge -o sum.json report.json || wrong "replay $*: its report is not read"
	retryscope merge sum.json | cmp sum.json || wrong "replay $*: the sum of its sum is another"
}

# all TRACE: and leaves its report for the sum of all.
all() {
	alone "$1"
	alone "$1" --distributions
	alone "$1" --distributions --loop closed
	retryscope replay --format json --distributions -o "all-${1##*/}.json" "$1"
}

for trace in "$source_dir"/traces/samples/*.dat; do
	all "$trace"
done
scenarios=$(retryscope synth --list | sed -n '/^Scenarios/,/^$/s/^  \([a-z-]*\) .*/\1/p')
[ -n "$scenarios" ] || wrong "no scenarios in synth --list"
seed=0
for scenario in $scenarios; do
	# Some differ in their reasons alone, which are no part of an identity.
	seed=$((seed + 1))
	retryscope synth "$scenario" events=500 seed=$seed -o "$scenario.txt" && all "$scenario.txt"
done

reports=(all-*.json)
retryscope merge -o sum.json "${reports[@]}" || wrong "the sum of all: failed"
for seed in 1 2 3; do
	mapfile -t mixed < <(printf '%s\n' "${reports[@]}" | shuf --random-source=<(yes $seed))
	n=$((${#mixed[@]} / 3))
	retryscope merge -o one.json "${mixed[@]:0:n}"
	retryscope merge -o two.json one.json "${mixed[@]:n:n}"
	retryscope merge "${mixed[@]:2*n}" two.json | cmp sum.json || wrong "mixed with seed $seed: another sum"
done

retryscope replay --format json -o one.json "$source_dir/traces/samples/6.1-alias3.dat"
mkdir many
text=$(<one.json)
was=$(sed -n 's/^    "identity": "\([0-9a-f]*\)",$/\1/p' one.json)
for ((i = 0; i < 1000; i++)); do
	printf -v id %032x $i
	printf '%s\n' "${text/"$was"/"$id"}" >many/$i.json
done
TIMEFORMAT='%U %S'
{
	time (
		# The sanitizers take address space for themselves.
		nm -D "$build_dir/retryscope" | grep -q __asan_init || ulimit -v $((64 * 1024))
		exec retryscope merge -o many.json many/*.json
	) || wrong "a thousand reports are not added up within 64 MiB"
} 2>took
cat took
# Of the processor, since others may run beside; and of a program that is made for speed.
if grep -q '^CMAKE_BUILD_TYPE:.*=Release$' "$build_dir/CMakeCache.txt"; then
	awk '{ took = $1 + $2 } END { exit took >= 2 }' took || wrong "a thousand reports take more than 2 s"
fi
[ "$(grep -c '"identity": "0' many.json)" -eq 1000 ] ||
	wrong "they are no thousand"
exit $((failures > 0))
