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
trace=$source_dir/traces/samples/6.1-alias3.dat

"$build_dir/retryscope" top --format json --by task,reason,cause,vcpu,memslot,gfn,vm \
	--algo all --limit 0 "$trace" >"$work/top.json" || exit 1
"$build_dir/retryscope" top --format json "$trace" >"$work/one.json" || exit 1
for file in "$work"/*.json; do
	python3 - "$source_dir/docs/schema/top.json" "$file" <<'END' || exit 1
import json, sys
import jsonschema

schema, value = (json.load(open(path, encoding="utf-8")) for path in sys.argv[1:])
jsonschema.Draft202012Validator.check_schema(schema)
jsonschema.validate(value, schema, cls=jsonschema.Draft202012Validator)
value["all"] = {}
try:
    jsonschema.validate(value, schema, cls=jsonschema.Draft202012Validator)
except jsonschema.ValidationError:
    sys.exit(0)
sys.exit("a wrong value is taken")
END
done
