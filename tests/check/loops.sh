#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# bench/loops: that each line has its figures, and what a program beside it is given: a request
# of 24 bytes for each fault, by the names that libCacheSim's cachesim takes.
. "$1/tests/common/check.bash"
command -v gnuplot >/dev/null || skip "no gnuplot, which draws the plots"
[ -x "$build_dir/bench/bench_pipeline" ] || skip "bench_pipeline is not built"

cat >simulator <<'END'
#!/bin/sh
[ $# -eq 4 ] && [ "$2" = oracleGeneral ] && [ "$4" = 1mb ] || exit 1
echo "$3 $(wc -c <"$1") $(od -An -tu4 -j12 -N4 "$1" | tr -d ' ')" >>"$(dirname "$0")/asked"
echo "as cachesim does" >requests.cachesim
END
chmod +x simulator
BUILD=$build_dir timeout 60 "$source_dir/bench/loops" --beside ./simulator 2000 >out 2>err ||
	wrong "exit code $?: $(cat err)"
[ ! -e requests.cachesim ] || wrong "what the simulator writes is left here"
faults=$(retryscope synth ksm events=2000 | grep -c ' fault_begin ')
[ "$(cat asked)" = "lru $((24 * faults)) 4096
fifo $((24 * faults)) 4096" ] || wrong "it was asked: $(cat asked), for $faults faults"
grep -q "^$faults faults " out || wrong "the number of faults is not in: $(cat out)"
[ "$(awk '/^  (replay|plot)/ && $(NF - 2) ~ /^[0-9.]+$/ && $NF > 1' out | wc -l)" -eq 12 ] ||
	wrong "lines without figures: $(cat out)"
[ "$(awk '/^  (simulator|retryscope),/ && NF >= 4' out | wc -l)" -eq 5 ] ||
	wrong "lines without figures: $(cat out)"

# One that fails is said, and not shown as quick.
printf '#!/bin/sh\nexit 1\n' >simulator
BUILD=$build_dir timeout 60 "$source_dir/bench/loops" --beside "$PWD/simulator" 2000 >out 2>err
[ $? -eq 1 ] || wrong "a program that fails: exit code is not 1"
grep -q 'simulator failed' err || wrong "a program that fails: $(cat err)"
"$source_dir/bench/loops" --beside "$PWD/none" >out 2>err
[ $? -eq 2 ] || wrong "no program: exit code is not 2"
[ "$failures" -eq 0 ]
