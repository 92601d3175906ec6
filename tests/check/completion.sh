#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The shell completion offers every verb, every option of each, and the values
# that an option's help lists.
set -u
source_dir=$1 build_dir=$2
program=$build_dir/retryscope
. "$source_dir/docs/completion/retryscope.bash"
failures=0

# offers WORD...: what is offered for the last word, one a line.
offers() {
	COMP_WORDS=("$program" "$@") COMP_CWORD=$#
	COMPREPLY=()
	_retryscope
	printf '%s\n' "${COMPREPLY[@]-}"
}

expect() { # WHAT WANTED OFFERED
	if ! grep -qxF -e "$2" <<<"$3"; then
		echo "$1: '$2' is not offered, only: $3"
		failures=$((failures + 1))
	fi
}

verbs=$("$program" help | awk '/^  [a-z]/ { print $1 }')
[ -n "$verbs" ] || { echo "no verbs in the help"; exit 1; }
offered=$(offers '')
for verb in $verbs; do
	expect "verbs" "$verb" "$offered"
	[ "$verb" != help ] || continue
	of_verb=$(offers "$verb" --)
	help=$("$program" "$verb" --help)
	for option in $(grep -oE '^ +(-., )?--[a-z][a-z-]*=?' <<<"$help" | grep -oE -e '--.*'); do
		expect "$verb" "$option" "$of_verb"
	done
	while IFS='=' read -r option values; do
		of_option=$(offers "$verb" "$option" = '')
		for value in ${values//|/ }; do
			expect "$verb $option" "$value" "$of_option"
		done
	done < <(grep -oE -e '--[a-z-]+=[a-z_-]+(\|[a-z_-]+)+' <<<"$help")
done
[ "$failures" -eq 0 ]
