# SPDX-License-Identifier: GPL-2.0-only
# Golden tests of the command line, to be sourced with SOURCE_DIR BUILD_DIR.
#
#   check NAME COMMAND
#
# runs COMMAND (a shell's) in a folder of its own with the files of
# tests/data/cli/in, retryscope in its PATH, and compares exit code, standard
# output and standard error with tests/data/cli/SCRIPT/NAME. With UPDATE=1 that
# file is written instead; read the difference before you commit it.
# shellcheck shell=bash
set -u
cli_source=$(realpath "$1") cli_build=$(realpath "$2")
cli_golden=$cli_source/tests/data/cli/$(basename "$0" .sh)
cli_work=$(mktemp -d)
cli_failures=0
trap 'chmod -R u+w "$cli_work"; rm -rf "$cli_work"' EXIT

mkdir "$cli_work/bin"
ln -s "$cli_build/retryscope" "$cli_work/bin/"
cp -r "$cli_source/tests/data/cli/in" "$cli_work/in"
cd "$cli_work/in" || exit 1
export PATH=$cli_work/bin:$PATH LC_ALL=C
cli_version=$(retryscope --version | sed 's/^retryscope //')

check() {
	local name=$1 command=$2 result=$cli_work/result code

	bash -c "$command" >"$cli_work/stdout" 2>"$cli_work/stderr" </dev/null
	code=$?
	{
		printf '$ %s\nexit %d\n' "$command" "$code"
		echo "--- stdout"
		cat "$cli_work/stdout"
		echo "--- stderr"
		cat "$cli_work/stderr"
	} | sed "s/\(retryscope\|\"version\":\|with retryscope\) \(\"\{0,1\}\)${cli_version//./\\.}/\1 \2VERSION/" >"$result"
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

# The last line of a script.
finish() {
	[ "$cli_failures" -eq 0 ]
	exit
}
