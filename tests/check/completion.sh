#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Completion offers every verb, every option of each, the values that an option's help lists,
# and the names of algorithms, plots and scenarios: in bash, zsh and fish alike.
. "$1/tests/common/check.bash"
export LC_ALL=C.UTF-8 HOME=$work XDG_CONFIG_HOME=$work XDG_DATA_HOME=$work
skipped=

# Each reads lines that somebody has typed so far, and prints "LINE<TAB>WORD" for each word that
# is offered for the last one.
offers_bash() {
	. "$source_dir/docs/completion/retryscope.bash"
	local line word

	while IFS= read -r line; do
		# As bash takes it apart: readarray keeps an empty word at the end.
		mapfile -t -d ' ' COMP_WORDS < <(printf '%s ' "${line//=/ = }")
		[[ $line != *= ]] || unset 'COMP_WORDS[-1]'
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
		_retryscope
		for word in "${COMPREPLY[@]}"; do
			printf '%s\t%s\n' "$line" "$word"
		done
	done
}

# The builtins that tell zsh what to offer work while something is typed alone.
offers_zsh() {
	timeout 60 zsh -f -c '
		fpath=($1 $fpath)
		autoload -Uz compinit && compinit -D -u
		[[ $_comps[retryscope] == _retryscope ]] || print "zsh: _retryscope is of nothing"
		compadd() {
			local word
			[[ $1 != -S ]] || shift 2
			if [[ $1 == -a ]]; then set -- ${(P)2}; else shift; fi
			for word; do print -r -- "$line"$'"'\t'"'"$word"; done
		}
		compset() { : }
		_files() { print -r -- "$line"$'"'\t'"'files }
		while IFS= read -r line; do
			words=("${(@s: :)line}") CURRENT=$#words
			_retryscope
		done' zsh "$source_dir/docs/completion"
}

offers_fish() {
	timeout 60 fish --no-config -c '
		source $argv[1]
		while read -l line
			complete -C $line | string replace -r "\t.*" "" |
				string replace -r "^" $line\t
		end' "$source_dir/docs/completion/retryscope.fish"
}

expect() { # LINE WORD...
	printf "$1\t%s\n" "${@:2}"
}

names() { # COMMAND...
	"$@" | sed -n 's/^  \([a-z][^ :=]*:\{0,1\}\)[^ =]* .*/\1/p'
}

verbs=$(retryscope help | awk '/^  [a-z]/ { print $1 }')
[ -n "$verbs" ] || { echo "no verbs in the help"; exit 1; }
mapfile -t algorithms < <(names retryscope help algorithms)
mapfile -t plots < <(names retryscope plot --help)
mapfile -t scenarios < <(names retryscope synth --list)
{
	# shellcheck disable=SC2086
	expect 'retryscope ' $verbs
	expect 'retryscope help rep' replay report
	for verb in $verbs; do
		[ "$verb" != help ] || continue
		help=$(retryscope "$verb" --help)
		# shellcheck disable=SC2046
		expect "retryscope $verb --" \
			$(grep -oE '^ +(-., )?--[a-z][a-z-]*=?' <<<"$help" | grep -oE -e '--.*')
		while IFS='=' read -r option values; do
			# shellcheck disable=SC2086
			expect "retryscope $verb $option=" ${values//|/ }
			# shellcheck disable=SC2086
			expect "retryscope $verb $option " ${values//|/ }
		done < <(grep -oE -e '--[a-z-]+=[a-z_-]+(\|[a-z_-]+)+' <<<"$help")
	done
	expect 'retryscope replay --algo ' "${algorithms[@]}"
	expect 'retryscope top --kernel-algo=' "${algorithms[@]}"
	expect 'retryscope replay --algo=hva,' "${algorithms[@]/#/hva,}"
	expect 'retryscope plot --what ' "${plots[@]}"
	expect 'retryscope synth ' "${scenarios[@]}"
	expect 'retryscope sweep k' ksm
	expect 'retryscope workload --scenario ' alias0
} | sort -u >"$work/wanted"
for some in "${algorithms[0]-}" "${plots[0]-}" "${scenarios[0]-}"; do
	[ -n "$some" ] || { echo "the lists of names cannot be read"; exit 1; }
done
cut -f 1 "$work/wanted" | sort -u >"$work/typed"
for shell in bash zsh fish; do
	if ! command -v $shell >/dev/null; then
		skipped+=" $shell"
		continue
	fi
	# zsh 5.9 may wait for a child that has ended already, for ever: once more, then.
	for try in 1 2 3; do
		offers_$shell <"$work/typed" >"$work/lines" 2>"$work/said"
		ended=$?
		[ $ended -eq 124 ] || break
		echo "$shell has not ended within a minute ($try)"
	done
	if [ $ended -eq 124 ]; then
		skipped+=" $shell"
		continue
	fi
	[ ! -s "$work/said" ] || { head -n 5 "$work/said"; failures=$((failures + 1)); }
	# Of an option with its value some shells take the whole for the word.
	sed 's/^\([^\t]* --[a-z-]*=[^\t]*\t\)--[a-z-]*=/\1/' "$work/lines" | sort -u >"$work/offered"
	comm -23 "$work/wanted" "$work/offered" >"$work/missing"
	[ -s "$work/missing" ] || continue
	echo "$shell: not offered (what was typed, and what for it):"
	head -n 20 "$work/missing"
	failures=$((failures + 1))
done
[ "$failures" -eq 0 ] || exit 1
[ -z "$skipped" ] || skip "${skipped# }: not installed, or not to be asked"
