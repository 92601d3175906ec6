#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# report: the page of a trace and of a report, without and with pictures; that it asks nobody for
# anything, that no name is markup in it, and what is refused.
. "$1/tests/cli/lib.bash"

# Retried for 2 us by the doing of somebody whose name wants to be a script; a VM likewise.
cat >evil.txt <<'END'
retryscope-events 1
#@ vm 1 pid=7 command="<script>alert(1)</script>&amp;"
#@ kernel "6.1.0<img src=x onerror=alert(2)>"
0 1 memslot id=0 gfn=0x0 npages=0x100 hva=0x100000
1000 1 inval_begin id=1 hva=0x100000-0x141000 pid=39 comm="</pre><script>alert(3)</script>" reason="<b>'\"clear"
3000 1 fault_begin vcpu=0 gfn=0x40 pid=7 comm="<i>CPU 0/KVM"
4000 1 fault_check vcpu=0 result=retry
5000 1 fault_begin vcpu=0 gfn=0x40 pid=7 comm="<i>CPU 0/KVM"
6000 1 fault_check vcpu=0 result=retry
7000 1 inval_end id=1
8000 1 fault_begin vcpu=0 gfn=0x40 pid=7 comm="<i>CPU 0/KVM"
9000 1 fault_check vcpu=0 result=ok
END
export bare="PATH=$cli_work/bin"

check page 'env "$bare" retryscope report evil.txt | sed "/<h2>Method/q"'
check page-of-report 'retryscope replay --format json aliases.txt -o a.json; env "$bare" retryscope report a.json | sed "/<h2>Method/q"'
check page-of-piece 'env "$bare" retryscope report --from 1us --until 6us --algo hva evil.txt 2>&1 | grep -A 3 "class=.answer"'
check page-of-two 'env "$bare" retryscope report two-vms.txt 2>&1 | grep -E "^<h|checked, of which"'
check page-of-nothing 'env "$bare" retryscope report empty.txt | tail -n 40 | grep "nothing can be"'
# The two sentences of a mail; where the loop is open, also in what makes it again; commit and sum.
check answer 'env "$bare" retryscope report aliases.txt 2>&1 | grep -A 2 "class=.answer" | tail -n 1 | sed "s/<[^>]*>//g; s/&#39;/'\''/g" >a; retryscope replay --format mail aliases.txt | sed "/^$/,\$d" | tr "\n" " " >b; diff -wB a <(cat b; echo) && cat a'
check answer-open 'env "$bare" retryscope report --loop open aliases.txt 2>&1 | grep -E "Of 7 faults|retryscope report "'
check identity 'env "$bare" retryscope report aliases.txt 2>&1 | grep -F "$(sha256sum <aliases.txt | cut -d " " -f 1)"; env "$bare" retryscope report - <aliases.txt 2>&1 | grep -c SHA-256'
# What judges the faults of the moments is what their maps are of.
check maps 'gnuplot --version >/dev/null || exit; retryscope report --kernel-algo hva evil.txt | grep -oE "Which guest frames [a-z]+|judged by [a-z]+" | sort | uniq -c'
# Pictures are of the same simulation as the tables: each total is that of replay.
# shellcheck disable=SC2016 # the command's
check loop 'gnuplot --version >/dev/null || exit; o="--precheck on --retry-gap 300ns"; retryscope report $o --algo hva aliases.txt | grep -oE "hva, [a-z]+: total [0-9.]+ us"; for a in recorded think; do retryscope replay --loop closed $o --arrivals $a --algo hva --format csv aliases.txt | awk -F, -v a=$a "NR == 1 { while (\$++i != \"stall_total_ns\"); } NR == 2 { printf \"replay, %s: %.2f us\\n\", a, \$i / 1000 }"; done'
# The only script is the one that sorts, and nothing is markup that a file had.
check harmless 'gnuplot --version >/dev/null || exit; cp evil.txt "<u>x.txt"; retryscope report "<u>x.txt" -o p && grep -c "<svg" p; grep -oE "<script|<img|<u>|<i>|onerror=[^ ]*|(src|href)=.[^#d]..........|https*://[^\"]*" p | sort | uniq -c | sort -rn; [ "$(stat -c %s p)" -lt 2097152 ] && echo small'
check same 'for j in 1 3; do env "$bare" retryscope report --jobs $j evil.txt -o $j; done; cmp 1 3 && echo same'
check with-report 'gnuplot --version >/dev/null || exit; retryscope replay --format json --distributions --loop closed aliases.txt | retryscope report - | grep -c "<svg"'
check wrong 'retryscope report; for o in "--algo nobody" "--format text" "--from x"; do retryscope report $o aliases.txt; done'
check bad 'retryscope report ill-formed.txt -o out; echo $?; retryscope report none -o out; echo $?; echo "{}" >x.json; retryscope report x.json -o out; echo $?; printf "cell,\n" >x.csv; retryscope report x.csv -o out; echo $?; ls out'
check full 'env "$bare" retryscope report aliases.txt -o /dev/full'
finish
