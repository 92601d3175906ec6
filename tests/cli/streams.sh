#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What is no regular file is written directly, by every verb that has -o: a pipe by the names
# /dev/stdout and /dev/fd/N, as a shell's >(command) gives it, and a FIFO. The bytes are those of
# a file.
. "$1/tests/cli/lib.bash"

# every VERB ARGUMENTS: the same through all of them.
every() {
	check "${1// /-}" "retryscope $1 $2 -o plain || exit
		retryscope $1 $2 -o /dev/stdout | cmp - plain && echo stdout
		mkfifo pipe; cat pipe >out & retryscope $1 $2 -o pipe; wait; cmp out plain && echo fifo; [ -p pipe ] && rm pipe out
		retryscope $1 $2 -o >({ cmp - plain && echo substitution; } >made; mv made done); until [ -e done ]; do sleep 0.01; done; cat done; rm done plain"
}

retryscope replay --format json -o a.json aliases.txt
retryscope replay --format json -o b.json mismatch.txt
every info aliases.txt
every replay aliases.txt
every 'replay --format json' aliases.txt
every convert aliases.txt
every 'convert --to binary' aliases.txt
every synth 'ksm events=100'
every sweep 'ksm events=100 --algo hva'
every probe ''
if command -v gnuplot >/dev/null; then
	every 'plot --format svg -w rejected' aliases.txt
else
	skip plot "gnuplot is not installed"
fi
every merge 'a.json b.json'
finish
