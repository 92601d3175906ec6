# SPDX-License-Identifier: GPL-2.0-only
# Completion of retryscope for bash. Verbs, options and the values that an
# option may have are read from the program's own help, so that this file needs
# no change when they do.
# shellcheck shell=bash

# What a command lists by lines "  NAME  what it is"; of NAME:N what is sure. Operations of
# workload, which it lists after the scenarios, are none.
_retryscope_names() {
	"$@" 2>/dev/null | sed -n '/^Operations/q; s/^  \([a-z][a-z0-9._-]*:\{0,1\}\)[^ =]* .*/\1/p'
}

# The long options of a verb, as its help prints them: "--format=text|mail".
_retryscope_options() {
	"$1" "$2" --help 2>/dev/null |
		sed -n 's/^ \{2,\}\(-[^ ,]*, \)\{0,1\}\(--[a-z][^ ]*\).*/\2/p' | tr -d '[]'
}

# The values of option $3, where help lists them.
_retryscope_values() {
	case "$3" in
	--algo | --kernel-algo) _retryscope_names "$1" help algorithms ;;
	--what) _retryscope_names "$1" plot --help ;;
	--scenario) _retryscope_names "$1" workload --list ;;
	*) _retryscope_options "$1" "$2" | sed -n "s/^$3=\(.*|.*\)/\1/p" | tr '|' '\n' ;;
	esac
}

# Offers those lines of stdin that start with $1, or with what is behind its last comma.
_retryscope_offer() {
	local line before=${1%"${1##*,}"}

	COMPREPLY=()
	while read -r line; do
		[[ $before$line == "$1"* ]] && COMPREPLY+=("$before$line")
	done
}

# The option whose value is being typed, if any. Bash makes three words of
# "--format=te", so its name is one or two words back.
_retryscope_current_option() {
	local before=${COMP_WORDS[COMP_CWORD - 1]}

	if [ "${COMP_WORDS[COMP_CWORD]}" = "=" ] || [[ $before == --* ]]; then
		echo "$before"
	elif [ "$before" = "=" ]; then
		echo "${COMP_WORDS[COMP_CWORD - 2]}"
	fi
}

_retryscope() {
	local program=${COMP_WORDS[0]} verb=${COMP_WORDS[1]-} word=${COMP_WORDS[COMP_CWORD]}
	local option values

	if [ "$COMP_CWORD" -le 1 ] || [ "$verb" = help ]; then
		_retryscope_offer "$word" < <(_retryscope_names "$program" help)
		return
	fi
	option=$(_retryscope_current_option)
	values=$([ -z "$option" ] || _retryscope_values "$program" "$verb" "$option")
	if [ -n "$values" ]; then
		_retryscope_offer "${word#=}" <<<"$values"
	elif [[ $word == -* ]]; then
		_retryscope_offer "$word" < <(_retryscope_options "$program" "$verb" | sed 's/=.*/=/')
		[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace 2>/dev/null
	elif [ "$verb" = synth ] || [ "$verb" = sweep ]; then
		_retryscope_offer "$word" < <(_retryscope_names "$program" synth --list)
	else
		mapfile -t COMPREPLY < <(compgen -f -- "${word#=}")
		compopt -o filenames 2>/dev/null
	fi
}

complete -F _retryscope retryscope
