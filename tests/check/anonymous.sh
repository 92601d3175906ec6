#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# convert --anonymous: of names of hosts, tasks and commands, of boot ids, pids and host
# addresses no value is left, in either form; and replay gives the same figures.
. "$1/tests/common/check.bash"

# What must not be told of the text $1, a value a line, with what it is.
secrets() {
	{
		sed -nE 's/^#@ fact host\.(name|boot_id|cmdline) /name /p' "$1"
		sed -nE 's/^#@ vm .* command=/name /p; s/.* comm="([^"]*)".*/name \1/p' "$1"
		sed -nE 's/.*[ :]pid=([1-9][0-9]*).*/pid=\1/p' "$1"
		sed -nE 's/^#@ fact vm\.([0-9]+).*/fact vm.\1/p; s/.* (hva=0x[1-9a-f][0-9a-f]*)( .*|$)/\1/p' "$1"
		sed -nE 's/.* hva=(0x[1-9a-f][0-9a-f]*)-(0x[1-9a-f][0-9a-f]*).*/hva=\1-\nhva=\1\n-\2/p' "$1"
	} | sort -u
}

# The report but for what names the trace.
figures() {
	retryscope replay --algo all --format csv "$1" | cut -d, -f 3,6- &&
		retryscope replay --algo all --loop closed --format csv "$1" | cut -d, -f 3,6- &&
		retryscope replay --algo all --format text "$1" | grep -E 'agrees|equals|LOST|ANOM|missed'
	retryscope top --format csv --by reason,cause,gfn,vm "$1"
}

check() { # TRACE
	local name=${1##*/} hidden

	retryscope convert -o open.txt "$1" && retryscope convert --anonymous -o hidden.txt "$1" ||
		{ wrong "$name: it is not converted"; return; }
	# A number that is new may be an old one of somebody else: those are small, and in order.
	hidden=$(secrets open.txt | sed 's/^name //' | grep -vE '^pid=[0-9]{1,2}$' | grep -E '...' |
		grep -Fwf - -o <(sed 1d hidden.txt) | sort -u | head -n 3) # line 1: the form's name
	[ -z "$hidden" ] || wrong "$name: still told: $hidden"
	[ "$(secrets open.txt | grep -c .)" -gt 3 ] || wrong "$name: it had no secrets"
	diff <(figures "$1") <(figures hidden.txt) >differs || wrong "$name: other figures: $(head -n 6 differs)"
	# The other form has the same in it, and nothing besides.
	retryscope convert --anonymous --to binary --raw -o hidden.rs "$1"
	retryscope convert hidden.rs | cmp -s - hidden.txt || wrong "$name: another one in binary"
	secrets open.txt | sed -n 's/^name //p' | grep -E '....' >names
	! grep -qaFwf names hidden.rs || wrong "$name: the binary form still tells $(grep -aoFwf names hidden.rs | head -n 1)"
	# Once more changes nothing.
	retryscope convert --anonymous hidden.rs | cmp -s - hidden.txt || wrong "$name: twice is another one"
}

for trace in "$source_dir"/traces/samples/*.dat; do
	check "$trace"
done
for scenario in ksm conversion live-migration; do
	retryscope synth $scenario events=3000 vms=2 -o synth.txt
	sed -i '1a #@ fact host.name secret.example.org\n#@ fact host.boot_id 5f1c-77\n#@ vm 1 pid=4711 command=secret-vmm' synth.txt
	check synth.txt
done
# Any text may be a reason, and any fact be somebody's.
sed 's/reason=[a-z-]*/reason=for-alice/' synth.txt | sed '1a #@ fact owner alice' >alice.txt
retryscope convert --anonymous alice.txt >hidden.txt
! grep -q alice hidden.txt || wrong "alice is told: $(grep -m 1 alice hidden.txt)"
grep -q 'reason="reason 1"' hidden.txt || wrong "her reason is no reason any more"
exit $((failures > 0))
