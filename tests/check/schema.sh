#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What is written as JSON is what docs/schema says: the outputs below, and all that the golden
# tests of the command line have.
. "$1/tests/common/check.bash"
python3 -c 'import jsonschema' 2>/dev/null ||
	skip "python3-jsonschema is not here (scripts/deps installs it)"
samples=$source_dir/traces/samples

# has COMMAND...: what it prints is among what is held against the schemas.
nr=0
has() {
	nr=$((nr + 1))
	"$@" >"$work/$nr.json" || { echo "failed: $*"; exit 1; }
}

has retryscope top --format json --by task,reason,cause,vcpu,memslot,gfn,vm --algo all \
	--limit 0 "$samples/6.1-alias3.dat"
has retryscope top --format json "$samples/6.1-alias3.dat"
has retryscope top --format json --loop closed --algo hva,exact "$samples/6.1-alias3.dat"
has retryscope faults --format json "$samples/6.1-alias3.dat"
has retryscope faults --format json --algo hva-v6 --limit 9 "$samples/7.3-gmem.dat"
for sample in 6.1-alias0 7.3-gmem; do
	has retryscope convert --to trace-event --algo hva,gfn --until 20ms "$samples/$sample.dat"
done
has retryscope compare --format json "$samples/6.1-alias3.dat" -- "$samples/6.12-alias3.dat"
for seed in 1 2 3 4 5 6 7 8; do
	retryscope synth memory-reclaim seed=$seed time=2ms guest-size=64M -o "$work/$seed.txt" || exit 1
done
has retryscope compare --format json {1,2,3,4}.txt -- {5,6,7,8}.txt
has retryscope replay --format json --counts 1.txt
has retryscope replay --format json --loop closed --distributions --algo all 1.txt
has retryscope replay --format json "$samples/7.3-gmem-two-vms.dat"
retryscope replay --format json --loop closed -o a.json 1.txt || exit 1
retryscope replay --format json --loop closed --precheck off -o b.json "$samples/6.12-alias3.dat" || exit 1
for by in host kernel vm; do
	has retryscope merge --format json --by $by a.json b.json
done
has retryscope info --json "$samples/6.1-alias3.dat"
has retryscope info --json "$samples/7.3-gmem-two-vms.dat"
has retryscope layout --format json "$samples/6.1-alias3.dat"
has retryscope sweep ksm events=60 alias-share=0,0.5 --algo gfn,hva --loop closed --format json
has retryscope probe --json
has retryscope bench --json --rounds 1 --round-time 100us --algo hva,gfn --memslots 1 \
	--outstanding 1 --aliases 0 --ended 0
has retryscope bench --json --rounds 1 --round-time 100us --algo hva,gfn --contend --threads 1,2
has retryscope bench --json --rounds 1 --round-time 100us --algo hva,gfn --trace 1.txt
# Under the sanitizers nothing can be preloaded before their runtime.
if ! grep -q '^RS_SANITIZE:BOOL=ON' "$build_dir/CMakeCache.txt"; then
	has env LD_PRELOAD="$build_dir/tests/libfake_kvm.so" retryscope workload --json --seconds 1
fi
python3 "$source_dir/tests/check/schema.py" "$source_dir/docs/schema" "$work"/*.json \
	"$source_dir"/tests/data/cli/*/*
