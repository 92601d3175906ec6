#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The table of docs/model.md is what the algorithms say of themselves: UPDATE=1
# writes it anew.
set -u
source_dir=$1 build_dir=$2
program=$build_dir/retryscope
table=$source_dir/docs/model.md
failures=0

fail() {
	echo "$@"
	failures=$((failures + 1))
}

# The table's lines, from the help.
rows() {
	"$program" help algorithms | awk '
		function row() { if (name != "") print "| `" name "` |" text " | " kernels " |" }
		/^  [^ ]/ {
			row()
			name = $1; text = ""
			kernels = $0; sub(/^[^(]*\(/, "", kernels); sub(/\)$/, "", kernels)
		}
		/^      / { sub(/^ +/, ""); text = text " " $0 }
		END { row() }'
}

rows_of_page() {
	sed -n '/^| name | keeps |/,/^$/p' "$table" | sed '1,2d; /^$/d'
}

[ "$(rows | wc -l)" -gt 1 ] || fail "retryscope help algorithms lists none"
if [ -n "${UPDATE-}" ]; then
	new=$(mktemp) || exit 1
	trap 'rm -f "$new"' EXIT
	rows | awk -v page="$table" '
		{ rows = rows $0 "\n" }
		END {
			while ((getline <page) > 0) {
				if ($0 == "") inside = 0
				if (inside < 3) print
				if (/^\| name \| keeps \|/) inside = 1
				if (inside && ++inside == 3) printf "%s", rows
			}
		}' >"$new"
	cat "$new" >"$table"
fi
difference=$(diff <(rows) <(rows_of_page)) ||
	fail "algorithms: as they are (<), and in docs/model.md (>); UPDATE=1 writes them there:" \
		$'\n'"$difference"
[ "$failures" -eq 0 ]
