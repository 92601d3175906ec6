#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Whatever goes wrong: one clear line and the documented exit code.
. "$1/tests/cli/lib.bash"

# 2: wrong usage
check no-verb 'retryscope 2>err; code=$?; head -n 1 err; exit $code'
check unknown-verb 'retryscope replai x'
check help-unknown 'retryscope help replai'
check replay-no-file 'retryscope replay'
check replay-two-files 'retryscope replay aliases.txt lost.txt'
check replay-unknown-option 'retryscope replay --fromat json aliases.txt'
check replay-format 'retryscope replay --format xml aliases.txt'
check replay-algo 'retryscope replay --algo hva,gnf aliases.txt'
check replay-algo-empty 'retryscope replay --algo "" aliases.txt'
check replay-algo-twice 'retryscope replay --algo hva,hva aliases.txt'
check replay-algo-multi 'retryscope replay --algo gfn-multi:0 aliases.txt'
check replay-kernel-algo 'retryscope replay --kernel-algo 6.1 aliases.txt'
check replay-kernel-algos 'retryscope replay --kernel-algo hva,gfn aliases.txt'
check replay-loop 'retryscope replay --loop round aliases.txt'
check replay-arrivals 'retryscope replay --arrivals think aliases.txt'
check replay-precheck 'retryscope replay --loop closed --precheck maybe aliases.txt'
check replay-gap 'retryscope replay --loop closed --retry-gap 0 aliases.txt'
check replay-vm 'retryscope replay --vm one aliases.txt'
check replay-vm-large 'retryscope replay --vm 4294967296 aliases.txt'
check replay-vm-absent 'retryscope replay --vm 2 aliases.txt'
check replay-jobs 'retryscope replay --jobs 0 aliases.txt'
check replay-duration 'retryscope replay --assume-duration 5days aliases.txt'
check replay-tsc 'retryscope replay --assume-tsc-khz 0 aliases.txt'
check replay-tsc-unused 'retryscope replay --assume-tsc-khz 2600000 aliases.txt >/dev/null'
check info-vm-absent 'retryscope info --vm 2 aliases.txt'
# Of what it takes, no more than it can do; and what has no meaning together.
check refused 'refuse() { retryscope "$@" >said 2>&1; echo $?; head -n 1 said; }
	refuse help replay info
	refuse replay --budget 0 aliases.txt
	refuse replay --jobs 1025 aliases.txt
	refuse replay --assume-duration 0 aliases.txt
	refuse replay --counts --algo exact,gfn aliases.txt
	refuse replay --counts --kernel-algo exact aliases.txt
	refuse convert --anonymous --to trace-event aliases.txt
	ten=0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,1
	refuse sweep ksm vcpus=1,2,3,4,5,6,7,8,9,10 zipf=$ten refault=$ten burst=1,2,3,4,5,6,7,8,9,10 ended=$ten --seeds 2000 -o nowhere/out
	echo "gfn inf" >inf; refuse bench --rounds 1 --round-time 1us --algo gfn --trace aliases.txt --instructions inf'
check merge-no-file 'retryscope merge'

# Who writes nearly a name is told it, in the same line; of others it is not guessed.
meant() { # NAME|nothing WORD...
	local said

	said=$(retryscope "${@:2}" 2>&1 >/dev/null </dev/null | head -n 1)
	if [ "$1" = nothing ]; then
		[[ $said != *"did you mean"* ]]
	else
		[[ $said == *"; did you mean '$1'?"* ]]
	fi || { echo "${*:2}: not $1 was meant, but: $said"; cli_failures=$((cli_failures + 1)); }
}
meant replay replai        # another letter
meant replay repla         # one too few
meant replay help repllay  # one too many
meant algorithms help alogrithms
meant top tpo              # two that changed places
meant convert conevtr      # two slips
meant merge mrgee          # nor are five letters too few for two
meant nothing foo          # no two in a short word
meant nothing ixyo         # be it of four
meant nothing cnvvrrtt     # no three
meant nothing cxnvxrx
meant nothing ""
meant nothing "$(printf '%0300d' 0)"
meant gfn replay --algo hva,gfnx aliases.txt
meant gfn bench --algo gfm
meant gfn-multi top --algo gfn-mutli:4 aliases.txt
meant hva replay --kernel-algo hav aliases.txt
meant json replay --format jsno aliases.txt
meant csv compare --format cvs a.json -- b.json
meant mail merge --format mial a.json
meant png plot --format pgn aliases.txt
meant json sweep ksm --format jsn
meant closed sweep ksm --loop close
meant think sweep ksm --loop closed --arrivals thnik
meant off sweep ksm --loop closed --precheck offf
meant binary synth ksm --to binray
meant mixed workload --memory mixd
meant host workload --thp hst
meant partial record -o x.dat --min-level partal
meant faults record -o x.dat --events invalidations,fault
meant memslot record -o x.dat --without inval_start,memslt
meant rejected plot --what map,rejcted aliases.txt
meant balloon synth baloon
meant seed synth ksm sed=3
meant nothing synth ksm seed=sed
meant scenario synth scenaro=ksm
meant many synth ksm layout=mnay:3
meant nothing synth ksm layout=dozens:3
meant private sweep conversion concerns=shared,privat
meant pageout workload --ops dontneed,pagout
meant nothing workload --ops dontneed,move
meant delete workload --churn-ops move,dlete
meant balloon sweep ksm,ballon
meant alias3 workload --scenario alia3
meant task top --by vm,tsk aliases.txt

# A comma too many is wrong usage in each list: what is between two commas, or behind the last
# one, is none of the names.
nameless() { # LIST WORD...: LIST stands as @ among the words
	local list said code words

	for list in "" "," "$1," ",$1" "$1,,$1"; do
		words=("${@:2}")
		said=$(retryscope "${words[@]/@/$list}" 2>&1 >/dev/null </dev/null)
		code=$?
		[[ $code = 2 && ${said%%$'\n'*} == *[\'=]* ]] ||
			{ echo "${words[*]/@/$list}: $code, $said"; cli_failures=$((cli_failures + 1)); }
	done
}
nameless gfn replay --algo @ aliases.txt
nameless gfn bench --algo @
nameless gfn compare --algo @ aliases.txt -- anomalous.txt
nameless kernel compare --algo @ aliases.txt -- anomalous.txt
nameless rejected_share compare --figure @ aliases.txt -- anomalous.txt
nameless a compare --names @ aliases.txt -- anomalous.txt
nameless rejected plot --what @ aliases.txt
nameless task top --by @ aliases.txt
nameless missed faults --cause @ aliases.txt
nameless invalidations record --root none --dry-run --events @
nameless memslot record --root none --dry-run --without @
nameless remap workload --list --ops @
nameless move workload --list --churn-ops @
nameless 10 bench --trace none --memslots @
nameless 100 sweep ksm events=@
nameless ksm sweep events=100 @
check algo-unlike 'retryscope replay --algo nothing aliases.txt'
check algo-params 'for algo in gfn-multi gfn-multi:65537 gfn-multi:x gfn-recent:1.65.1 hfn-recent:1.1; do
	retryscope replay --algo $algo aliases.txt 2>&1 | head -n 1; done'
check algo-params-most 'retryscope replay --counts --algo gfn-multi:1,gfn-multi:65536,gfn-recent:64.64.1024 aliases.txt | wc -l'

# 1: the input
check missing 'retryscope replay missing.txt'
check directory 'retryscope replay .'
cp aliases.txt no.txt
chmod 0 no.txt
if can_be_nobody; then
	check unreadable 'as_nobody retryscope replay no.txt'
else
	skip unreadable "root cannot become nobody here"
fi
check zero-length ': >zero; retryscope replay zero'
check no-trace 'echo hello >hello; retryscope replay hello'
check ill-formed 'retryscope replay ill-formed.txt'
check ill-formed-info 'retryscope info ill-formed.txt'
check ill-formed-keeps-output 'echo old >out; retryscope replay -o out ill-formed.txt; echo $?; cat out; ls out*'
check truncated-zstd 'zstd -q aliases.txt -o t.zst; head -c 100 t.zst >t2.zst; retryscope replay t2.zst'
check strict 'retryscope replay --strict anomalous.txt'
check strict-open-end 'head -n 14 aliases.txt >open.txt; retryscope replay --strict open.txt'
# What a full ring dropped: counted, named, and an error if it must be none.
sed '1a#@ lost 7\n#@ anomaly lost-at-unknown-place 7' aliases.txt >dropped.txt
check strict-dropped 'retryscope replay --strict dropped.txt'
check dropped 'retryscope info dropped.txt | head -n 9; retryscope replay dropped.txt | grep -A 4 LOST'
check dropped-json 'retryscope replay --format json dropped.txt | grep -E "lost"'
check closed-stdin 'retryscope replay - <&-'
check empty-stdin 'retryscope replay - </dev/null'
check memslots-missing 'retryscope replay --assume-duration 5us --memslots missing.txt aliases.txt'

# What it is that is no trace, and what makes one of it.
foreign() { # NAME BYTES
	check "foreign-$1" "printf '$2' >$1; retryscope info $1"
}
foreign perf.data 'PERFILE2\0\0\0\0\0\0\0\0'
foreign vmlinux '\177ELF\2\1\1\0'
foreign vmcore 'KDUMP   \6\0\0\0'
foreign net.pcap '\324\303\262\241\2\0\4\0'
foreign trace.lz4 '\4\42\115\30\144\100'
foreign trace.zip 'PK\3\4\24\0'
# perf script without --ns and -F, cut; a line of a trace with its columns taken away.
bare() { # NAME LINE
	check "bare-$1" "echo '$2' >$1; retryscope info $1; retryscope replay $1 | wc -c"
}
bare no-cpu 'CPU 0/KVM  1234 23.361649: kvm:kvm_page_fault: vcpu 0 rip 0x1000 address 0x2000'
bare no-time 'CPU 0/KVM  1234 [002] retryscope:fault: (ffffffffc058b2d4) kvm=0x1 addr=0x2000'
bare no-task '[002] 23.361649:  retryscope_7:fault: (ffffffffc058b2d4) kvm=0x1 addr=0x2000'
bare nothing 'kvm_page_fault:   vcpu 0 rip 0x1000 address 0x2000'
check prose-no-event 'echo "kvm: fault: what kvm_exit+0x1 says" >prose; retryscope info prose'
check foreign-tar 'tar -cf t.tar aliases.txt; retryscope info t.tar'
check gzip-cut 'gzip -kc aliases.txt | head -c 100 >cut.gz; retryscope info cut.gz'

# 4: the output
check full 'retryscope replay -o /dev/full aliases.txt'
check full-stdout 'retryscope replay aliases.txt >/dev/full'
check full-json 'retryscope replay --format json --distributions aliases.txt >/dev/full'
check full-info 'retryscope info -o /dev/full aliases.txt'
check full-help 'retryscope help >/dev/full'
check full-verb-help 'retryscope replay --help >/dev/full'
check closed-stdout 'retryscope replay aliases.txt >&-'
check output-directory 'mkdir -p d; retryscope replay -o d aliases.txt'
check output-nowhere 'retryscope replay -o nowhere/out aliases.txt'

# Help and version are asked for in the same ways everywhere.
asked() { # COMMAND...: also with a verb
	local said

	for option in --help -h; do
		said=$("$@" $option 2>&1) || { echo "$* $option: exit code $?"; exit 1; }
		[[ $said == "Usage: retryscope"* ]] || { echo "$* $option: no usage"; exit 1; }
	done
	for option in --version -V; do
		said=$("$@" $option 2>&1) || { echo "$* $option: exit code $?"; exit 1; }
		[[ $said =~ ^retryscope(-fleet)?\ "$cli_version"$ ]] ||
			{ echo "$* $option: no version, but $said"; exit 1; }
	done
}
asked retryscope
for verb in $(retryscope help | awk '/^  [a-z]/ { print $1 }'); do
	asked retryscope "$verb"
done
for verb in '' collect replay status; do
	asked "$cli_source/scripts/retryscope-fleet" ${verb:+"$verb"}
done
check version 'retryscope --version'
check algorithms 'retryscope help algorithms | head -n 8'
finish
