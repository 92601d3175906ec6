#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A trace in another form, and a piece of it: what is written, and what is refused.
. "$1/tests/cli/lib.bash"

check text 'retryscope convert aliases.txt'
check binary-and-back 'retryscope convert aliases.txt -o t && retryscope convert --to binary t -o b && retryscope convert b | cmp - t && echo same'
check raw-and-back 'retryscope convert aliases.txt -o t && retryscope convert --to binary --raw t | retryscope convert - | cmp - t && echo same'
check compressed 'retryscope convert aliases.txt -o t && retryscope convert --to binary t | zstd -q | retryscope convert - | cmp - t && echo same'
check same-report 'mkdir T B && cp aliases.txt T/x && retryscope convert --to binary aliases.txt -o B/x && (cd T && retryscope replay --format json x) >1 && (cd B && retryscope replay --format json x) | sed s/binary/text/ | cmp - 1 && echo same'
check piece 'retryscope convert --from 1us --until 2us aliases.txt'
check piece-of-vm 'retryscope convert --vm 1 --from @1us aliases.txt'

# What the index lets pass over makes no difference: a pipe has none.
check index 'retryscope synth memory-reclaim vms=3 vcpus=2 aliases=1 events=120000 --to binary -o b; n=0; for o in "--from 60ms" "--from 60ms --until 70ms" "--until 50ms" "--vm 2" "--from 100ms --vm 3" "--from 90ms --until 91ms --vm 1" "--from 1ms" "--from 60ms --vm 34" "--from 1h"; do retryscope convert $o b >i 2>/dev/null; i=$?; cat b | retryscope convert $o - >p 2>/dev/null; [ $? = $i ] && cmp i p && n=$((n + 1)); done; echo $n same'
check index-damage 'retryscope synth ksm events=100000 --to binary -o b; printf X | dd of=b bs=1 seek=$(($(stat -c %s b) / 2)) conv=notrunc 2>/dev/null; for o in "--from 100ms --until 200ms" "--from 1100ms" ""; do retryscope convert $o b -o o; echo $?; done'
# A timeline of what happened around a fault; of somebody whose name obeys nobody.
cat >spin.txt <<'END'
retryscope-events 1
0 1 memslot id=0 gfn=0x0 npages=0x100 hva=0x100000
1000 1 inval_begin id=1 hva=0x100000-0x101000 pid=39 comm="ksmd" reason=clear
2000 1 inval_begin id=2 hva=0x180000-0x181000 walk=1 pid=40 comm="=evil\x1b[31m\x0a,\"x\"</script>\xff" reason=unmap
2100 1 inval_slot id=2 slot=0 gfn=0x80-0x81
2500 1 inval_end id=2
3000 1 fault_begin vcpu=0 gfn=0x40 pid=7 comm="CPU 0/KVM"
4000 1 fault_check vcpu=0 result=retry
5000 1 fault_begin vcpu=0 gfn=0x40 pid=7 comm="CPU 0/KVM"
5100 1 fault_begin vcpu=1 gfn=0x0
5200 1 fault_check vcpu=1 result=ok
6000 1 fault_check vcpu=0 result=ok
7000 1 fault_begin vcpu=1 gfn=0x0
7100 1 fault_end vcpu=1
7200 1 lost count=3
END
check timeline 'retryscope convert --to trace-event --algo hva,exact spin.txt'
check timeline-piece 'retryscope convert --to trace-event --from 5us --until 5.5us spin.txt'
check timeline-forms 'retryscope convert --to binary spin.txt -o b && cat b | retryscope convert --to trace-event - >t && retryscope convert --to trace-event spin.txt | cmp - t && echo same'
check timeline-nothing 'printf "retryscope-events 1\n0 1 lost\n" | retryscope convert --to trace-event -'
check timeline-full 'retryscope convert --to trace-event aliases.txt -o /dev/full'
check timeline-bad 'printf "retryscope-events 1\n0 1 lost\n1 x\n" >bad; retryscope convert --to trace-event bad -o out; echo $?; ls out*'
check algo-of-text 'retryscope convert --algo gfn aliases.txt'
check no-vm 'retryscope convert --vm 9 aliases.txt'
check from-after-end 'retryscope convert --from 1h aliases.txt'
check until-before-from 'retryscope convert --from 1us --until 1us aliases.txt'
check from-no-time 'retryscope convert --from soon aliases.txt'
check to-unknown 'retryscope convert --to xml aliases.txt'
check raw-larger 'retryscope synth ksm events=1000 -o s && retryscope convert --to binary s -o b && retryscope convert --to binary --raw s -o c && [ $(wc -c <c) -gt $(($(wc -c <b) * 2)) ] && echo larger'
check raw-text 'retryscope convert --raw aliases.txt'
check no-file 'retryscope convert'
check full 'retryscope convert aliases.txt -o /dev/full'
check full-binary 'retryscope convert --to binary aliases.txt -o /dev/full'
check directory 'retryscope convert aliases.txt -o .'
check truncated 'retryscope convert --to binary --raw aliases.txt -o b && head -c 400 b >c && retryscope convert c -o d; echo $?; ls d* c*'
check repaired 'retryscope convert --to binary --raw aliases.txt -o b && head -c -10 b >c && retryscope convert --repair c | tail -n 1'
# A trace.dat: cut off in its pages, before its options, and with a page that a crash left empty.
cp "$cli_source/tests/data/stored/v6.dat" v6.dat
cp "$cli_source/tests/data/stored/v7-zstd-buffers.dat" v7.dat
check dat-cut 'head -c 17000 v6.dat >c.dat; retryscope convert c.dat; echo $?; retryscope convert --repair c.dat'
check dat-without-options 'head -c 16600 v7.dat >c.dat; retryscope convert c.dat; echo $?; retryscope convert --repair c.dat'
check dat-page 'cp v6.dat z.dat; dd if=/dev/zero of=z.dat bs=4096 seek=3 count=1 conv=notrunc 2>/dev/null; retryscope convert z.dat; echo $?; retryscope convert --repair z.dat'
check dat-info 'head -c 17000 v6.dat >c.dat; retryscope info c.dat'

# What a killed trace-cmd leaves: found beside the file, or named.
check cpu-files 'for i in 0 1 2; do dd if=v6.dat of=k.dat.cpu$i bs=4096 skip=$((3 + i)) count=1 2>/dev/null; done; head -c 12200 v6.dat >k.dat; retryscope convert --repair k.dat'
check cpu-files-named 'for i in 0 1; do dd if=v6.dat of=one.dat.cpu$i bs=4096 skip=$((3 + i)) count=1 2>/dev/null; done; retryscope convert --repair v6.dat one.dat.cpu0 one.dat.cpu1'
check cpu-files-alone 'rm k.dat; retryscope convert k.dat.cpu0; echo $?; retryscope convert --repair k.dat'
check cpu-files-no-repair 'retryscope convert v6.dat v6.dat.cpu0'
check cpu-files-no-name 'retryscope convert --repair v6.dat aliases.txt'
check damaged 'retryscope convert --to binary --raw aliases.txt -o b && printf X | dd of=b bs=1 seek=300 conv=notrunc 2>/dev/null; retryscope convert b -o d; echo $?; ls d*'
check interrupted 'mkfifo pipe; { cat aliases.txt; exec sleep 1000; } >pipe & retryscope convert pipe -o out & pid=$!; interrupt INT $pid pipe; wait $pid; echo $?; kill %1; ls out*'
finish
