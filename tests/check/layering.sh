#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The layers, in the sources and again in the symbols of the objects:
# - a folder includes another one by its door only: the header named after the
#   folder, or one that is listed here with the reason;
# - data flows one way, and no arrow goes back up;
# - no files use each other in a circle, but for those named here;
# - only cli/ and bench/ print, exit or abort.
# What is listed and not needed any more is an error as well.
# Unit tests may look inside: tests/ is not looked at, nor what is compiled into a kernel
# (scripts/lab.d/kvm/). layering_plants.sh plants one violation of each kind, and sees
# that this finds it.
set -u
source_dir=$(realpath "$1") build_dir=$(realpath "$2")
cd "$source_dir" || exit 1

# Which folders each one builds upon, besides itself.
declare -A below=(
	[base]=''
	[capture]='base'
	[traces]='base'
	[replay]='base traces'
	[analysis]='base traces replay'
	[cli]='base capture traces replay analysis'
	[bench]='base traces replay analysis'
)

# An arrow that no folder has as a whole: FOLDER HEADER REASON.
arrows='
capture traces/dat/probe_events.h the one table of probes: what is recorded is what the import knows
'

# More doors: HEADER REASON. FOLDER/* is a shelf, where each header is for itself.
doors='
base/* small things that everything stands on
traces/trace.h a trace of any form, read and written
traces/event.h what a trace is made of
traces/who.h who did what is in a trace
traces/source.h what a form reads from: a file, a pipe, memory
traces/cpu_files.h what a killed trace-cmd leaves, by its names
traces/pending.h events that wait for their time, for readers and for a team of engines
traces/dat/probe_events.h the table of probes, for capture/ as well
traces/dat/dat_file.h the bytes of a trace.dat, which bench/ makes longer
traces/guest/vm.h the guest as a trace tells it
replay/algorithm.h what an algorithm is
replay/calls.h the functions of the algorithms at work, for both loops
replay/limits.h what a replay may keep and do, for its engines and the loops
replay/result.h what a replay gives
replay/hist.h the histograms in it
replay/sweep.h many replays over a grid
replay/algorithms/algorithms.h the algorithms there are
replay/cost/tape.h the operations of a trace, for bench --trace
replay/model/blame.h whose doing a rejection is, for where somebody asks
replay/model/reason.h why a fault is rejected, inlined where each is judged
replay/model/inval_table.h what is being invalidated, inlined where each fault asks
replay/moment.h the state that engines of a team hand on
capture/session.h one recording
capture/plan.h what can be recorded here
capture/command.h running a command beside a recording
analysis/write/* writing text and JSON, for every room here
analysis/report/derive.h figures that follow from counted ones
analysis/report/report_json.h objects that the JSON of info shares with a report
analysis/report/report_parts.h paragraphs that info shares with a report
analysis/report/report_read.h reports read back
analysis/report/report_source.h which trace a report is of
analysis/report/fleet.h hosts of a sum side by side
analysis/compare/rank.h what is told of figures by their order
analysis/report/groups.h which host is in which group
analysis/plot/figure.h a picture, whoever draws it
analysis/plot/plot_collect.h what pictures need of a replay
analysis/plot/plot_price.h pictures of a price
analysis/plot/plot_sweep.h pictures of a sweep
analysis/sweep/sweep_read.h the table of a sweep read back
analysis/sweep/journal.h what is done of a sweep
replay/figures.h the table of the figures of a result
analysis/sweep/sweep_table.h the table a sweep writes
'

# Files that use each other, and the reason: FILE FILE... : REASON.
circles='
'

forbidden='exit|quick_exit|abort|__assert_fail|printf|vprintf|__printf_chk|__vprintf_chk|puts'
forbidden+='|putchar|perror|psignal|stdout|stderr|err|errx|warn|warnx|error|argp_parse|getopt_long'

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
	echo "$@"
	failures=$((failures + 1))
}

# may_use FOLDER OTHER: the second one is below the first one.
may_use() {
	[ "$1" = "$2" ] || [[ " ${below[$1]-} " == *" $2 "* ]]
}

# listed LIST WORDS: the list has them, and says why.
listed() {
	grep -qE "^${2//./\\.} ." <<<"$1"
}

is_door() { # HEADER
	local folder=${1%/*}

	[ "${1##*/}" = "${folder##*/}.h" ] || listed "$doors" "$1" || listed "$doors" "$folder/\\*"
}

# What each source includes of the tree, one a line: FILE HEADER.
list_includes() {
	local file header

	xargs -d '\n' -a "$work/sources" grep -HE '^[[:space:]]*#[[:space:]]*include\>' |
		sed -nE 's/^([^:]*):[^"<]*["<]([^">]*)[">].*/\1 \2/p' |
		while read -r file header; do
			if [ -e "${file%/*}/$header" ]; then
				echo "$file ${file%/*}/$header"
			elif [ -e "$header" ]; then
				echo "$file $header"
			fi
		done >"$work/found"
	cut -d' ' -f2 "$work/found" | xargs -d '\n' realpath -s --relative-to=. |
		paste -d' ' <(cut -d' ' -f1 "$work/found") -
}

check_includes() {
	local file header folder other

	xargs -d '\n' -a "$work/sources" grep -HE '^[[:space:]]*#[[:space:]]*include[[:space:]]+[A-Za-z_]' \
		>"$work/by_macro" && fail "what is included is not to be seen: $(cat "$work/by_macro")"
	while read -r file header; do
		folder=${file%/*} other=${header%/*}
		[ "$folder" != "$other" ] || continue
		echo "$header" >>"$work/used"
		may_use "${file%%/*}" "${header%%/*}" || listed "$arrows" "${file%%/*} $header" ||
			fail "$file: includes $header: ${header%%/*}/ is not for ${file%%/*}/ to use"
		is_door "$header" ||
			fail "$file: includes $header, which is not a door of $other/"
	done <"$work/includes"
}

check_list_of_doors() {
	local door reason

	while read -r door reason; do
		[ -n "$door" ] || continue
		[ -n "$reason" ] || fail "$door: listed as a door without a reason"
		case "$door" in
		*/\*) [ -d "${door%/*}" ] || fail "$door: listed as a shelf, but not there" ;;
		*) grep -qxF "$door" "$work/used" || fail "$door: a door that no other folder uses" ;;
		esac
	done <<<"$doors"
}

# What the object of each source has, as nm says it: FILE KIND SYMBOL. An object
# whose source is gone does not count.
list_symbols() {
	(cd "$build_dir" && find -L . -path ./tests -prune -o -path '*/CMakeFiles/*.dir/*.c.o' -print) \
		>"$work/objects"
	sed 's|^\./||; s|CMakeFiles/[^/]*\.dir/||; s|\.o$||' "$work/objects" | sort >"$work/built"
	(cd "$build_dir" && xargs -d '\n' -a "$work/objects" nm -A 2>/dev/null) |
		sed -nE 's|^\./([^:]*)\.o:[0-9a-f ]* ([A-Za-z]) ([^@ ]*).*|\1 \2 \3|;
			s|CMakeFiles/[^/]*\.dir/||p' |
		awk 'FILENAME == ARGV[1] { there[$1]; next } $1 in there' "$work/sources" -
}

check_objects() {
	local file symbol user

	while read -r file; do
		fail "$file: has no object in $build_dir"
	done < <(grep '\.c$' "$work/sources" | grep -vxFf "$work/built")
	while read -r file symbol; do
		may_use "${file%%/*}" cli || [ "${file%%/*}" = bench ] || fail "$file: uses $symbol"
	done < <(awk -v names="^($forbidden)\$" '$2 == "U" && $3 ~ names { print $1, $3 }' \
		"$work/symbols")
	while read -r user file symbol; do
		may_use "${user%%/*}" "${file%%/*}" ||
			fail "$user: uses $symbol of $file: ${file%%/*}/ is not for ${user%%/*}/ to use"
	done <"$work/uses"
	# The engine sees events, never files; a report sees results, never the engine.
	while read -r user file symbol; do
		fail "$user: uses $symbol of $file"
	done < <(awk '$1 ~ /^replay\// && $3 ~ /^rs_(reader|writer|source|form)_/ ||
		$1 ~ /^analysis\/report\// && $3 ~ /^rs_(replay|closed|reader)_/' "$work/uses")
}

# Which objects in one archive have the same name: one of them is not to be told
# from the other in what a linker or a debugger says.
check_archives() {
	local archive member

	for archive in "$build_dir"/lib*.a; do
		while read -r member; do
			fail "${archive##*/}: has more than one member $member"
		done < <(ar t "$archive" | sort | uniq -d)
	done
}

# A loop among arrows, a pair a line, is said by tsort, which has no order for it.
loops() {
	tsort 2>&1 >/dev/null | sed -n 's/^tsort: //; /input contains/d; p' | paste -sd' '
}

check_circles() {
	local line files reason loop

	# Files of a circle that is named count as one.
	grep ':' <<<"$circles" | sed 's/ *:.*//' >"$work/circles"
	loop=$(awk 'FILENAME == ARGV[1] { for (i = 1; i <= NF; i++) one[$i] = $1; next }
		{ a = $1 in one ? one[$1] : $1; b = $2 in one ? one[$2] : $2; if (a != b) print a, b }' \
		"$work/circles" "$work/uses" | loops)
	[ -z "$loop" ] || fail "a circle of files that use each other: $loop"
	while read -r line; do
		files=${line%%:*} reason=${line#*:}
		[[ "$line" == *:\ * && -n "${reason// /}" ]] || fail "a circle without a reason: $line"
		loop=$(awk -v files=" $files " 'index(files, " " $1 " ") && index(files, " " $2 " ") {
			print $1, $2 }' "$work/uses" | loops)
		[ -n "$loop" ] || fail "named as a circle, but none (any more): $files"
	done < <(grep . <<<"$circles")
	loop=$(grep '\.h .*\.h$' "$work/includes" | loops)
	[ -z "$loop" ] || fail "headers that include each other: $loop"
}

find . \( -name '.*' ! -name . -o -name 'build*' -o -path ./tests -o -path ./scripts/lab.d/kvm \) \
	-prune -o \
	-name '*.[ch]' -printf '%P\n' | sort >"$work/sources"
while read -r folder; do
	[ -n "${below[$folder]+known}" ] || fail "$folder/ has sources, but no place in the layers"
done < <(cut -d/ -f1 "$work/sources" | sort -u)
: >"$work/used"
list_includes >"$work/includes"
list_symbols >"$work/symbols"
awk '$2 ~ /[TDBRVWC]/ { owner[$3] = $1 } $2 == "U" { use[$1 " " $3] }
	END { for (u in use) { split(u, p, " "); if (p[2] in owner && owner[p[2]] != p[1])
		print p[1], owner[p[2]], p[2] } }' "$work/symbols" | sort >"$work/uses"
check_includes
check_list_of_doors
check_objects
check_archives
check_circles
[ "$failures" -eq 0 ]
