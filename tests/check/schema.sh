#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What is written as JSON is what docs/schema says.
set -u
source_dir=$(realpath "$1") build_dir=$(realpath "$2")

if ! python3 -c 'import jsonschema' 2>/dev/null; then
	echo "SKIPPED: python3-jsonschema is not here (scripts/deps installs it)"
	exit 77
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
samples=$source_dir/traces/samples
export PATH=$build_dir:$PATH

# is NAME KEY COMMAND...: its output is what docs/schema/NAME.json says, and is not with
# another value of KEY.
is() {
	local name=$1 key=$2

	shift 2
	"$@" >"$work/out.json" || exit 1
	python3 - "$source_dir/docs/schema/$name.json" "$work/out.json" "$key" <<'END' || exit 1
import json, sys
import jsonschema

schema, value = (json.load(open(path, encoding="utf-8")) for path in sys.argv[1:3])
jsonschema.Draft202012Validator.check_schema(schema)
jsonschema.validate(value, schema, cls=jsonschema.Draft202012Validator)
value[sys.argv[3]] = {}
try:
    jsonschema.validate(value, schema, cls=jsonschema.Draft202012Validator)
except jsonschema.ValidationError:
    sys.exit(0)
sys.exit("a wrong value is taken")
END
}

is top all retryscope top --format json --by task,reason,cause,vcpu,memslot,gfn,vm --algo all \
	--limit 0 "$samples/6.1-alias3.dat"
is top all retryscope top --format json "$samples/6.1-alias3.dat"
is top all retryscope top --format json --loop closed --algo hva,exact "$samples/6.1-alias3.dat"
is faults faults retryscope faults --format json "$samples/6.1-alias3.dat"
is faults faults retryscope faults --format json --algo hva-v6 --limit 9 "$samples/7.3-gmem.dat"
for sample in 6.1-alias0 7.3-gmem; do
	is timeline otherData retryscope convert --to trace-event --algo hva,gfn --until 100ms \
		"$samples/$sample.dat"
done
is compare rows retryscope compare --format json "$samples/6.1-alias3.dat" -- \
	"$samples/6.12-alias3.dat"
for seed in 1 2 3 4 5 6 7 8; do
	retryscope synth memory-reclaim seed=$seed time=2ms guest-size=64M -o "$work/$seed.txt" || exit 1
done
cd "$work" || exit 1
is compare rows retryscope compare --format json {1,2,3,4}.txt -- {5,6,7,8}.txt
