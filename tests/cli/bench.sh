#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What bench prints, but for the figures, which no two runs have in common: those become N.
. "$1/tests/cli/lib.bash"

cat >"$cli_work/bin/shape" <<'SHAPE'
#!/bin/bash
# Measured figures become N, whatever room they took. Whether the CPU has a counter
# of instructions must not matter either.
sed -E 's/<?[0-9][0-9.,]*[kMG]? <?[0-9][0-9.,]*[kMG]?-<?[0-9][0-9.,]*[kMG]?/N/g; s/ +/ /g
	s/( <?[0-9.]+){3} N N$/ N N N N N/
	/^Instructions: /,/^$/d; /^instructions /,/^$/d'
SHAPE
cat >"$cli_work/bin/figures" <<'FIGURES'
#!/bin/bash
# JSON with every number that was measured made N; order and names stay.
sed -E '/"(median|min|max|begin|slot|end|check)": [0-9]/s/: [0-9.e+-]+/: N/
	s/("no_counter"): .*/\1: REASON,/; s/"instructions": (null|\{)/"instructions": null/'
FIGURES
chmod +x "$cli_work/bin/shape" "$cli_work/bin/figures"

quick='--rounds 2 --round-time 100us'
few='--outstanding 1 --memslots 10 --aliases 0 --ended 0'

check help 'retryscope bench --help'
check text "set -o pipefail; retryscope bench $quick $few --algo hva,gfn-list,hfn-recent:2.1.8 | shape"
check growth "set -o pipefail; retryscope bench $quick --outstanding 1,20 --memslots 10,1000 --aliases 0,3 --ended 0,8 --algo gfn,gfn-list | grep -A 4 '^bytes'"
check growth-tables "retryscope bench $quick --outstanding 1,20 --memslots 10,1000 --aliases 0,3 --ended 0,8 --algo gfn | grep -cE '^(begin, slots, end|check|bytes)'"
check width "retryscope bench $quick --algo all | awk 'length > 80'; retryscope bench $quick --contend --algo all | awk 'length > 80'; retryscope bench $quick --trace aliases.txt --algo all | awk 'length > 80'"
check json "set -o pipefail; retryscope bench $quick $few --algo gfn --json | figures"
check none-is-zero "retryscope bench $quick $few --algo gfn --json | awk '/\"(check|invalidation)\"/ { n = 4 } n-- > 0 && /: 0(\\.0)?,?\$/'"
check contend "set -o pipefail; retryscope bench --rounds 1 --round-time 2ms --contend --threads 1,3 --notifiers 2 --algo gfn --json | figures | sed '/\"command\"/d; s/: 0\\.0/: N/'"
check trace "set -o pipefail; retryscope bench $quick --trace aliases.txt --algo gfn,gfn-v7,hfn-recent:2.1.8 | shape | sed -E 's/ [^ ]+ N( front| wrong)?$/ N/; s/by instructions/by time/'"
printf '# counted\ngfn 10\nhva 20.5\ngfn-v7 5\ngfn-slot 30\n\n' >"$cli_work/in/counts"
check trace-instructions "set -o pipefail; retryscope bench $quick --trace aliases.txt --instructions counts --algo gfn,gfn-v7,gfn-slot,hva | shape"
check trace-json "set -o pipefail; retryscope bench $quick --trace aliases.txt --instructions counts --algo gfn,hva --json | sed -n '/instructions per/,/bytes/p'"
check picture "retryscope bench $quick --trace aliases.txt --plot p.txt -o t && grep -c . p.txt | sed 's/[0-9][0-9]*/many/' && grep -o 'Precision against price' p.txt"
check stdin "retryscope bench $quick --trace - --algo gfn <aliases.txt | head -n 1"
check ops 'for op in begin slot end check all; do retryscope bench --ops gfn-list/$op:1000 --outstanding 20 --aliases 2 && echo $op; done; retryscope bench --trace aliases.txt --ops hfn-recent:2.1.8/mix:3 && echo mix'

check exact 'retryscope bench --algo gfn,exact'
check unknown-algo 'retryscope bench --algo nothing'
check argument 'retryscope bench trace.dat'
check rounds 'retryscope bench --rounds 0'
check list 'retryscope bench --memslots 1,2,,3'
check list-range 'retryscope bench --memslots 32765'
check list-long 'retryscope bench --ended 1,2,3,4,5,6,7,8,9,10,11'
check ops-wrong 'for o in gfn gfn/begin gfn/walk:1 gfn/begin:0 gfn,hva/begin:1 all/begin:1 x/begin:1; do retryscope bench --ops $o; echo $?; done 2>&1 | grep -v Try'
check ops-mix 'retryscope bench --ops gfn/mix:1'
check ops-trace 'retryscope bench --trace aliases.txt --ops gfn/begin:1'
check together 'retryscope bench --contend --trace aliases.txt'
check needs-contend 'retryscope bench --threads 2'
check needs-trace 'retryscope bench --instructions counts'
check plot-suffix 'retryscope bench --trace aliases.txt --plot p.bmp'
check no-trace 'retryscope bench --trace nowhere.dat'
check bad-trace 'echo nothing >bad && retryscope bench --trace bad'
check empty-trace 'echo "retryscope-events 1" >empty && retryscope bench --trace empty'
check no-instructions 'retryscope bench --trace aliases.txt --instructions nowhere'
check bad-instructions 'echo "gfn many" >bad && retryscope bench --trace aliases.txt --instructions bad'
check full "retryscope bench $quick $few --algo gfn -o /dev/full"
check no-folder "retryscope bench $quick $few --algo gfn -o nowhere/t"
check interrupted 'retryscope bench --round-time 10s -o out & pid=$!; interrupt INT $pid; wait $pid; echo $?; ls | grep -c "^out"'
finish
