#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# However a verb is ended, nothing is left of it but what was there before: signals that
# come while it works, a limit on file sizes, and a gnuplot that takes for ever.
set -u
# Whoever started this may ignore SIGHUP (nohup), which a shell cannot undo.
[ -z "$(trap -p HUP)" ] || exec env --default-signal=HUP "$BASH" "$0" "$@"
build_dir=$(realpath "$2")
work=$(mktemp -d) && err=$(mktemp) || exit 1
trap 'rm -rf "$work" "$err"' EXIT
cd "$work" || exit 1
PATH=$build_dir:$PATH
export TMPDIR=$work/tmp
mkdir tmp
failures=0

fail() {
	echo "$*"
	failures=$((failures + 1))
}

now_ms() {
	local t=${EPOCHREALTIME/[.,]/}
	echo $((t / 1000))
}

# ended NAME SIGNAL FILE COMMAND...: sent SIGNAL once FILE is there, it ends in time with
# 130 and its one line, and the folder is what it was.
ended() {
	local name=$1 sig=$2 sign=$3 pid code begin before after
	shift 3
	before=$(find . -not -name "$sign" | sort)
	"$@" >/dev/null 2>"$err" &
	pid=$!
	for ((i = 0; i < 1000; i++)); do
		compgen -G "$sign" >/dev/null && break
		sleep 0.01
	done
	[ "$i" -lt 1000 ] || fail "$name: no $sign after 10 s"
	begin=$(now_ms)
	kill -"$sig" $pid
	wait $pid
	code=$?
	# Of the 0.2 s that it has, and what a busy machine adds.
	[ $(($(now_ms) - begin)) -lt 2000 ] || fail "$name: ended $(($(now_ms) - begin)) ms after SIG$sig"
	[ $code -eq 130 ] || fail "$name: SIG$sig: exit code $code"
	if [ "$(grep -c interrupted "$err")" -ne 1 ] || [ "$(wc -l <"$err")" -ne 1 ]; then
		fail "$name: SIG$sig: $(cat "$err")"
	fi
	after=$(find . -not -name "$sign" | sort)
	[ "$before" = "$after" ] || fail "$name: SIG$sig left: $(diff <(echo "$before") <(echo "$after"))"
}

retryscope synth ksm events=30000 --to binary -o in.bin
mkdir bin
printf '#!/bin/sh\n: >"%s/drawing"\nexec sleep 1000\n' "$work" >bin/gnuplot
chmod +x bin/gnuplot
for sig in INT TERM HUP; do
	ended convert $sig 'out.*.tmp' sh -c 'exec retryscope synth ksm events=0 time=10h -o out'
	PATH=$work/bin:$PATH ended plot $sig drawing retryscope plot -w rejected -d . in.bin
	rm -f drawing
	PATH=$work/bin:$PATH ended plot-file $sig drawing retryscope plot -w rejected -o p.svg in.bin
	rm -f drawing
done

# A terminal that goes away is no reason to end under nohup.
(trap '' HUP; retryscope synth ksm events=0 time=10h -o out 2>/dev/null & echo $! >pid; wait) &
for ((i = 0; i < 1000; i++)); do compgen -G 'out.*.tmp' >/dev/null && break; sleep 0.01; done
ignored=$(sed -n 's/^SigIgn:[[:space:]]*//p' "/proc/$(cat pid)/status")
((16#${ignored:-0} & 1)) || fail "SIGHUP is not ignored as whoever started it had it"
kill -HUP "$(cat pid)"
kill -TERM "$(cat pid)"
wait
rm -f pid

# A limit on file sizes: the old output stays.
echo old >out.txt
(ulimit -f 100; retryscope convert -o out.txt in.bin 2>"$err"; echo $? >code)
[ "$(cat code)" -eq 4 ] || fail "file size: exit code $(cat code): $(cat "$err")"
grep -q 'out.txt: .*File too large' "$err" || fail "file size: $(cat "$err")"
[ "$(cat out.txt)" = old ] || fail "file size: out.txt has another content"
[ -z "$(ls -A tmp)" ] || fail "left in TMPDIR: $(ls -A tmp)"
! compgen -G '*.tmp' >/dev/null || fail "left: $(ls ./*.tmp)"
[ "$failures" -eq 0 ]
