#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Small inputs that would take all memory or time: each kind ends within limits of both,
# and says which budget it met, or does what it was asked. docs/security.md has the budgets.
. "$(dirname "$0")/lib.bash"

# within MIB SECONDS COMMAND...: with so much address space and processor time. What a
# sanitizer adds is not counted.
within() {
	local mib=$1 seconds=$2

	shift 2
	if grep -q __asan_init "$(command -v retryscope)"; then
		seconds=$((seconds * 10))
	else
		ulimit -v $((mib * 1024))
	fi
	ulimit -c 0 -t "$seconds"
	"$@"
}

# lines FIRST LAST FORMAT: FORMAT with each number in the place of each &.
lines() {
	seq "$1" "$2" | sed "s|.*|$3|"
}

text() {
	printf 'retryscope-events 1\n#@ kernel 6.12.0\n'
	cat
}
export -f within lines text

# A table of all vCPUs below the highest, for each VM: 3 GiB for 1000.
lines 1 300 '& & fault_begin vcpu=65535 gfn=1' | text >vcpus.txt
check vcpus 'within 400 5 retryscope replay --jobs 1 vcpus.txt | grep -c "^VM"'
check vcpus-closed 'within 400 5 retryscope replay --jobs 1 --loop closed vcpus.txt | grep -c "^VM"'
check vcpus-info 'within 400 5 retryscope info --jobs 1 vcpus.txt | grep -c "^VM"'
lines 1 5000 '& & fault_begin vcpu=1 gfn=1' | text >vms.txt
for jobs in 1 2; do
	check vms-$jobs "within 200 5 retryscope replay --jobs $jobs --budget 64M vms.txt"
done
check vms-more 'within 300 5 retryscope replay --jobs 2 vms.txt | grep -c "^VM"'
check vms-all 'within 400 5 retryscope replay --jobs 2 --algo all vms.txt | grep -c "^VM"'

# 8 KiB for each VM whose faults wait, and each of its vCPUs looked at for each loss.
lines 1 60000 '1 & fault_begin vcpu=1 gfn=1' | text >waiting.txt
check waiting 'within 300 5 retryscope convert --to binary waiting.txt | wc -c'
lines 1 40000 '1 1 lost' | text >losses.txt
check losses 'within 300 2 retryscope convert --to binary losses.txt | wc -c'

# Attempts one by one in 9e18 ns of blocking.
text >forever.txt <<'END'
0 1 memslot id=0 gfn=0 npages=16 hva=0x1000
1 1 inval_begin id=1 hva=0x1000-0x2000
2 1 fault_begin vcpu=0 gfn=0
3 1 fault_check vcpu=0 result=retry
9000000000000000000 1 inval_end id=1
9000000000000000001 1 fault_begin vcpu=0 gfn=0
9000000000000000002 1 fault_check vcpu=0 result=ok
END
check forever 'within 300 2 retryscope replay --loop closed --algo global,hva,gfn,exact --format csv forever.txt | wc -l'

# Lists that were searched from the start for each new member.
lines 1 30000 '#@ fact k& v' | text >facts.txt
check facts 'within 300 2 retryscope info facts.txt | wc -l'
lines 1 30000 '#@ anomaly a& 1' | text >anomalies.txt
check anomalies 'within 300 2 retryscope convert anomalies.txt | wc -l'
check anomalies-told 'within 300 2 retryscope info anomalies.txt | wc -l'
{
	echo cell,p,seed,algorithm,x
	lines 1 20000 '&,&a,1,a,1'
} >values.csv
if command -v gnuplot >/dev/null; then
	check values 'within 300 5 retryscope plot --x p --what sweep-spurious --format dumb values.csv 2>&1 | head -1'
else
	skip values "gnuplot is not installed"
fi

# Each pair of memslots, each memslot with each invalidation, each with each rejection.
lines 1 32764 '& 1 memslot id=& gfn=0x&00 npages=1 hva=0x1000' | text >pairs.txt
check pairs 'within 300 5 retryscope info --json pairs.txt | grep alias_pairs'
{
	lines 1 500 '0 1 memslot id=& gfn=& npages=1 hva=0x1000'
	lines 1 2000 '& 1 inval_begin id=& hva=0x1000-0x2000'
} | text >product.txt
for jobs in 1 2; do
	check product-$jobs "within 400 5 retryscope replay --jobs $jobs --budget 64M product.txt"
done
# The same in some VMs: the budget is one.
{
	for vm in $(seq 1 20); do
		lines 1 300 "0 $vm memslot id=& gfn=& npages=1 hva=0x1000"
		lines 1 300 "1 $vm inval_begin id=& hva=0x1000-0x2000\\n1 $vm inval_end id=&"
	done
} | text >products.txt
for jobs in 1 2; do
	check products-$jobs "within 400 5 retryscope replay --jobs $jobs --budget 64M products.txt"
done
# What is outstanding, the memslots that a walk reaches, address spaces, and memslots themselves.
lines 1 200000 '1 1 inval_begin id=& hva=0x1000-0x2000' | text >begun.txt
check begun 'within 300 5 retryscope replay --jobs 1 --budget 64M begun.txt'
{
	echo '0 1 memslot id=0 gfn=0 npages=4096 hva=0x100000'
	echo '1 1 inval_begin id=1 hva=0x100000-0x101000 walk=1'
	lines 1 700000 '1 1 inval_slot id=1 slot=0 gfn=0-1'
} | text >walk.txt
check walk 'within 300 5 retryscope replay --jobs 1 --budget 32M walk.txt'
{
	lines 0 255 '0 1 memslot id=0 as=& gfn=0 npages=16 hva=0x100000'
	lines 1 20000 '1 1 inval_begin id=& gfn=0-16'
} | text >spaces.txt
check spaces 'within 300 5 retryscope replay --jobs 1 --budget 64M spaces.txt'
lines 1 200000 '0 1 memslot id=& gfn=& npages=1 hva=0x1000' | text >memslots.txt
check memslots 'within 300 5 retryscope replay --jobs 1 --budget 64M memslots.txt'
# The host pages of invalidations that have none, looked at for each rejection: of a page that
# lies between two others.
{
	lines 1 3000 '0 1 memslot id=& gfn=& npages=1 hva=0x100000'
	echo '0 1 memslot id=0 gfn=9000 npages=9 hva=0x200000'
	echo '0 1 memslot id=3001 gfn=9010 npages=1 hva=0x300000'
	lines 1 20 '1 1 inval_begin id=& gfn=0-9000'
	echo '1 1 inval_begin id=21 gfn=9010-9011'
	lines 2 30001 '& 1 fault_begin vcpu=0 gfn=9001\n& 1 fault_check vcpu=0'
} | text >hosts.txt
check hosts 'within 300 5 retryscope replay --jobs 1 --budget 64M --algo hfn-recent:1.1.8 hosts.txt'
{
	echo '0 1 memslot id=0 gfn=0 npages=16 hva=0x1000'
	lines 1 10000 '& 1 inval_begin id=& hva=0x1000-0x2000'
} | text >outstanding.txt
check outstanding 'within 300 5 retryscope replay --jobs 1 --format csv outstanding.txt | wc -l'

# Whom to blame, of many that are outstanding, for each of many rejections.
{
	echo '0 1 memslot id=0 gfn=0 npages=40000 hva=0x10000000'
	lines 1 10000 '1 1 inval_begin id=& gfn=&-20001 comm=first'
	lines 20001 30000 '2 1 inval_begin id=& hva=0x10000000-0x10001000 comm=other'
	echo '2 1 inval_begin id=0 gfn=39000-39001'
	lines 3 60002 '& 1 fault_begin vcpu=0 gfn=1\n& 1 fault_check vcpu=0'
	lines 60003 120002 '& 1 fault_begin vcpu=0 gfn=25000\n& 1 fault_check vcpu=0'
} | text >blamed.txt
check blamed 'within 300 4 retryscope top --algo hva,gfn blamed.txt | head -4'
check blamed-faults 'within 300 4 retryscope faults --algo gfn --sort stall --limit 2 blamed.txt'

# What a few bytes unpack to.
check unpacked '{ echo retryscope-events 1; head -c 100M /dev/zero | tr "\0" "\n"; } | zstd -q >lines.zst
within 300 5 retryscope info --budget 32M lines.zst'
finish
