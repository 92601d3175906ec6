#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What must hold between two runs of the program, whatever it prints: the command that
# a report names makes the same report, whole (but that of a sum, which names no files, so that
# it is the same in whatever order they were added up); a time on the trace's own clock is the
# same moment as one from its beginning; --strict sees every anomaly that is counted.
set -u
source_dir=$(realpath "$1") build_dir=$(realpath "$2")
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failures=0
export PATH=$build_dir/tests/watched:$PATH LC_ALL=C
cp "$source_dir"/tests/data/cli/in/*.txt "$work/"
cd "$work" || exit 1
cp aliases.txt "it's a trace.txt"

wrong() {
	echo "$*"
	failures=$((failures + 1))
}

# The command is in a JSON report, a line of text reports, and of CSV it is not.
command_of() { # REPORT
	sed -n 's/^ *"command": "\(retryscope .*\)",*$/\1/p' "$1" | head -n 1
}

again() { # VERB ARGS...
	local command

	if ! retryscope "$1" -o first.json "${@:2}" 2>err; then
		wrong "$*: $(cat err)"
		return
	fi
	command=$(command_of first.json | sed 's/\\\(.\)/\1/g')
	[ -n "$command" ] || wrong "$*: its report names no command"
	bash -c "$command" >second.json 2>err || wrong "$command: $(cat err)"
	cmp -s first.json second.json || wrong "'$*' and '$command' differ"
}

# names WORD VERB ARGS...: the command has the option or the word.
names() {
	local word=$1
	shift
	again "$@"
	command_of first.json | grep -qF -e "$word" || wrong "the command of '$*' lacks '$word'"
}

json='--format json'
# shellcheck disable=SC2086
{
	again replay $json aliases.txt
	names --strict replay $json --strict aliases.txt
	names --distributions replay $json --distributions aliases.txt
	names '--algo gfn,hva' replay $json --algo gfn,hva aliases.txt
	names '--loop closed' replay $json --loop closed aliases.txt
	names '--arrivals think' replay $json --loop closed --arrivals think aliases.txt
	names '--precheck on' replay $json --loop closed --precheck on aliases.txt
	names '--precheck off' replay $json --loop closed --precheck off aliases.txt
	names '--retry-gap 5us' replay $json --loop closed --retry-gap 5us aliases.txt
	names '--vm 7' replay $json --vm 7 two-vms.txt
	names '--kernel-algo hva' replay $json --kernel-algo hva aliases.txt
	names '--format json' replay $json aliases.txt
	names '--from 1000ns' replay $json --from 1us aliases.txt
	names '--from @1500ns --until 3000ns' replay $json --until 3us --from @1.5us aliases.txt
	names '--until @3000ns' replay $json --until @3us aliases.txt
	sed '/^[0-9#]/!d; / memslot /!d' aliases.txt | sed '1i retryscope-events 1' >slots.txt
	names '--assume-duration 5us' replay $json --assume-duration 5us aliases.txt
	names '--memslots slots.txt' replay $json --assume-duration 5us --memslots slots.txt aliases.txt
	names '--assume-tsc-khz 2600000' replay $json --assume-tsc-khz 2600000 aliases.txt
	cp aliases.txt ./-x
	retryscope replay $json -o first.json -- -x && command_of first.json | grep -q ' \./-x$' ||
		wrong "the command of -x takes that for an option: $(command_of first.json)"
	again replay $json "it's a trace.txt"
	retryscope replay $json -o a.json aliases.txt
	retryscope replay $json -o b.json two-vms.txt
	names --counts replay $json --counts aliases.txt
	grid='ksm events=60 alias-share=0,0.5'
	names "$grid" sweep $json $grid
	names '--seeds 2' sweep $json --seeds 2 $grid
	names '--algo hva' sweep $json --algo hva $grid
	names '--loop closed' sweep $json --loop closed $grid
	names '--arrivals think' sweep $json --loop closed --arrivals think $grid
	names '--precheck on' sweep $json --loop closed --precheck on $grid
	names 'a.json -- b.json' compare $json a.json -- b.json
	names '--names x,y' compare $json --names x,y a.json -- b.json
	names '--algo gfn' compare $json --algo gfn a.json -- b.json
	names '--figure missed_share' compare $json --figure missed_share a.json -- b.json
	names '--loop open' compare $json --loop open aliases.txt -- two-vms.txt
	names '--arrivals think' compare $json --loop closed --arrivals think aliases.txt -- two-vms.txt
}
# A sum names no files, but all else.
retryscope merge --by kernel --algo gfn -o sum.json a.json b.json || wrong "merge fails"
[ "$(command_of sum.json)" = 'retryscope merge --by kernel --algo gfn' ] ||
	wrong "the command of a sum is: $(command_of sum.json)"
for command in "replay $json" 'compare two-vms.txt --'; do
	# shellcheck disable=SC2086
	retryscope ${command%% *} --loop open --arrivals recorded ${command#* } aliases.txt >/dev/null 2>err
	[ $? -eq 2 ] || wrong "$command: --arrivals without the closed loop is not refused"
	grep -q -e '--arrivals needs --loop closed' err || wrong "$command: and not so: $(cat err)"
done
for option in '--precheck on' '--retry-gap 1us' '--arrivals think'; do
	# shellcheck disable=SC2086
	retryscope replay $option aliases.txt >/dev/null 2>err
	[ $? -eq 2 ] || wrong "$option without the closed loop is not refused"
done

# The same trace, a second later: its own clock says so, its beginning does not.
sed -E 's/^([0-9]+) /100000\1 /' aliases.txt | awk '!/^[0-9]/ { print; next }
	{ t = substr($1, 7) + 1000000; $1 = t; print }' >late.txt
retryscope convert -o all.txt late.txt || wrong "the trace that begins late cannot be read"
for when in 1000 1500 2000 3000; do
	for option in --from --until; do
		retryscope convert $option ${when}ns -o relative.txt late.txt 2>relative.err
		relative=$?
		retryscope convert $option @$((1000000 + when))ns -o absolute.txt late.txt 2>absolute.err
		absolute=$?
		[ $relative -eq $absolute ] || wrong "$option $when: exit codes $relative, $absolute"
		[ $relative -ne 0 ] || cmp -s relative.txt absolute.txt ||
			wrong "$option @$((1000000 + when))ns is not $option ${when}ns"
		[ $relative -ne 0 ] || ! cmp -s all.txt relative.txt || [ "$when" -ge 3000 ] ||
			wrong "$option ${when}ns leaves nothing out"
	done
done
retryscope convert --from @1000ns -o absolute.txt late.txt
diff -q all.txt <(grep -v '^#@ fact cut' absolute.txt) >/dev/null || wrong "--from @1000ns, which is before the trace, leaves something out"

# --strict: any one of the anomalies, wherever in the list, is an error; none is not.
anomalous() { # LINES...
	{
		sed 1q aliases.txt
		printf '#@ %s\n' "$@"
		sed 1d aliases.txt
	} >anomalous.txt
}
strict() { # CODE TEXT
	retryscope replay --strict anomalous.txt >/dev/null 2>err
	local code=$?

	[ $code -eq "$1" ] || wrong "--strict: exit code $code, not $1, of $(sed -n '/anomaly/p' anomalous.txt)"
	[ -z "$2" ] || grep -q "anomalous.txt: anomaly $2\$" err || wrong "--strict says: $(cat err)"
	[ "$(wc -l <err)" -eq "$1" ] || wrong "--strict says $(wc -l <err) lines"
}
anomalous "fact nothing is-wrong"
strict 0 ''
anomalous "anomaly order-conflict 1"
strict 1 order-conflict
anomalous "anomaly first-one 0" "anomaly last-one 3"
strict 1 last-one
anomalous "anomaly first-one 1" "anomaly last-one 0"
strict 1 first-one
anomalous "anomaly first-one 0" "anomaly last-one 0"
strict 0 ''
anomalous "anomaly time-backwards 2"
strict 1 time-backwards
anomalous "anomaly state-unequal 2"
strict 1 state-unequal
[ "$failures" -eq 0 ]
