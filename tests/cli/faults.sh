#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# faults: one by one, which attempts are one fault, in each format, and what happened around one.
. "$1/tests/cli/lib.bash"

# vCPU 0 is retried twice at a page beside the one that ksmd holds, once more at another page,
# which it gives up; vCPU 1 is retried, events are lost, and it tries again: two faults.
cat >spin.txt <<'END'
retryscope-events 1
0 1 memslot id=0 gfn=0x0 npages=0x100 hva=0x100000
1000 1 inval_begin id=1 hva=0x100000-0x101000 pid=39 comm="ksmd" reason=clear
2000 1 inval_begin id=2 hva=0x180000-0x181000 pid=40 comm="=evil\x1b[31m\x0a,\"x\"" reason=unmap
2500 1 inval_end id=2
3000 1 fault_begin vcpu=0 gfn=0x40 pid=7 comm="CPU 0/KVM"
4000 1 fault_check vcpu=0 result=retry
5000 1 fault_begin vcpu=0 gfn=0x40 pid=7 comm="CPU 0/KVM"
5100 1 fault_begin vcpu=1 gfn=0x0 pid=8 comm="CPU 1/KVM"
5200 1 fault_check vcpu=1 result=ok
6000 1 fault_check vcpu=0 result=retry
7000 1 inval_end id=1
8000 1 fault_begin vcpu=0 gfn=0x40 pid=7 comm="CPU 0/KVM"
9000 1 fault_check vcpu=0 result=ok
10000 1 inval_begin id=3 hva=0x100000-0x101000 pid=39 comm="ksmd" reason=clear
11000 1 fault_begin vcpu=0 gfn=0x0
12000 1 fault_check vcpu=0 result=retry
13000 1 fault_begin vcpu=0 gfn=0x1
14000 1 fault_check vcpu=0 result=ok
15000 1 fault_begin vcpu=1 gfn=0x0
16000 1 fault_check vcpu=1 result=retry
17000 1 lost count=1
18000 1 inval_end id=3
40000 1 fault_begin vcpu=1 gfn=0x0
41000 1 fault_check vcpu=1 result=ok
END

check all 'retryscope faults --algo hva spin.txt'
check csv 'retryscope faults --algo hva --format csv spin.txt'
check json 'retryscope faults --algo hva --format json spin.txt'

# Names that mean something to a form, or are longer than a kernel has them, and some that are not.
{
	printf 'retryscope-events 1\n0 1 memslot id=0 gfn=0x0 npages=0x100 hva=0x100000\n'
	n=0
	for name in 'CPU 0/KVM' '=1+1' '-x' 'a-b:c_d' 'a,b' 'a\x22b' '\xc3\xa9t\xc3\xa9' '<i>' \
		0123456789abcdef 0123456789abcdefg; do
		printf '%d 1 fault_begin vcpu=%d gfn=0x1 pid=7 comm="%s"\n' $((1000 * ++n)) $n "$name"
		printf '%d 1 fault_check vcpu=%d result=ok\n' $((1000 * n + 1)) $n
	done
} >names.txt
check names 'for form in csv json; do retryscope faults --format $form names.txt; done'
check sorted 'retryscope faults --algo hva --sort stall --limit 1 spin.txt; retryscope faults --algo hva --sort retries spin.txt'
check filters 'for o in --rejected --missed --disagree "--vcpu 0" "--gfn 0x40" "--gfn 1-0x40" "--cause stale" "--cause necessary,missed"; do echo "$o:"; retryscope faults --algo hva $o spin.txt; done'
check around 'retryscope faults --algo hva --sort stall --around 3 spin.txt'
check around_all 'retryscope faults --algo global --rejected --limit 0 --around 1 spin.txt'
# An invalidation of another VM with the same number ends while the one that is blamed goes on.
cat >two.txt <<'END'
retryscope-events 1
0 1 memslot id=0 gfn=0x0 npages=0x10 hva=0x100000
0 2 memslot id=0 gfn=0x0 npages=0x10 hva=0x200000
100 1 inval_begin id=1 hva=0x100000-0x101000 pid=39 comm="ksmd" reason=clear
110 2 inval_begin id=1 hva=0x200000-0x201000 pid=40 comm="other" reason=unmap
120 1 fault_begin vcpu=0 gfn=0x0
130 2 inval_end id=1
140 1 fault_check vcpu=0 result=retry
150 2 inval_begin id=2 hva=0x200000-0x201000
200 2 inval_end id=2
300 1 inval_end id=1
END
check around_two_vms 'retryscope faults --algo hva --rejected --around 2 two.txt'
check forms 'retryscope faults --algo gfn spin.txt -o a; for raw in "" --raw; do retryscope convert --to binary $raw spin.txt -o b; retryscope faults --algo gfn b | cmp - a; cat b | retryscope faults --algo gfn - | cmp - a; done'
check piece 'retryscope faults --algo hva --from 12.5us spin.txt'
check nothing 'printf "retryscope-events 1\n0 1 lost\n" | retryscope faults --format json -'
check wrong 'for o in "--algo hva,gfn" "--algo all" "--cause x" "--gfn 2-1" "--gfn z" "--vcpu -1" "--sort size" "--limit x" "--around 10001" "--around 2 --format csv"; do retryscope faults $o spin.txt; echo $?; done; retryscope faults --around 1 - <spin.txt; echo $?; mkfifo pipe; retryscope faults --around 1 pipe; echo $?'
finish
