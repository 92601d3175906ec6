#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Synthetic traces: what is written, that it is the same in each form, and what is refused.
. "$1/tests/cli/lib.bash"

check help 'retryscope synth --help'
check list 'retryscope synth --list'
check show 'retryscope synth ksm layout=many:12 miss=12.5% gap=1500ns --show'
check text 'retryscope synth thp-split events=40 vcpus=2 aliases=1 walk=on'
check conversion 'retryscope synth conversion events=40 vcpus=2 refault=1 period=10us walk=on'
check digest 'retryscope synth memory-reclaim events=100000 vms=2 --digest'
check forms 'retryscope synth balloon events=20000 -o t && retryscope synth balloon events=20000 --to binary -o b && retryscope convert --to text b | cmp - t && echo same'
check again 'retryscope synth ksm events=5000 -o t && retryscope synth $(sed -n "s/^#@ fact synth //p" t) | cmp - t && echo same'
check replay 'retryscope synth guest-memfd events=20000 period=100us | retryscope replay --algo hva,gfn,exact --format csv - | cut -d, -f1-6,13-20'

check no-scenario 'retryscope synth'
check unknown-scenario 'retryscope synth nothing'
check unknown-key 'retryscope synth ksm vcpu=2'
check kinds-hva 'retryscope synth ksm concerns=private'
check kinds-one-way 'retryscope synth conversion concerns=shared'
printf 'retryscope-events 1\n0 1 memslot id=5 gfn=0x10 npages=4 hva=0x7f0000000000\n' >'a b.txt'
check layout-of-file 'retryscope synth balloon "layout=a b.txt" events=4 vcpus=1 | grep -v fault'
check layout-given-twice 'retryscope synth balloon "layout=a b.txt" guest-size=1M'
check layout-missing 'retryscope synth balloon layout=file:none; retryscope synth ksm layout=./in; retryscope synth ksm layout=ill-formed.txt'
check layout-shown 'retryscope synth balloon "layout=a b.txt" --show | grep layout'
check bad-value 'retryscope synth ksm guest-size=5000'
check out-of-range 'retryscope synth ksm vcpus=9999'
check overlap 'retryscope synth ksm aliases=1 alias-share=0.5'
check no-end 'retryscope synth ksm events=0'
check to-unknown 'retryscope synth ksm --to xml'
check full 'retryscope synth ksm events=5000 -o /dev/full'
check full-binary 'retryscope synth ksm events=5000 --to binary -o /dev/full'
check no-folder 'retryscope synth ksm -o nowhere/t'
check interrupted 'retryscope synth ksm events=0 time=1h -o out & pid=$!; interrupt INT $pid; wait $pid; echo $?; ls | grep -c out'
check closed-pipe 'set -o pipefail; retryscope synth ksm | head -n 1; echo $?'
finish
