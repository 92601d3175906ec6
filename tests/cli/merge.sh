#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# merge: sums of reports, and reports that cannot be added.
. "$1/tests/cli/lib.bash"

replay() { retryscope replay --format json "$@"; }
replay --distributions -o a.json aliases.txt
replay --distributions -o b.json mismatch.txt
replay --distributions -o two.json two-vms.txt
replay -o plain.json lost.txt
replay --distributions -o empty.json empty.txt
replay --distributions --algo gfn -o wide.json wide.txt
sed 's/gfn=0x5$/gfn=0x6/' wide.txt >other.txt
replay --distributions --algo gfn -o wide2.json other.txt
replay --algo gfn,hva -o gfn-hva.json lost.txt
replay --algo hva,gfn -o hva-gfn.json aliases.txt
replay --loop closed --distributions -o closed.json aliases.txt
replay --loop closed --arrivals think -o think.json mismatch.txt
replay --loop closed --precheck on -o precheck.json mismatch.txt
replay --loop closed --distributions -o closed2.json mismatch.txt

check sum 'retryscope merge a.json b.json'
check sum-text 'retryscope merge --format text a.json b.json two.json'
check sum-mail 'retryscope merge --format mail a.json b.json'
check sum-csv 'retryscope merge --format csv a.json two.json'
check one-is-itself 'retryscope merge --format csv a.json | cut -d, -f 6- | diff - <(retryscope replay --format csv aliases.txt | cut -d, -f 6-)'
check again 'retryscope merge a.json b.json -o ab.json; retryscope merge ab.json two.json | cmp - <(retryscope merge two.json b.json a.json) && retryscope merge ab.json | cmp - ab.json'
check order 'diff <(retryscope merge --format csv a.json b.json two.json) <(retryscope merge --format csv two.json a.json b.json)'
check no-quantiles 'retryscope merge --format text a.json plain.json'
check no-quantiles-json 'retryscope merge a.json plain.json | grep -A 7 widening_epoch | head -n 8'
check with-empty 'retryscope merge --format text empty.json a.json'
check only-empty 'retryscope merge --format text empty.json'
check wide 'retryscope merge wide.json wide2.json | grep page_ns; grep page_ns wide.json'
# The schema before this one had no quotes around what a double does not hold.
old() { sed -E 's,report/2,report/1,; s/"([0-9]{16,}(\.[0-9]+)?)"/\1/g' "$@"; }
export -f old
check old-schema 'old wide.json >old1.json; old wide2.json >old2.json; grep -c "page_ns.: [0-9]\{30\}" old1.json; diff <(retryscope merge old1.json old2.json | grep -v command) <(retryscope merge wide.json wide2.json | grep -v command)'
# What is written is read, with totals of each magnitude, and a sum of one is itself.
for ((time = 1; time < 10 ** 18; time *= 10)); do
	for end in $((time + 10)) $((15 * time / 10 + 11)) $((time * 3 / 7 + 13)); do
		printf '%s\n' 'retryscope-events 1' '0 1 memslot id=0 gfn=0 npages=1024 hva=0' \
			'10 1 inval_begin id=1 hva=0-4096' '11 1 fault_begin vcpu=0 gfn=5' \
			'12 1 fault_check vcpu=0 result=ok' '12 1 inval_begin id=2 hva=0-12288' \
			"$end 1 inval_end id=1" "$((end + time / 3)) 1 inval_end id=2" >long.txt
		replay --distributions -o long.json long.txt
		check magnitudes 'retryscope merge long.json -o one.json && retryscope merge one.json | cmp one.json; retryscope merge --format csv long.json | cut -d, -f 7- | diff - <(retryscope replay --format csv long.txt | cut -d, -f 7-)'
	done
done
check closed 'retryscope merge --format text closed.json closed2.json'
check stdin 'retryscope merge --format csv - <a.json | cut -d, -f 6- | head -n 2'

# Host by host, and what else: eight, of which one has other memory.
for host in 1 2 3 4 5 6 7 8; do
	share=0.02
	[ $host -eq 4 ] && share=0.5
	retryscope synth memory-reclaim seed=$host time=5ms guest-size=256M aliases=1 alias-distance=128M \
		alias-share=$share refault=0.1 fault-rate=40000 |
		sed "1a #@ kernel 6.12.$((host % 2))\n#@ fact host.name h$host\n#@ fact host.boot_id b$host" >host$host.txt
	replay --loop closed -o host$host.json host$host.txt
done
printf '# HOST GROUP\nh[1-4] web\n* db\n' >hosts
check by-host 'retryscope merge --format text host?.json | sed -n "/^By host/,/^\(No\|ANO\)/p"'
check by-host-csv 'retryscope merge --by host --format csv host?.json'
check by-kernel 'retryscope merge --by kernel --format csv --algo exact host?.json'
check by-vm 'retryscope merge --by vm --format csv a.json two.json | cut -d, -f 1-14'
check by-group 'retryscope merge --groups hosts --by group --format mail host?.json | grep -A 7 "^By"'
check groups-stay 'retryscope merge --groups hosts host?.json -o groups.json; retryscope merge groups.json | cmp groups.json && retryscope merge --by group --format csv groups.json | cut -d, -f 1-2,7-8'
check groups-missing 'retryscope merge --groups nothing a.json; retryscope merge --groups . a.json'
check by-what 'retryscope merge --by moon a.json'
check no-such-algo 'for algo in none gfm gfn,hva; do retryscope merge --algo $algo a.json; echo $?; done'
check before-parts 'sed "s/\"parts\"/\"other\"/" ab.json >old-sum.json; retryscope merge --format text old-sum.json | sed -n "/^By host/,/^Too/p"'
broken_sum() {
	check "$1" "sed '$2' ab.json >broken.json; cmp -s ab.json broken.json && echo unchanged; retryscope merge broken.json"
}
broken_sum part-more '/"parts"/,$s/"spurious": [0-9]*/"spurious": 99/'
broken_sum part-algorithm '/"parts"/,$s/"hva": {/"hvb": {/'
broken_sum part-no-text '/"parts"/,$s/"command": null/"command": 7/'
broken_sum part-missing '/"parts"/,$s/"aliased_frames"/"x"/'

check twice 'retryscope merge a.json a.json'
# By whatever name, in whatever form: with its identity, and as before there were any.
cp aliases.txt copy.txt
retryscope convert --to binary -o copy.rs aliases.txt
replay --distributions -o copy.json copy.txt
replay --distributions -o dot.json ./aliases.txt
replay --distributions -o binary.json copy.rs
replay --distributions -o stdin.json - <copy.rs
same_traces=(copy dot binary stdin)
if command -v zstd >/dev/null; then
	zstd -q copy.rs
	replay --distributions -o zstd.json copy.rs.zst
	same_traces+=(zstd)
else
	skip twice-zstd "zstd is not installed"
fi
for same in "${same_traces[@]}"; do
	grep -vE '"(identity|only_vm)"' $same.json >$same-old.json
	check twice-$same "retryscope merge a.json $same.json; retryscope merge $same-old.json a.json"
done
replay --distributions --vm 1 -o one-vm.json two-vms.txt
replay --distributions --vm 7 -o other-vm.json two-vms.txt
check twice-each-vm 'retryscope merge one-vm.json other-vm.json | grep -E "\"(only_vm|checked)\""; retryscope merge two.json other-vm.json'
check twice-merged 'retryscope merge ab.json b.json'
# A sum has the other arrivals if all of its reports do.
without_other() {
	awk '/^ *"other_arrivals"/ { sub(/,$/, "", held); skip = index($0, "\""); next }
		skip { if (index($0, "}") == skip) skip = 0; next }
		NR > 1 { print held }
		{ held = $0 }
		END { print held }' "$1"
}
without_other closed.json >one.json
check one-arrivals 'for pair in "one.json closed2.json" "closed2.json one.json" "one.json"; do retryscope merge --format text $pair | grep -A 1 "arrivals think"; done; retryscope merge closed.json closed2.json | grep -c other_arrivals; retryscope merge one.json closed2.json | grep -c other_arrivals'
check algorithms 'retryscope merge a.json gfn-hva.json'
check order-of-algorithms 'retryscope merge hva-gfn.json gfn-hva.json'
check loops 'retryscope merge a.json closed.json'
check arrivals 'retryscope merge closed.json think.json'
check prechecks 'retryscope merge closed.json precheck.json'
check missing 'retryscope merge missing.json'
check directory 'retryscope merge .'
check no-json 'retryscope merge aliases.txt'
check truncated 'head -c 2000 a.json >cut.json; retryscope merge cut.json'
check no-object 'echo "[1]" >array.json; retryscope merge array.json'
check zero-length ': >zero.json; retryscope merge zero.json'
check other-schema 'sed s,report/2,report/3, a.json >v3.json; retryscope merge v3.json'
check other-json 'retryscope info --json aliases.txt >info.json; retryscope merge info.json'
check duplicate-key 'sed "s/\"events\"/\"begin_ns\"/" a.json >dup.json; retryscope merge dup.json'
check full 'retryscope merge -o /dev/full a.json'

# broken NAME SED: a.json with one change.
broken() {
	check "$1" "sed '$2' a.json >broken.json; cmp -s a.json broken.json && echo unchanged; retryscope merge broken.json"
}
broken count-negative '0,/"checked": [0-9]*/s//"checked": -1/'
broken count-fraction '0,/"checked": [0-9]*/s//"checked": 1.5/'
broken count-text '0,/"hit": [0-9]*/s//"hit": "many"/'
broken count-huge '0,/"hit": [0-9]*/s//"hit": 18446744073709551616/'
broken page-ns-huge '0,/"page_ns": [0-9]*/s//"page_ns": 999999999999999999999999999999999999999999/'
broken no-member '0,/"checked"/s//"chequed"/'
broken no-vms 's/"vms"/"VMs"/'
broken vms-no-array 's/"vms": \[/"vms": 1, "x": [/'
broken does-not-add-up '0,/"rejected": [0-9]*/s//"rejected": 1/'
broken causes-do-not-add-up '0,/"alias": [0-9]*/s//"alias": 77/'
broken loop 's/"open"/"ajar"/'
broken path-number 's/"path": "[^"]*"/"path": 5/'
broken distribution-sum '0,/"ccdf": \[\[[0-9]*, 1\]/s//"ccdf": [[1, 2]/'
broken times-backwards '0,/"begin_ns": 0/s//"begin_ns": 9999/; 0,/"begin_ns": 0/s//"begin_ns": 9999/'
finish
