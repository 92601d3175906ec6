#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The reports of replay, in each format, of small traces with everything in them.
. "$1/tests/cli/lib.bash"

check text 'retryscope replay aliases.txt'
check text-all 'retryscope replay --algo global,hva-5.12,hva,gfn-v7,gfn,hva-split,gfn-slot,gfn-multi:2,gfn-list,exact aliases.txt'
check mail 'retryscope replay --format mail aliases.txt'
check json 'retryscope replay --format json aliases.txt'
check json-distributions 'retryscope replay --format json --distributions --algo gfn,exact aliases.txt'
check csv 'retryscope replay --format csv aliases.txt'
check two-vms 'retryscope replay two-vms.txt'
check two-vms-mail 'retryscope replay --format mail two-vms.txt'
check two-vms-json 'retryscope replay --format json --algo hva,gfn two-vms.txt'
check two-vms-csv 'retryscope replay --format csv --algo hva,gfn two-vms.txt'
check one-vm 'retryscope replay --vm 7 --algo hva,gfn,exact two-vms.txt'
# Said only where there is private memory, and why only of what misses.
kinds=hva,hva-v6,hva-split,gfn,gfn-split,exact
check private "retryscope replay --algo $kinds private.txt"
check private-mail "retryscope replay --format mail --algo $kinds private.txt"
check private-one 'retryscope replay --algo gfn,hva-split private.txt | grep -A 3 Why'
check private-json 'retryscope replay --format json --algo gfn private.txt | grep private'
check private-forms "retryscope convert --to binary -o b private.txt && retryscope convert --to binary --raw -o r private.txt && for f in b r; do retryscope convert --to text \$f | diff - <(retryscope convert --to text private.txt); retryscope replay --format csv --algo $kinds \$f | cut -d, -f 2- | diff - <(retryscope replay --format csv --algo $kinds private.txt | cut -d, -f 2-); done; retryscope convert --to text r | grep -c 'private=1\|filter=private'"
check lost 'retryscope replay lost.txt'
check lost-mail 'retryscope replay --format mail --algo hva lost.txt'
check anomalous 'retryscope replay anomalous.txt'
check empty 'retryscope replay empty.txt'
check empty-mail 'retryscope replay --format mail empty.txt'
check empty-json 'retryscope replay --format json empty.txt'
check empty-csv 'retryscope replay --format csv empty.txt'
# A piece is what convert makes of it, in the closed loop as well; what is asked for is in the command.
check piece 'for loop in open closed; do for p in "--from 30ns" "--until @200ns" "--from 30ns --until 200ns"; do retryscope convert $p two-vms.txt -o piece.txt && retryscope replay --loop $loop $p --format json two-vms.txt | jq "del(.tool, .trace.path)" | diff - <(retryscope replay --loop $loop --format json piece.txt | jq "del(.tool, .trace.path)"); done; done; retryscope replay --from 30ns --until @0.0000002s --format json two-vms.txt | jq .tool.command'
check no-piece 'retryscope replay --from 1h two-vms.txt; echo $?; retryscope replay --from 5ns --until 5ns two-vms.txt; echo $?'
check no-checks 'retryscope replay no-checks.txt'
check mismatch 'retryscope replay mismatch.txt'
check mismatch-json 'retryscope replay --format json --algo gfn mismatch.txt'
check kernel-algo 'retryscope replay --kernel-algo gfn --algo hva mismatch.txt'
check wide-json 'retryscope replay --format json --algo gfn --kernel-algo gfn wide.txt'
check closed 'retryscope replay --loop closed aliases.txt'
check closed-csv 'retryscope replay --loop closed --format csv --algo hva,exact aliases.txt'
# What is not worked out is not said; what is said is what a whole report says.
for format in text mail json csv; do
	check counts-$format "retryscope replay --counts --format $format --algo hva,gfn two-vms.txt"
done
check counts-all 'retryscope replay --counts --format csv --algo all aliases.txt | cut -d, -f 3-6,13-24'
check counts-same 'for trace in aliases two-vms lost mismatch; do for jobs in 1 3; do retryscope replay --counts --jobs $jobs --format csv --algo all $trace.txt | cut -d, -f 1-13,15-20,22,37- | diff - <(retryscope replay --format csv --algo all $trace.txt | grep -v ,\"exact\", | cut -d, -f 1-13,15-20,22,37-); done; done'
check counts-exact 'retryscope replay --counts --algo gfn,exact aliases.txt'
check counts-closed 'retryscope replay --counts --loop closed aliases.txt'
check counts-distributions 'retryscope replay --counts --format json --distributions aliases.txt'
check counts-merge 'retryscope replay --counts --format json aliases.txt >counts.json; retryscope merge counts.json counts.json'
check counts-plot 'retryscope replay --counts --format json aliases.txt >counts.json; retryscope plot --what rejected -o x.svg counts.json'
check stdin 'retryscope replay --algo hva - <aliases.txt'
check output 'retryscope replay --algo hva -o out aliases.txt; ls out*; cat out'
check odd-name 'cp aliases.txt "it'\''s \"a\" trace"; retryscope replay --format mail "it'\''s \"a\" trace" | grep "retryscope replay"'
check not-utf8 'cp aliases.txt $'\''\xff\n.txt'\''; retryscope replay --format json $'\''\xff\n.txt'\'' | grep path'

# Names that end alike are told apart, in as many columns as a mail has.
check long-names 'retryscope replay --format mail --algo gfn-recent:16.16.128,hfn-recent:16.16.128 aliases.txt >mail; grep -A 1 "^[gh]fn-recent" mail; awk "length > 72" mail'

# Nothing depends on the number of threads, or on how the text came in.
for jobs in 1 2 7; do
	check jobs-$jobs "retryscope replay --format json --loop closed --jobs $jobs aliases.txt | diff - <(retryscope replay --format json --loop closed aliases.txt)"
done
check jobs-vms 'retryscope synth memory-reclaim vms=3 aliases=1 events=40000 -o s.txt && retryscope replay --format json --distributions --algo all --jobs 1 s.txt >one && for jobs in 2 5; do retryscope replay --format json --distributions --algo all --jobs $jobs s.txt | cmp - one; done; wc -l <s.txt'
check pipe 'retryscope replay --format csv - < <(cat aliases.txt) | cut -d, -f 2- | diff - <(retryscope replay --format csv aliases.txt | cut -d, -f 2-)'
check zstd 'zstd -q aliases.txt -o a.zst && retryscope replay --format csv a.zst | cut -d, -f 2- | diff - <(retryscope replay --format csv aliases.txt | cut -d, -f 2-)'

# A fault is starved, and not tried for ever, at the last time there is.
check closed-last-time 'printf "%s\n" "retryscope-events 1" "0 1 memslot id=0 gfn=0 npages=16 hva=0x10000" "10 1 inval_begin id=1 hva=0x10000-0x11000" "20 1 fault_begin vcpu=0 gfn=0" "30 1 fault_check vcpu=0 result=retry" "18446744073709551615 1 inval_end id=1" >last.txt; timeout 20 retryscope replay --loop closed --algo gfn --format json last.txt | grep -A 3 starved'

# The pages of text and mail are as wide as they say.
for trace in aliases two-vms lost mismatch private; do
	check columns-$trace "retryscope replay --algo all $trace.txt | awk 'length > 80'; retryscope replay --format mail --algo all $trace.txt | awk 'length > 72'"
done
# Neither a long path nor one that has to be quoted makes a line of a mail longer, and its
# command is still one that a shell takes.
long=$(printf "it's %0100d \t%050d" 1 2)
mkdir "$long"
cp aliases.txt "$long"
export long
check mail-long-path 'retryscope replay --format mail "$long/aliases.txt" >mail.txt; awk "length > 72" mail.txt; bash -c "$(awk "/^  retryscope replay/ { on = 1 } on; !/\\\\\$/ { on = 0 }" mail.txt)" | cmp - mail.txt; sha256sum "$long/aliases.txt" | tr -d "\\\\" | cut -c 1-64 | grep -cf - mail.txt'
check mail-open 'retryscope replay --loop open --format mail aliases.txt | sed -n "1,/^$/p"; retryscope replay --format mail --algo gfn-list,exact aliases.txt | sed -n "1,/^$/p"'
# Two that reject at once are through before one that looks the page up first.
check mail-undercut 'retryscope replay --format mail undercut.txt | sed -n "1,/^$/p"'
# What is read once has no size, and no SHA-256.
check mail-pipe 'retryscope replay --format mail - <aliases.txt | grep -E "^(Trace|Its|Host)"'
finish
