#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# docs/schema against the documents below, a few of each kind: each part of a schema is in one, and
# a change of any member is noticed. That all other documents of the tests are what their schema
# says is seen where they are made (tests/schema), and that this is seen right, here: by an
# implementation that nobody here wrote.
. "$1/tests/common/check.bash"
samples=$source_dir/traces/samples

# has COMMAND...: what it prints is among what is looked at.
nr=0
has() {
	nr=$((nr + 1))
	"$@" >"$work/$nr.json" || { echo "failed: $*"; exit 1; }
}

in=$source_dir/tests/data/cli/in
for seed in 1 2 3 4 5 6 7 8; do
	retryscope synth memory-reclaim seed=$seed aliases=1 events=60 guest-size=64M \
		-o "$work/$seed.txt" || exit 1
done
has retryscope top --format json --by task,reason,cause,vcpu,memslot,gfn,vm --algo hva,exact 1.txt
has retryscope top --format json "$in/two-vms.txt"
has retryscope top --format json --loop closed --algo hva,exact 1.txt
has retryscope faults --format json --algo hva-v6 --limit 9 "$samples/7.3-gmem.dat"
for trace in 1.txt "$in/lost.txt" "$in/private.txt"; do
	has retryscope convert --to trace-event --algo hva,gfn "$trace"
done
has retryscope compare --format json "$samples/6.1-alias3.dat" -- "$samples/6.12-alias3.dat"
has retryscope compare --format json {1,2,3,4}.txt -- {5,6,7,8}.txt
has retryscope replay --format json --counts 1.txt
has retryscope replay --format json --loop closed --distributions --algo hva,exact 1.txt
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
	has env LD_PRELOAD="$build_dir/tests/libfake_kvm.so" "$build_dir/retryscope" workload --json \
		--seconds 1
fi

# Each schema has a document, and each parameter of a scenario may be a column of a sweep.
rm a.json && mv b.json 0.json
for schema in "$source_dir"/docs/schema/*.json; do
	name=$(basename "$schema" .json)
	[ "$name" = timeline ] || grep -q "\"retryscope-$name/" [0-9]*.json ||
		wrong "$name.json: there is no such document here"
done
for name in $(retryscope synth --list | sed -n 's/^  \([a-z-]*\)=.*/\1/p'); do
	grep -q "\"${name//-/_}\"" "$source_dir/docs/schema/sweep.json" || wrong "sweep.json: no column ${name//-/_}"
done

# Which members may be missing is written down: no other one may be.
optional=$source_dir/tests/data/schema/optional
"$build_dir/tests/schema_mutants" [0-9]*.json >found || failures=$((failures + 1))
LC_ALL=C sort -o found found
[ "${UPDATE:-}" != 1 ] || cp found "$optional"
diff "$optional" found || wrong "other members than those of $optional may be missing"

if python3 -c 'import jsonschema' 2>/dev/null; then
	mkdir mutants
	python3 "$source_dir/tests/check/schema.py" "$source_dir/docs/schema" \
		"$build_dir/tests/schema_verdicts" mutants [0-9]*.json || failures=$((failures + 1))
fi
[ "$failures" -eq 0 ] || exit 1
[ -d mutants ] || skip "python3-jsonschema is not here (scripts/deps installs it)"
