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
	[base]='base/'
	[capture]='base/|capture/|traces/dat/probe_events\.h'
	[traces]='base/|traces/'
	[replay]='base/|replay/|traces/'
	[analysis]='base/|analysis/|replay/|traces/'
)

check_includes() { # FOLDER
	local line

	while read -r line; do
		fail "$line: not for $1/ to include"
	done < <(cd "$source_dir" && grep -rnE --include='*.[ch]' '^#include "' "$1" |
		grep -vE "#include \"(${allowed[$1]})")
}

forbidden='exit|quick_exit|abort|__assert_fail|printf|vprintf|__printf_chk|__vprintf_chk|puts'
forbidden+='|putchar|perror|psignal|stdout|stderr|err|errx|warn|warnx|error|argp_parse|getopt_long'

# No object of a library whose name matches may use a symbol that matches.
check_symbols() { # LIBRARY OBJECTS SYMBOLS
	local archive=$build_dir/lib$1.a object symbol

	[ -e "$archive" ] || { fail "$archive is not there"; return; }
	while read -r object symbol; do
		fail "$1: $object uses $symbol"
	done < <(nm -A -u "$archive" | sed 's/^[^:]*:\([^:]*\): *U /\1 /; s/@.*//' |
		grep -E "^$2 ($3)\$")
}

for folder in "${!allowed[@]}"; do
	[ -d "$source_dir/$folder" ] && check_includes "$folder"
done
for library in rs_base rs_traces rs_replay rs_analysis rs_capture; do
	check_symbols "$library" '.*' "$forbidden"
done
# The engine sees events, never files; a report sees results, never the engine.
check_symbols rs_replay '.*' 'rs_(reader|writer|source|form)_.*'
check_symbols rs_analysis 'report.*' 'rs_(replay|closed|reader)_.*'
[ "$failures" -eq 0 ]
