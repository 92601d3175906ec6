#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a trace says does not depend on its form, where the text tells its
# kernel, or the number of threads; and an interrupted run says so.
. "$1/tests/cli/lib.bash"

samples=$cli_source/traces/samples
json() { retryscope replay --format json --loop closed --distributions "$@" | grep -v '"path":\|"form":\|"command":'; }
export -f json

for name in 6.1-alias0 6.12-alias0; do
	cp "$samples/$name.dat" .
	retryscope convert --to text -o $name.txt $name.dat || exit 1
	zstd -q $name.txt -o $name.txt.zst
	check $name-text "diff <(json $name.dat) <(json $name.txt)"
	check $name-zstd "diff <(json $name.dat) <(json $name.txt.zst)"
	check $name-jobs "diff <(json --jobs 1 $name.dat) <(json --jobs 5 $name.dat)"
	check $name-info "diff <(retryscope info --json $name.dat) <(retryscope info --json $name.txt) | grep '^[<>]' | grep -v 'path\|form'"
done

grep -v '^#@ kernel' aliases.txt >late.txt
echo '#@ kernel 6.1.0-test' >>late.txt
check late-kernel 'diff <(json aliases.txt) <(json late.txt)'
check late-kernel-pipe "cat 6.1-alias0.txt | retryscope replay --algo hva - 2>&1 >/dev/null"
check late-kernel-pipe-told "diff <(retryscope replay --kernel-algo hva 6.1-alias0.dat | tail -n +3) <(cat 6.1-alias0.txt | retryscope replay --kernel-algo hva - | tail -n +3)"

# Waits for more of a pipe, and is interrupted: nothing is left behind.
interrupted() {
	check "$1" "mkfifo fifo; (cat aliases.txt; exec sleep 20) >fifo & writer=\$!
retryscope $2 -o out fifo & sleep 1; kill -$3 \$!; wait \$!; code=\$?
kill \$writer; rm fifo; ls out* 2>/dev/null; exit \$code"
}
interrupted interrupted-replay replay TERM
interrupted interrupted-info info TERM
finish
