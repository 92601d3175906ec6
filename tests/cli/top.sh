#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# top: whose doing rejections are, in each format, of a piece, and of what has bad names.
. "$1/tests/cli/lib.bash"

# Two tasks invalidate pages; vCPU 0 faults between them, and on one of them.
cat >two.txt <<'END'
retryscope-events 1
0 1 memslot id=0 gfn=0x0 npages=0x100 hva=0x100000
1000 1 inval_begin id=1 hva=0x100000-0x101000 pid=39 comm="ksmd" reason=clear
2000 1 inval_begin id=2 hva=0x180000-0x181000 pid=40 comm="=evil\x1b[31m\x0a,\"x\"" reason=unmap
3000 1 fault_begin vcpu=0 gfn=0x40 pid=7 comm="CPU 0/KVM"
4000 1 fault_check vcpu=0 result=retry
5000 1 fault_begin vcpu=0 gfn=0x80 pid=7 comm="CPU 0/KVM"
6000 1 fault_check vcpu=0 result=retry
7000 1 inval_end id=1
8000 1 inval_end id=2
END

check task 'retryscope top two.txt'
check keys 'retryscope top --by cause,reason,task,vcpu,memslot,gfn,vm two.txt'
check algorithms 'retryscope top --algo global,gfn,exact two.txt'
check csv 'retryscope top --format csv two.txt'
check json 'retryscope top --format json two.txt'
check limit 'retryscope top --limit 1 --algo all --by algorithm two.txt'
check piece 'retryscope top --from 4.5us two.txt; retryscope top --until @0.0000045s two.txt'
check forms 'retryscope top two.txt -o a; for raw in "" --raw; do retryscope convert --to binary $raw two.txt -o b; retryscope top b | cmp - a; cat b | retryscope top - | cmp - a; done'
# A clean attempt takes 1 us. vCPU 0 stalls from 4 us on, and is done at 8: all of that is the
# doing of ksmd. vCPU 1 stalls from 11 us to 14.5: sh has it tried again at 12, which would be
# over at 13; that this attempt takes longer is nobody's doing.
cat >stall.txt <<'END'
retryscope-events 1
0 1 memslot id=0 gfn=0x0 npages=0x100 hva=0x100000
1000 1 inval_begin id=1 hva=0x110000-0x111000 pid=39 comm="ksmd" reason=clear
3000 1 fault_begin vcpu=0 gfn=0x10
4000 1 fault_check vcpu=0 result=retry
5000 1 fault_begin vcpu=0 gfn=0x10
6000 1 fault_check vcpu=0 result=retry
6500 1 inval_end id=1
7000 1 fault_begin vcpu=0 gfn=0x10
8000 1 fault_check vcpu=0 result=ok
10000 1 fault_begin vcpu=1 gfn=0x20
10200 1 inval_begin id=2 hva=0x180000-0x181000 pid=40 comm="sh" reason=unmap
10500 1 inval_end id=2
11000 1 fault_check vcpu=1 result=retry
12000 1 fault_begin vcpu=1 gfn=0x20
14500 1 fault_check vcpu=1 result=ok
END
check stall 'retryscope top --loop closed --by task,cause stall.txt; retryscope top --loop closed --arrivals think --by vcpu --limit 1 stall.txt'
check stall-csv 'retryscope top --loop closed --by task,reason,cause --format csv stall.txt'
check stall-json 'retryscope top --loop closed --by cause --algo gfn,exact --format json stall.txt'
# global alone rejects what vCPU 0 does. Its fault at 1 us is decided at 2 and again at 4, both
# times because of ksmd, and is over at 6: 2 retries, a stall of 4 us. Its next fault came at 3
# us, which is 1 us after that one was over. With arrivals recorded it comes at 6 and nothing
# happens; with think at 7, so that sh has it tried again at 9: 1 retry, a stall of 2 us more.
cat >both.txt <<'END'
retryscope-events 1
0 1 memslot id=0 gfn=0x0 npages=0x100 hva=0x100000
1000 1 fault_begin vcpu=0 gfn=0x10
1500 1 inval_begin id=1 hva=0x180000-0x181000 pid=39 comm="ksmd" reason=clear
2000 1 fault_check vcpu=0 result=ok
3000 1 fault_begin vcpu=0 gfn=0x20
3900 1 inval_end id=1
4000 1 fault_check vcpu=0 result=ok
7500 1 inval_begin id=2 hva=0x180000-0x181000 pid=40 comm="sh" reason=unmap
7600 1 inval_end id=2
20000 1 inval_begin id=3 hva=0x180000-0x181000 pid=40 comm="sh" reason=unmap
20100 1 inval_end id=3
END
check both 'retryscope top --loop closed --algo global both.txt; retryscope top --loop closed --algo global --arrivals think both.txt'
check both-same 'for format in csv json; do retryscope top --loop closed --algo global --format $format both.txt; done; for arrivals in recorded think; do retryscope replay --loop closed --algo global --arrivals $arrivals --format json both.txt | grep -E "^ *\"(arrivals|retries|stall_total_ns)\""; done'
# The simulation has a test without the lock in front, and another gap: it depends on both.
check stall-options 'retryscope top --loop closed --precheck on --retry-gap 100ns stall.txt; retryscope top --arrivals think stall.txt; echo $?'

# So many rows as are looked at, if nothing is said: here, and of faults that are sorted.
{
	printf 'retryscope-events 1\n0 1 memslot id=0 gfn=0x0 npages=0x100 hva=0x100000\n'
	printf '1000 1 inval_begin id=1 hva=0x100000-0x200000\n'
	for ((i = 1; i <= 25; i++)); do
		printf '%d 1 fault_begin vcpu=0 gfn=%d\n%d 1 fault_check vcpu=0 result=retry\n' \
			$((1000 + i * 10)) $i $((1005 + i * 10))
	done
	echo '2000 1 inval_end id=1'
} >many.txt
check many 'retryscope top --by gfn --format csv many.txt | wc -l; retryscope top --by gfn --limit 0 --format csv many.txt | wc -l; retryscope faults --sort stall --format csv many.txt | wc -l; retryscope faults --format csv many.txt | wc -l'
check all-by-algorithm 'retryscope top --algo all --format csv two.txt | head -n 1'
check wrong 'retryscope top --by color two.txt; echo $?; retryscope top --format xml two.txt; echo $?; retryscope top --limit x two.txt; echo $?; retryscope top --from 1.5 two.txt; echo $?'
check nothing 'printf "retryscope-events 1\n0 1 lost\n" | retryscope top -'
finish
