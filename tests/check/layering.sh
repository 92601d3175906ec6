#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A folder includes only what it may build upon, and only cli/ prints, exits or
# aborts.
set -u
source_dir=$1 build_dir=$2
failures=0

fail() {
	echo "$@"
	failures=$((failures + 1))
}

# Which headers each folder may include, as an extended regular expression.
declare -A allowed=(
	[capture]='capture/|traces/(error|event|trace)\.h'
	[traces]='traces/|capture/events\.h'
	[replay]='replay/|traces/'
	[analysis]='analysis/|replay/|traces/'
)

check_includes() { # FOLDER
	local line

	while read -r line; do
		fail "$line: not for $1/ to include"
	done < <(cd "$source_dir" && grep -rnE --include='*.[ch]' '^#include "' "$1" |
		grep -vE "#include \"(${allowed[$1]})")
}

# The engine sees events, never files; a report sees results, never the engine.
check_not_included() { # FILES-GLOB HEADER
	local line

	while read -r line; do
		fail "$line: $2 is not for it"
	done < <(cd "$source_dir" && grep -nE "^#include \"$2\"" $1 /dev/null 2>&1 |
		grep -v 'No such file')
}

forbidden='exit|quick_exit|abort|__assert_fail|printf|vprintf|__printf_chk|__vprintf_chk|puts'
forbidden+='|putchar|perror|psignal|stdout|stderr|err|errx|warn|warnx|error|argp_parse|getopt_long'

check_symbols() { # LIBRARY
	local archive=$build_dir/lib$1.a object symbol

	[ -e "$archive" ] || { fail "$archive is not there"; return; }
	while read -r object symbol; do
		fail "$1: $object uses $symbol"
	done < <(nm -A -u "$archive" | sed 's/^[^:]*:\([^:]*\): *U /\1 /; s/@.*//' |
		grep -E " ($forbidden)\$")
}

for folder in "${!allowed[@]}"; do
	[ -d "$source_dir/$folder" ] && check_includes "$folder"
done
check_not_included 'replay/*.[ch] replay/algorithms/*.[ch]' 'traces/(trace|source)\.h'
check_not_included 'analysis/report*.[ch]' 'replay/(replay|closed)\.h'
for library in rs_traces rs_replay rs_analysis rs_capture; do
	[ "$library" = rs_capture ] && ! ls "$source_dir"/capture/*.c >/dev/null 2>&1 && continue
	check_symbols "$library"
done
[ "$failures" -eq 0 ]
