#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a trace says does not depend on its form, on where it comes from, or on
# the number of threads; and an interrupted run says so.
. "$1/tests/cli/lib.bash"

samples=$cli_source/traces/samples
json() { retryscope replay --format json --loop closed --distributions "$@" | grep -v '"path":\|"form":\|"command":'; }
export -f json

for name in 6.1-alias0 6.12-alias0; do
	cp "$samples/$name.dat" .
	retryscope convert --to text -o $name.txt $name.dat || exit 1
	retryscope convert --to binary -o $name.bin $name.dat || exit 1
	! command -v zstd >/dev/null || zstd -q $name.txt -o $name.txt.zst
	check $name-text "diff <(json $name.dat) <(json $name.txt)"
	check $name-binary "diff <(json $name.dat) <(json $name.bin)"
	check $name-zstd "zstd -tq $name.txt.zst && diff <(json $name.dat) <(json $name.txt.zst)"
	check $name-jobs "diff <(json --jobs 1 $name.dat) <(json --jobs 5 $name.dat)"
	check $name-info "diff <(retryscope info --json $name.dat) <(retryscope info --json $name.txt) | grep '^[<>]' | grep -v 'path\|form'"
done

for packer in gzip xz bzip2; do
	check $packer "$packer -kc 6.1-alias0.dat >packed && diff <(json 6.1-alias0.dat) <(json packed)"
done

# A pipe tells as much as a file.
check pipe 'diff <(json 6.1-alias0.dat) <(cat 6.1-alias0.txt | json -)'

# Waits for more of a pipe, and is interrupted: nothing is left behind.
interrupted() {
	check "$1" "mkfifo fifo; (cat aliases.txt; exec sleep 1000) >fifo & writer=\$!
retryscope $2 -o out fifo & interrupt $3 \$! fifo; wait \$!; code=\$?
kill \$writer; rm fifo; ls out* 2>/dev/null; exit \$code"
}
interrupted interrupted-replay replay TERM
interrupted interrupted-info info TERM
finish
