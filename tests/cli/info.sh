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

# Each comes from elsewhere; a notifier's stays one, whatever its reason is called.
cat >origins.txt <<'END'
retryscope-events 1
0 1 memslot id=0 gfn=0x0 npages=0x100 hva=0x7f0000000000
10 1 inval_begin id=1 hva=0x7f0000000000-0x7f0000001000 pid=1 reason=unmap
20 1 inval_begin id=2 hva=0x7f0000000000-0x7f0000001000 pid=1 reason=zap
30 1 inval_begin id=3 gfn=0x1-0x2 pid=1 reason=guest_memfd
31 1 inval_begin id=4 gfn=0x1-0x2 pid=2 reason=guest_memfd
32 1 inval_begin id=5 gfn=0x1-0x2 pid=1 reason=guest_memfd
40 1 inval_begin id=6 gfn=0x1-0x2 pid=1 reason=attributes
41 1 inval_begin id=7 gfn=0x1-0x2 pid=1 reason=attributes
50 1 inval_begin id=8 gfn=0x1-0x2 pid=1 reason=zap
60 1 inval_begin id=9 gfn=0x1-0x2 pid=1 reason=gfn
61 1 inval_begin id=10 gfn=0x1-0x2 pid=1 reason=unmap
62 1 inval_begin id=11 gfn=0x1-0x2 pid=1
63 1 inval_begin id=12 gfn=0x1-0x2
70 2 inval_begin id=1 gfn=0x1-0x2 pid=1 reason=guest_memfd
71 2 fault_begin vcpu=0 gfn=0x1 pid=1 reason=guest_memfd
80 3 memslot id=0 gfn=0x0 npages=0x100 hva=0x7f0000100000
END

# Memslot 1 comes when the one with the same pages goes (100), and a moment before that (99).
for comes in 100 99; do
	cat >handed-over-$comes.txt <<END
retryscope-events 1
0 1 memslot id=0 gfn=0x0 npages=0x10 hva=0x7f0000000000
$comes 1 memslot id=1 gfn=0x100 npages=0x10 hva=0x7f0000000000
100 1 memslot id=0 npages=0
END
done

# Time runs back at the end: the last moment is not that of the last line.
cat >back.txt <<'END'
retryscope-events 1
100 1 memslot id=0 gfn=0x0 npages=0x10 hva=0x7f0000000000
300 1 fault_begin vcpu=0 gfn=0x1
200 1 fault_check vcpu=0
END

check aliases-handed-over 'for t in 99 100; do retryscope info --json handed-over-$t.txt | grep alias_pairs; done'
check back 'retryscope info --json back.txt | grep end_ns'
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
check origins 'retryscope info origins.txt | sed -n "/^Invalidations by/,/^$/p"'
check origins-json 'for form in text binary; do retryscope convert --to $form -o again origins.txt; retryscope info --json again | jq -c "[.vms[].origins]"; done'
check many "{ echo retryscope-events 1; for i in \$(seq 0 99); do echo 0 1 memslot id=\$i gfn=\$((i * 16)) npages=16 hva=0x7f0000000000; done; } | retryscope info -"
check truncated 'retryscope convert --to binary --raw aliases.txt -o b && head -c -10 b >c && retryscope info c'
check damaged 'retryscope convert --to binary --raw aliases.txt -o b && printf X | dd of=b bs=1 seek=$(($(stat -c %s b) - 80)) conv=notrunc 2>/dev/null; retryscope info --json b | grep -E truncated'
check repaired 'retryscope convert --to binary --raw aliases.txt -o b && head -c -10 b >c && retryscope convert --repair --to binary c -o d && retryscope info d | grep truncated'
check piece 'retryscope convert --from 40ns aliases.txt -o piece.txt && retryscope info --json --from 40ns aliases.txt | jq "del(.trace.path)" | diff - <(retryscope info --json piece.txt | jq "del(.trace.path)")'
check too-short 'retryscope convert --to binary --raw aliases.txt -o b && head -c 100 b >c && retryscope info c'
finish
