#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# compare: what it says of groups of which it is known what is true, and what it refuses.
. "$1/tests/cli/lib.bash"

# run NAME SEED [KEY=VALUE...]: a capture and the report of it.
run() {
	local name=$1 seed=$2
	shift 2
	retryscope synth memory-reclaim seed="$seed" time=4ms guest-size=64M aliases=1 \
		alias-share=0.2 "$@" --to binary -o "$name.rs"
	retryscope replay --format json --loop closed --distributions --algo hva,gfn \
		-o "$name.json" "$name.rs"
}
for seed in 1 2 3 4 5 6; do
	run a$seed $seed
	run b$seed 10$seed inval-time=8us
done
export small='--algo gfn,hva --figure blocked_mean_share,spurious_share,missed_share,stall_p99_ns,inval_mean_ns'

check text 'retryscope compare $small --names before,after a?.json -- b?.json'
check mail 'retryscope compare $small --format mail a?.json -- b?.json'
check json 'retryscope compare --format json --algo gfn --figure blocked_mean_share,missed_share a?.json -- b?.json'
check csv 'retryscope compare --format csv --algo gfn a?.json -- b?.json'
check captures-are-reports 'diff <(retryscope compare --algo hva,gfn a?.rs -- b?.rs) <(retryscope compare a?.json -- b?.json) && echo the same'
# The other arrivals' figures are those of a comparison with these.
closed='--algo gfn --figure retries_per_inval,stall_mean_ns'
others='--algo gfn --figure other_retries_per_inval,other_stall_mean_ns'
export closed others
check others 'diff <(retryscope compare $others --format csv a?.json -- b?.json) <(retryscope compare $closed --arrivals think --format csv a?.rs -- b?.rs | sed "2,\$s/^\"/\"other_/") && echo the same'
check others-text 'retryscope compare $others a?.json -- b?.json'
check others-think 'retryscope compare $others --arrivals think a?.rs -- b?.rs | grep -A1 "^Figures of"'
check open 'retryscope compare --loop open --algo gfn,hva a?.rs -- b?.rs | sed -n 1,3p'
check plot 'retryscope compare $small --plot plot.txt a?.json -- b?.json >/dev/null && gnuplot --version >/dev/null && cat plot.txt'
check few 'retryscope compare --algo gfn --figure blocked_mean_share a[123].json -- b?.json'
check one-a-side 'retryscope compare --algo gfn --figure blocked_mean_share a1.json -- b1.json'
check stdin 'retryscope compare --algo gfn --figure blocked_mean_share - -- b1.json <a1.json | diff - <(retryscope compare --algo gfn --figure blocked_mean_share a1.json -- b1.json) && echo the same'

# What does not compare is said.
run c1 301 guest-size=128M
run c2 302 period=1ms
run c3 303 time=20ms
run c4 304 aliases=3
retryscope replay --format json --algo hva,gfn -o open.json a1.rs
retryscope replay --format json --loop closed --algo hva,gfn -o no-buckets.json a1.rs
retryscope replay --format json --loop closed --arrivals think --distributions --algo hva,gfn -o think.json a1.rs
retryscope replay --format json --loop closed --precheck on --distributions --algo hva,gfn -o precheck.json a1.rs
retryscope replay --format json --loop closed --distributions --algo hva,gfn -o lost.json lost.txt
retryscope merge -o merged.json a1.json a2.json
sed '/#@ kernel/d; 1a #@ kernel 6.1.0\n#@ fact host.cpu_model EPYC\n#@ fact host.hypervisor none\n#@ vm 1 pid=12 command=qemu' aliases.txt >real.txt
sed '/#@ kernel/d; 1a #@ kernel 6.12.0\n#@ fact host.cpu_model QEMU\n#@ fact host.hypervisor tcg\n#@ vm 1 pid=12 command=minivmm' mismatch.txt >emulated.txt
notes() { sed -n '/^Before/,/^$/p'; }
export -f notes
check power 'retryscope compare $small a[1234].json -- b[1234].json | notes'
for other in c1 c2 c3 c4 open no-buckets think precheck lost merged; do
	check "note-$other" "retryscope compare b1.json b2.json b3.json b4.json -- $other.json | notes"
done
check note-hosts 'retryscope compare real.txt -- emulated.txt | notes'
check kernel 'retryscope compare --algo kernel --figure rejected_share real.txt -- emulated.txt'

# Runs of a kernel with either algorithm: tests/data/compare/lab.
cp -r "$cli_source/tests/data/compare/lab" .
check lab 'retryscope compare --algo kernel --figure rejected_share,spurious_share,blocked_mean_share --names hva,gfn lab/hva.*.json -- lab/gfn.*.json'
check lab-chance 'retryscope compare --algo kernel --figure rejected_share,spurious_share,blocked_mean_share lab/hva.[12].json lab/gfn.[12].json -- lab/hva.[34].json lab/gfn.[34].json | head -n 2'

check twice 'retryscope compare a1.json a2.json -- a3.json a1.json'
check twice-as-capture 'retryscope compare a1.rs -- a1.rs'
check nothing-in-common 'retryscope compare --algo exact a1.json -- b1.json'
check no-algorithm-in-common 'retryscope replay --format json --algo exact -o exact.json b1.rs; retryscope compare a1.json -- exact.json'
check no-new 'retryscope compare a1.json'
check no-base 'retryscope compare -- a1.json'
check names 'retryscope compare --names x a1.json -- b1.json'
check names-half 'for n in , x, ,y; do retryscope compare --names $n a1.json -- b1.json 2>&1 | sed 1q; done'
check figure 'for list in stall rejected_shares,stall_p99_ns "" missed_share,; do retryscope compare --figure "$list" a1.json -- b1.json 2>&1 | head -n 1; done'
check algo 'retryscope compare --algo gfm a1.json -- b1.json'
check suffix 'retryscope compare --plot x.doc a1.json -- b1.json'
check format 'retryscope compare --format html a1.json -- b1.json'
check missing 'retryscope compare a1.json -- missing.json'
check no-report 'echo "{}" >empty.json; retryscope compare a1.json -- empty.json'
check no-trace 'echo hello >hello; retryscope compare a1.json -- hello'
check blank-before '{ echo; cat a1.json; } >blank.json && retryscope compare --algo gfn --figure missed_share blank.json -- b1.json | wc -l'
check full 'retryscope compare -o /dev/full a1.json -- b1.json'
finish
