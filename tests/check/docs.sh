#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every public function and object has a comment, every verb a man page, the options of
# --help and of the man page are the same, and every anomaly is documented.
set -u
source_dir=$1 build_dir=$2
program=$build_dir/retryscope
failures=0

fail() {
	echo "$@"
	failures=$((failures + 1))
}

# A prototype is documented by the comment right above it, or above the group
# of prototypes (without a blank line in between) that it stands in. An
# object is the same.
undocumented() {
	awk '
		FNR == 1 { documented = 0; inside = 0 }
		inside { if (/^\}/) inside = 0; next }
		/^\/\*/ || /^ \*/ || /^\t\*/ { documented = 1; next }
		/^$/ || /^#/ || /^(typedef|static|_Static_assert)/ { documented = 0; next }
		/^(struct|enum|union) [a-z_0-9]+ \{/ || /^\{/ { documented = 0; inside = 1; next }
		(/^(FILE \*|[a-z_]).*[a-z0-9_]\(/ || /^extern /) && !documented { print FILENAME ":" FNR ": " $0 }
	' "$@"
}

# The long options in the OPTIONS section of a man page, or in --help; but for
# those that every verb has.
long_options() {
	grep -oE -e '--[a-z][a-z0-9-]*' | grep -vxE -e '--(help|usage|version|color)' | sort -u
}

options_of_page() {
	sed -n '/^# OPTIONS/,/^# [^O]/p' "$1" | tr -d '\\' | grep -E '^\*-' | long_options
}

options_of_help() {
	"$program" "$1" --help | grep -oE '^ +(-., )?--[a-z][a-z0-9-]*' | long_options
}

# Each value that --help lists for an option, "--format=text|mail", is a word of the page.
check_values() { # VERB PAGE
	local option values value

	while IFS='=' read -r option values; do
		[ "$option" != --color ] || continue # in retryscope(1), as what every verb has
		for value in ${values//|/ }; do
			grep -qE "(^|[^a-z-])$value([^a-z-]|\$)" "$2" ||
				fail "$1: the value $value of $option is not in its man page"
		done
	done < <("$program" "$1" --help | grep -oE -e '--[a-z-]+=[a-z-]+(\|[a-z-]+)+')
}

# The names in the calls that count an anomaly of the import, which may have more
# than one line and, in a choice, more than one name.
anomalies_of_import() {
	find "$source_dir/traces" -name '*.c' -exec cat {} + | tr '\n' ' ' |
		grep -oE '\<(note|note_unless_lost|rs_dat_note|rs_dat_note_unless_cut|rs_meta_add_anomaly)\([^;]*;' |
		grep -oE '"[^"]*"' | tr -d '"' | sort -u
}

anomalies_of_replay() {
	sed -n '/^#define RS_ANOMALIES(/,/[^\\]$/p' "$source_dir/replay/result.h" |
		grep -oE '"[^"]*"' | tr -d '"' | sort -u
}

# The same as the page has them, under "Found by the import" or "... the replay".
anomalies_of_page() {
	sed -n "/^## Found by the $1\$/,/^#/p" "$source_dir/docs/man/retryscope-info.1.scd" |
		sed -n 's/^_\([^ ]*\)_$/\1/p' | sort -u
}

# Every header wherever it is, but those of the tests.
mapfile -t headers < <(cd "$source_dir" &&
	find . \( -name '.*' ! -name . -o -name 'build*' -o -path ./tests \) -prune -o \
		-name '*.h' -printf '%P\n' | sort)
while read -r line; do
	fail "$line: without a comment"
done < <(cd "$source_dir" && undocumented "${headers[@]}")
# Git's own list, if this is a checkout, says whether one escaped.
while read -r header; do
	fail "$header: a public header that is not checked"
done < <(cd "$source_dir" && git ls-files -- '*.h' ':!tests' 2>/dev/null |
	grep -vxFf <(printf '%s\n' "${headers[@]}"))

[ -e "$source_dir/docs/man/retryscope.1.scd" ] || fail "no page retryscope(1)"
for verb in $("$program" help | awk '/^  [a-z]/ { print $1 }'); do
	page=$source_dir/docs/man/retryscope-$verb.1.scd
	if [ ! -e "$page" ]; then
		fail "$verb: no man page docs/man/retryscope-$verb.1.scd"
		continue
	fi
	grep -q "retryscope-$verb\*(1)" "$source_dir/docs/man/retryscope.1.scd" ||
		fail "$verb: retryscope(1) does not name its page"
	check_values "$verb" "$page"
	difference=$(diff <(options_of_help "$verb") <(options_of_page "$page")) ||
		fail "$verb: only in --help (<) or only in the man page (>):" $'\n'"$difference"
done
# Each plot has its paragraph.
for plot in $(sed -nE 's/^\tX\(([a-z_]+)\).*/\1/p' "$source_dir/analysis/plot/plot_types.c" | tr _ -); do
	grep -qx "\*$plot\*" "$source_dir/docs/man/retryscope-plot.1.scd" ||
		fail "retryscope-plot(1) does not say what the plot $plot shows"
done
# The members of a report, as the table of figures has them.
for member in $(grep -oE '\.key = "[^"]+"' "$source_dir/replay/figures.c" | cut -d'"' -f2 |
	tr '.' '\n' | sort -u); do
	tr -d '\\' <"$source_dir/docs/man/retryscope-replay.1.scd" | grep -q "_${member}_" ||
		fail "retryscope-replay(1) does not have the member $member of a report"
done
# The columns of CSV: names that nobody has to quote, each in the page of its verb.
columns() { # VERB ARGUMENT...
	local page names name
	page=$(tr -d '\\' <"$source_dir/docs/man/retryscope-$1.1.scd")
	[ "$1" != sweep ] || page+=$(tr -d '\\' <"$source_dir/docs/man/retryscope-replay.1.scd")
	names=$("$program" "$@" | sed -n '1s/,/ /gp')
	[ -n "$names" ] || fail "$*: no columns"
	for name in $names; do
		[[ $name =~ ^[a-z][a-z0-9_]*$ ]] || fail "$*: the column $name has to be quoted"
		[[ $1 == compare && $name =~ ^new_ ]] || grep -q "[_*]${name}[_*]" <<<"$page" ||
			fail "retryscope-$1(1) does not say what the column $name of CSV is"
	done
}
in=$source_dir/tests/data/cli/in
for loop in open closed; do
	columns replay --format csv --loop $loop "$in/aliases.txt"
	columns top --format csv --loop $loop "$in/aliases.txt" \
		--by algorithm,vm,task,reason,cause,vcpu,memslot,gfn
	columns sweep ksm events=60 aliases=1 alias-share=0,0.25 --algo gfn --loop $loop
	columns compare --format csv --loop $loop "$in/aliases.txt" -- "$in/two-vms.txt"
done
columns faults --format csv "$in/aliases.txt"
columns layout --format csv "$in/aliases.txt"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
"$program" replay --format json "$in/aliases.txt" >"$work/a.json"
for by in host kernel vm group; do
	columns merge --format csv --by $by "$work/a.json"
done
# Where temporary files go.
folder=$(sed -nE 's/.*\? dir : "(.*)";/\1/p' "$source_dir/base/temp.c")
grep -A 1 -Fx '*TMPDIR*' "$source_dir/docs/man/retryscope.1.scd" | grep -q "Default: $folder\.\$" ||
	fail "retryscope(1) does not say that without TMPDIR it is '$folder'"
for part in import replay; do
	difference=$(diff <("anomalies_of_$part") <(anomalies_of_page "$part")) ||
		fail "$part: anomalies only in the code (<) or only in retryscope-info(1) (>):" \
			$'\n'"$difference"
done
[ "$failures" -eq 0 ]
