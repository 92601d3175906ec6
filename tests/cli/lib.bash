# SPDX-License-Identifier: GPL-2.0-only
# Golden tests of the command line, to be sourced with SOURCE_DIR BUILD_DIR.
#
#   check NAME COMMAND
#
# runs COMMAND (a shell's) in a folder of its own with the files of
# tests/data/cli/in, retryscope in its PATH, and compares exit code, standard
# output and standard error with tests/data/cli/SCRIPT/NAME. With UPDATE=1 that
# file is written instead; read the difference before you commit it.
#
# A command may use these:
#
#   interrupt SIGNAL PID [FILE]
#
# sends the signal once that retryscope catches it, and, with FILE, waits for more
# of that file. After a minute it kills it instead, which the exit code tells.
#
#   as_nobody COMMAND...
#
# runs retryscope as somebody whom permissions bind. Ask can_be_nobody first.
# shellcheck shell=bash
set -u
cli_source=$(realpath "$1") cli_build=$(realpath "$2")
cli_golden=$cli_source/tests/data/cli/$(basename "$0" .sh)
cli_work=$(mktemp -d) || exit 1
cli_failures=0
cli_skips=()
trap 'chmod -R u+w "$cli_work"; rm -rf "$cli_work"' EXIT

mkdir "$cli_work/bin"
# What stands for it holds each JSON document that it writes against docs/schema.
ln -s "$cli_build/tests/watched/retryscope" "$cli_work/bin/"
cp -r "$cli_source/tests/data/cli/in" "$cli_work/in"
cd "$cli_work/in" || exit 1
export PATH=$cli_work/bin:$PATH LC_ALL=C
cli_version=$(retryscope --version | sed 's/^retryscope //')

check() {
	local name=$1 command=$2 result=$cli_work/result code tool

	for tool in zstd gzip xz bzip2 gnuplot jq; do
		if grep -qE "(^|[ ;|&(])$tool " <<<"$command" && ! command -v $tool >/dev/null; then
			skip "$name" "$tool is not installed"
			return
		fi
	done
	bash -c "$command" >"$cli_work/stdout" 2>"$cli_work/stderr" </dev/null
	code=$?
	{
		printf '$ %s\nexit %d\n' "$command" "$code"
		echo "--- stdout"
		cat "$cli_work/stdout"
		echo "--- stderr"
		cat "$cli_work/stderr"
	} | sed "s/\(retryscope\|\"version\":\|with retryscope\) \(\"\{0,1\}\)${cli_version//./\\.}/\1 \2VERSION/
		s/,${cli_version//./\\.},\(open\|closed\)/,VERSION,\1/
		s/\(with retryscope VERSION\), commit [0-9a-f]*\(-dirty\)\?/\1/" >"$result"
	if [ "${UPDATE:-}" = 1 ]; then
		mkdir -p "$cli_golden"
		cp "$result" "$cli_golden/$name"
	elif [ ! -e "$cli_golden/$name" ]; then
		echo "$name: there is no $cli_golden/$name"
		cli_failures=$((cli_failures + 1))
	elif ! diff -u "$cli_golden/$name" "$result"; then
		echo "$name: differs (-: expected, +: found)"
		cli_failures=$((cli_failures + 1))
	fi
}

# skip NAME REASON: that check cannot run here. The whole test is then not passed, but skipped.
skip() {
	cli_skips+=("SKIPPED: $1: $2")
}

# 0 if the process catches the signal and, with FILE, has it open and sleeps.
cli_waits() { # SIGNAL PID [FILE]
	local number caught state

	[[ "$(readlink "/proc/$2/exe")" = */retryscope* ]] || return
	number=$(kill -l "$1")
	caught=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$2/status")
	(((16#${caught:-0} >> (number - 1)) & 1)) || return
	[ -n "${3-}" ] || return 0
	state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$2/status")
	[ "$state" = S ] && find "/proc/$2/fd" -lname "*/$3" | grep -q .
}

interrupt() { # SIGNAL PID [FILE]
	local n

	for ((n = 0; n < 1200; n++)); do
		if cli_waits "$@" 2>/dev/null; then
			kill -s "$1" "$2"
			return
		fi
		kill -0 "$2" 2>/dev/null || return
		sleep 0.05
	done
	kill -s KILL "$2"
}

as_nobody() {
	if [ "$(id -u)" -ne 0 ]; then
		"$@"
	else
		setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
	fi
}

# Root can drop its rights, and without them still run the program and read this folder.
can_be_nobody() {
	[ "$(id -u)" -ne 0 ] && return
	chmod 755 "$cli_work" && rm "$cli_work/bin/retryscope" &&
		cp "$cli_build/retryscope" "$cli_work/bin/" &&
		as_nobody retryscope --version >/dev/null 2>&1
}
export -f interrupt cli_waits as_nobody

# The last line of a script.
finish() {
	[ "$cli_failures" -eq 0 ] || exit 1
	[ ${#cli_skips[@]} -gt 0 ] || exit 0
	printf '%s\n' "${cli_skips[@]}"
	exit 77
}
