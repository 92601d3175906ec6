#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Sweeps: what the table has, that it depends on nothing but the grid, and what is refused.
. "$1/tests/cli/lib.bash"

grid='memory-reclaim events=2000 aliases=0,1,3 vcpus=1,4 --seeds 2 --algo hva,gfn,exact'

check table 'retryscope sweep ksm events=3000 aliases=0,1 --algo hva,gfn,exact'
check closed 'retryscope sweep ksm events=3000 miss=0,100% --loop closed --algo gfn --precheck on | cut -d, -f1-8'
check json 'retryscope sweep ksm,balloon events=1000 --algo exact --format json | head -c 300'
check jobs "for j in 1 2 5; do retryscope sweep $grid --jobs \$j -o \$j || exit; done; cmp 1 2 && cmp 1 5 && wc -l <1; rm 1 2 5; ls ./*.journal"
check stdout "retryscope sweep $grid -o file && retryscope sweep $grid | cmp - file && echo same"
# Killed again and again at some time; each run goes on where the last one stopped.
check killed "retryscope sweep $grid --seeds 40 -o whole || exit
	for i in 1 2 3 4 5 6 7 8; do
		retryscope sweep $grid --seeds 40 -o torn --jobs 2 & pid=\$!
		sleep 0.0\$i; kill -KILL \$pid; wait \$pid
		[ ! -e torn ] || rm torn
	done 2>/dev/null
	retryscope sweep $grid --seeds 40 -o torn && cmp whole torn && echo same; rm whole torn; ls ./*.journal"
# Killed when it is known that something is in the journal, and torn off in the middle of it.
check resumed "retryscope sweep $grid -o whole
	(retryscope sweep $grid --jobs 1 -o torn 2>/dev/null & pid=\$!
	while ! grep -q '^piece 3' torn.journal 2>/dev/null && kill -0 \$pid 2>/dev/null; do :; done; kill -KILL \$pid; wait \$pid) 2>/dev/null
	rm -f torn; [ ! -e torn.journal ] || truncate -s -5 torn.journal; retryscope sweep $grid -o torn && cmp whole torn && echo same; rm whole torn"
check other 'printf "something else\n" >out.journal; retryscope sweep ksm events=100 -o out; cat out.journal; ls out; rm out.journal'
check other-grid 'printf "retryscope-journal 1\nconfig 0123456789abcdef\n" >out.journal; retryscope sweep ksm events=100 -o out; ls out; rm out.journal'
check head-torn 'printf "retryscope-jour" >out.journal; retryscope sweep ksm events=100 --algo exact -o out; wc -l <out; rm out; ls out.journal'
check full 'retryscope sweep ksm events=100 >/dev/full'
check full-output 'retryscope sweep ksm events=100 -o /dev/full; ls /dev/full.journal'
check nowhere 'retryscope sweep ksm events=100 -o nowhere/out'
check interrupted 'retryscope sweep ksm events=1000000 aliases=0,1,2,3 --jobs 1 -o int & pid=$!; until [ -s int.journal ] || ! kill -0 $pid; do sleep 0.01; done; interrupt INT $pid; wait $pid; echo $?; ls int*; rm int.journal'

# What is left of a sweep is nothing of one whose figures are others.
check left 'sweep="retryscope sweep ksm events=1000000 aliases=0,1,2,3 --jobs 1 -o int"
	$sweep --loop closed --algo gfn 2>/dev/null & pid=$!
	until [ -s int.journal ] || ! kill -0 $pid; do sleep 0.01; done; interrupt INT $pid; wait $pid; echo $?
	for o in "--algo gfn" "--loop closed --algo hva" "--loop closed --algo gfn --arrivals think" "--loop closed --algo gfn --precheck on"; do
		timeout 20 $sweep $o; echo "$? $o"
	done; rm int.journal'
check no-scenario 'retryscope sweep'
check unknown-key 'retryscope sweep ksm vcpu=1,2'
check bad-value 'retryscope sweep ksm vcpus=1,none'
check not-together 'retryscope sweep ksm aliases=0,1 alias-share=0.1,0.5 events=100 -o out; echo $?; ls out out.journal'
# No cell is done before all can be: the corrected command is not held up by what the first left.
check corrected 'retryscope sweep ksm aliases=1 alias-share=0.01,0.5 events=300 --algo hva -o out 2>&1 && echo wrong
	retryscope sweep ksm aliases=1 alias-share=0.01,0.25 events=300 --algo hva -o out && cut -d, -f1-6 out; ls out.journal; rm out'
check twice 'retryscope sweep ksm vcpus=1,2 vcpus=3,4'
check seed 'retryscope sweep ksm seed=1,2'
check needs-closed 'retryscope sweep ksm --arrivals think'
finish
