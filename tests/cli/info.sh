#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# info, of small traces.
. "$1/tests/cli/lib.bash"

cat >churn.txt <<'END'
retryscope-events 1
0 1 memslot id=0 gfn=0x0 npages=0x100 hva=0x7f0000000000
0 1 memslot id=1 gfn=0x1000 npages=0x10 hva=0x7f0000020000
# The same again, and its flags alone, change no place.
50 1 memslot id=0 gfn=0x0 npages=0x100 hva=0x7f0000000000
60 1 memslot id=0 gfn=0x0 npages=0x100 hva=0x7f0000000000 flags=1
# Gone and back, moved, gone for good.
100 1 memslot id=1 npages=0
200 1 memslot id=1 gfn=0x1000 npages=0x10 hva=0x7f0000020000
300 1 memslot id=1 gfn=0x2000 npages=0x10 hva=0x7f0000020000
400 1 memslot id=1 npages=0
# Comes only when its alias is gone; the same frames in another address space.
500 1 memslot id=2 gfn=0x3000 npages=0x8 hva=0x7f0000028000
500 1 memslot id=0 as=1 gfn=0x0 npages=0x80 hva=0x7f0000000000
600 1 memslot id=9 npages=0
END

check text 'retryscope info aliases.txt'
check json 'retryscope info --json aliases.txt'
check two-vms 'retryscope info two-vms.txt'
check one-vm 'retryscope info --vm 7 two-vms.txt'
check lost 'retryscope info lost.txt'
check empty 'retryscope info empty.txt'
check empty-json 'retryscope info --json empty.txt'
check mismatch 'retryscope info mismatch.txt'
check churn 'retryscope info churn.txt'
check churn-json 'retryscope info --json churn.txt'
check many "{ echo retryscope-events 1; for i in \$(seq 0 99); do echo 0 1 memslot id=\$i gfn=\$((i * 16)) npages=16 hva=0x7f0000000000; done; } | retryscope info -"
check truncated 'retryscope convert --to binary --raw aliases.txt -o b && head -c -10 b >c && retryscope info c'
check damaged 'retryscope convert --to binary --raw aliases.txt -o b && printf X | dd of=b bs=1 seek=$(($(stat -c %s b) - 80)) conv=notrunc 2>/dev/null; retryscope info --json b | grep -E truncated'
check repaired 'retryscope convert --to binary --raw aliases.txt -o b && head -c -10 b >c && retryscope convert --repair --to binary c -o d && retryscope info d | grep truncated'
check piece 'retryscope convert --from 40ns aliases.txt -o piece.txt && retryscope info --json --from 40ns aliases.txt | jq "del(.trace.path)" | diff - <(retryscope info --json piece.txt | jq "del(.trace.path)")'
check too-short 'retryscope convert --to binary --raw aliases.txt -o b && head -c 100 b >c && retryscope info c'
finish
