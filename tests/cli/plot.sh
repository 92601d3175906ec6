#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# `retryscope plot`: pictures, scripts and data against golden ones; what is
# drawn of which input; and that nothing is left of what fails.
set -u
source_dir=$(realpath "$1") build_dir=$(realpath "$2")
program=$build_dir/tests/watched/retryscope
data=$source_dir/tests/data/plot
command -v gnuplot >/dev/null || { echo "SKIPPED: gnuplot is not installed"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failures=0
# Who runs this need not be one who may write where it was begun.
cd "$work" || exit 1

fail() {
	echo "$@"
	failures=$((failures + 1))
}

# run CODE ARG...: output in $work/out and $work/err; gnuplot is looked for in $tools.
tools=$PATH
run() {
	local code=$1 rc
	shift
	PATH=$tools "$program" plot "$@" >"$work/out" 2>"$work/err"
	rc=$?
	[ $rc -eq "$code" ] || fail "plot $*: exit code $rc, wanted $code: $(cat "$work/err")"
}

# refuse CODE TEXT ARG...: one line with TEXT on stderr (two of wrong usage), no output.
refuse() {
	local text=$2
	run "$1" "${@:3}"
	grep -qF -e "$text" "$work/err" || fail "plot ${*:3}: said '$(cat "$work/err")', not '$text'"
	[ "$1" -eq 2 ] || [ "$(wc -l <"$work/err")" -eq 1 ] || fail "plot ${*:3}: more than one line"
	[ ! -s "$work/out" ] || fail "plot ${*:3}: has output"
}

# A new, empty folder, for what is drawn next.
fresh() {
	rm -rf "$work/new"
	mkdir "$work/new"
}

expect_empty() { # WHAT
	local left
	left=$(ls -A "$work/new")
	[ -z "$left" ] || fail "$1: leaves $left"
}

expect_same() { # WHAT FILE FILE
	cmp -s "$2" "$3" || fail "$1: $2 and $3 differ: $(diff -a "$2" "$3" | head -5)"
}

golden() {
	local file name
	fresh
	run 0 --loop closed --format dumb --output-dir "$work/new" "$data/small.txt"
	printf '%s\n' "$work"/new/small-{rejected,blocked,widening,map,stall,retries}.txt | diff - "$work/out" ||
		fail "the names of the pictures"
	run 0 --loop closed --format svg --keep-data --output-dir "$work/new" "$data/small.txt"
	for name in small-map-cells small-map-worst-cells; do
		sha256sum <"$work/new/$name.dat" >"$work/new/$name.sha256"
		rm "$work/new/$name.dat"
	done
	# What the curves with arrivals think have, their lines in the legend have too.
	[ "$(grep -c "stroke-dasharray='[^']*' *d='M16\.00," "$work/new/small-stall.svg")" = 3 ] ||
		fail "the legend has not the dashes of its curves"
	rm "$work"/new/*.svg
	for file in "$work"/new/*.gp; do
		sed 's/by retryscope [^ ]*\. /by retryscope VERSION. /' "$file" >"${file%.gp}.script"
		rm "$file"
	done
	if [ "${UPDATE_GOLDEN-}" ]; then
		cp "$work"/new/* "$data/golden/"
	fi
	for file in "$data"/golden/*; do
		name=${file##*/}
		diff "$file" "$work/new/$name" || fail "golden $name"
		rm -f "$work/new/$name"
	done
	expect_empty "golden"
}

formats() {
	local plot
	fresh
	for plot in rejected blocked widening map stall retries; do
		run 0 -w $plot -o "$work/new/$plot.svg" "$data/small.txt"
		run 0 -w $plot -o "$work/new/$plot.png" "$data/small.txt"
		run 0 -w $plot -o "$work/new/$plot.pdf" "$data/small.txt"
		run 0 -w $plot -o "$work/new/$plot.txt" "$data/small.txt"
		grep -q '^</svg>' "$work/new/$plot.svg" || fail "$plot.svg does not end"
		head -c 8 "$work/new/$plot.png" | grep -qa PNG || fail "$plot.png is none"
		tail -c 8 "$work/new/$plot.pdf" | grep -qa EOF || fail "$plot.pdf does not end"
		expect_same "by its name" "$work/new/$plot.txt" "$data/golden/small-$plot.txt"
	done
	[ "$(awk 'length > 72 || / $/' "$work"/new/*.txt | wc -l)" -eq 0 ] ||
		fail "plain text is wider than 72 columns, or padded"
	grep -qP '[^\x20-\x7e]' "$work"/new/*.txt && fail "plain text has more than ASCII"
	cp -r "$work/new" "$work/before"
	sleep 1.1 # a PDF would have the time in it
	for plot in "$work"/before/*; do
		run 0 -w "$(basename "${plot%.*}")" -o "$work/new/${plot##*/}" "$data/small.txt"
		expect_same "drawn again" "$plot" "$work/new/${plot##*/}"
	done
}

# What is kept is enough to draw the same picture with gnuplot alone.
redraw() {
	local plot
	fresh
	run 0 --loop closed --keep-data -d "$work/new" "$data/small.txt"
	for plot in rejected blocked widening map stall retries; do
		mv "$work/new/small-$plot.svg" "$work/$plot.svg"
		(cd "$work/new" && gnuplot -d "small-$plot.gp") || fail "gnuplot small-$plot.gp"
		expect_same "redrawn" "$work/$plot.svg" "$work/new/small-$plot.svg"
	done
}

# A pipe, a compressed file and a report give the same pictures as the trace.
inputs() {
	local plot
	fresh
	sed 's/small\.txt,/standard input,/; s/, kernel not known//' "$data/golden/small-rejected.txt" \
		>"$work/wanted"
	run 0 -w rejected -f dumb - < <(cat "$data/small.txt")
	sed -i 's/, kernel not known//' "$work/out"
	expect_same "of a pipe" "$work/wanted" "$work/out"
	"$program" replay --format json --distributions "$data/small.txt" >"$work/report.json"
	run 0 -f dumb -d "$work/new" "$work/report.json"
	for plot in rejected widening; do
		expect_same "of a report" "$data/golden/small-$plot.txt" "$work/new/small-$plot.txt"
	done
	[ "$(ls "$work/new" | wc -l)" -eq 2 ] || fail "of a report: $(ls "$work/new")"
	grep -qF "no plot 'map': a report has no course over time" "$work/err" ||
		fail "a report: nothing is said of the map"
	run 0 -w rejected -f dumb - < <(cat "$work/report.json")
	expect_same "of a report in a pipe" "$data/golden/small-rejected.txt" "$work/out"
	refuse 2 "no plot 'blocked'" -w blocked "$work/report.json"
	refuse 2 "has no algorithm 'gfn-slot'" -a gfn-slot -w rejected "$work/report.json"
	refuse 2 "no VM 7" --vm 7 "$work/report.json"
	"$program" replay --format json "$data/small.txt" >"$work/brief.json"
	refuse 2 "replay's --distributions" -w widening "$work/brief.json"
}

# Of a closed-loop report there is one kind of arrivals, whose curve is the trace's.
closed_reports() {
	local mode plot
	for mode in recorded think; do
		fresh
		"$program" replay --loop closed --arrivals $mode --format json --distributions \
			"$data/small.txt" >"$work/closed.json"
		run 0 --keep-data -f dumb -w stall,retries -d "$work/new" "$work/closed.json"
		[ "$(ls "$work"/new/*.dat | wc -l)" -eq 6 ] || fail "$mode: $(ls "$work/new")"
		for plot in stall retries; do
			expect_same "of a report" "$data/golden/small-$plot-gfn-$mode.dat" \
				"$work/new/small-$plot-gfn-$mode.dat"
		done
	done
	"$program" replay --loop closed --format json "$data/small.txt" >"$work/brief.json"
	refuse 2 "replay's --distributions" -w stall "$work/brief.json"
	"$program" replay --distributions --format json "$data/small.txt" >"$work/open.json"
	refuse 2 "replay's --loop closed" -w retries "$work/open.json"
	"$program" replay --loop closed --algo exact --format json --distributions \
		"$data/small.txt" >"$work/closed.json"
	refuse 2 "has no algorithm 'hva'" -a hva -w stall "$work/closed.json"
}

# The time in which a recording paused is of no figure: a quarter of the rest is 4 of 16 frames.
paused_recording() {
	cat >"$work/paused.txt" <<-'TRACE'
		retryscope-events 1
		0 1 memslot id=0 gfn=0x0 npages=0x10 hva=0x100000
		1000 1 inval_begin id=1 hva=0x100000-0x104000
		2000 1 inval_end id=1
		4000 1 lost count=0 pause=1
		14000 1 lost count=0 resume=1
		15000 1 fault_begin vcpu=0 gfn=0x1
		16000 1 fault_check vcpu=0 result=ok
	TRACE
	run 0 -w blocked -f dumb "$work/paused.txt"
	grep -q "mean 1.00" "$work/out" && grep -q "6.2 % of guest" "$work/out" &&
		grep -q "checked in 4.00 us" "$work/out" ||
		fail "a pause counts: $(cat "$work/out")"
}

# A few faults that all stall alike: less than a tick of the axis apart.
few_events() {
	cat >"$work/few.txt" <<-'TRACE'
		retryscope-events 1
		0 1 memslot as=0 id=0 gfn=0x0 npages=0x100 hva=0x7f0000000000 flags=0
		1000 1 inval_begin id=7 hva=0x7f0000010000-0x7f0000011000
		1200 1 fault_begin vcpu=0 gfn=0x10
		1900 1 fault_check vcpu=0 result=retry
		2000 1 fault_begin vcpu=0 gfn=0x10
		2100 1 fault_check vcpu=0 result=ok
		2500 1 inval_end id=7
		3000 1 fault_begin vcpu=0 gfn=0x10
		3100 1 fault_check vcpu=0 result=ok
	TRACE
	run 0 --loop closed -f dumb "$work/few.txt"
	grep -q "1 us" "$work/out" || fail "few events: $(cat "$work/out")"
}

# What sweep and bench write, and what cannot be drawn of it.
tables() {
	local name
	fresh
	run 0 -f dumb -d "$work/new" "$data/sweep.csv"
	run 0 -f dumb -d "$work/new" "$data/price.json"
	run 0 -f dumb -w sweep-stall --where alias-distance=1G --where alias-share=0,0.2,1 -a hva,gfn \
		-o "$work/new/where.txt" "$data/sweep.csv"
	run 0 -f dumb -w sweep-widening --x alias-distance -o "$work/new/x.txt" "$data/sweep.csv"
	for name in "" "," "0," ",0" "0,,1"; do
		run 2 -f dumb -w sweep-stall --where "alias-share=$name" "$data/sweep.csv"
		grep -q "KEY=VALUE\[,VALUE...\] expected" "$work/err" || fail "--where: $(cat "$work/err")"
	done
	run 0 -w price --keep-data -o "$work/new/price.svg" "$data/price.json"
	run 0 -w sweep-stall --keep-data -o "$work/new/stall.svg" "$data/sweep.csv"
	for name in sweep-stall sweep-spurious sweep-widening; do
		run 0 -w $name -o "$work/picture.pdf" "$data/sweep.csv"
	done
	rm "$work"/new/*.svg
	for name in "$work"/new/*.gp; do
		sed 's/by retryscope [^ ]*\. /by retryscope VERSION. /' "$name" >"${name%.gp}.script"
		rm "$name"
	done
	if [ "${UPDATE_GOLDEN-}" ]; then
		mkdir -p "$data/tables"
		cp "$work"/new/* "$data/tables/"
	fi
	diff -r "$data/tables" "$work/new" || fail "tables"
	[ "$(awk 'length > 72 || / $/' "$work"/new/*.txt | wc -l)" -eq 0 ] ||
		fail "tables: plain text is wider than 72 columns, or padded"
}

# A table is the same in CSV and in JSON, from a file and from a pipe.
table_forms() {
	local sweep=("$program" sweep balloon "aliases=0,1,3" events=2000 --seeds 2)
	"${sweep[@]}" -o "$work/table"
	run 0 -w sweep-spurious -f dumb "$work/table"
	mv "$work/out" "$work/wanted"
	"${sweep[@]}" --format json -o "$work/table"
	run 0 -w sweep-spurious -f dumb "$work/table"
	expect_same "of JSON" "$work/wanted" "$work/out"
	run 0 -w sweep-spurious -f dumb - < <(cat "$work/table")
	sed -i 's/standard input,/table,/' "$work/out"
	expect_same "of a pipe" "$work/wanted" "$work/out"
	refuse 2 "make it with sweep's --loop closed" -w sweep-stall "$work/table"
	refuse 2 "two parameters that are varied" -w sweep-widening "$work/table"
	refuse 2 "no row has that" --where aliases=7 "$work/table"
	refuse 2 "no parameter has several values" --where aliases=1 "$work/table"
	"$program" sweep balloon,ksm aliases=1,2 guest-size=3G,4G events=500 --algo hva \
		-o "$work/wide.csv"
	refuse 2 "scenario, aliases, guest-size are varied" "$work/wide.csv"
	refuse 2 "gfn and hva" --where scenario=ksm -w sweep-widening "$work/wide.csv"
	refuse 2 "none of the algorithms" --where scenario=ksm -w sweep-spurious -a gfn \
		"$work/wide.csv"
	"$program" sweep balloon period=1ms,2ms,3ms,4ms,5ms,6ms,7ms,8ms,9ms aliases=1,2 \
		events=200 --algo hva -o "$work/many.csv"
	refuse 2 "period has 9 values" --x aliases -w sweep-spurious "$work/many.csv"
	run 0 -w sweep-spurious -f dumb "$work/many.csv"
	# More than a picture has room for would take gnuplot minutes.
	{
		echo cell,x,seed,algorithm,checked,rejected,spurious,missed
		seq 20001 | sed 's/.*/&,&,1,hva,9,5,1,0/'
	} >"$work/long.csv"
	refuse 2 "x has 20001 values: choose at most 20000" -w sweep-spurious "$work/long.csv"
	sed -i '$d' "$work/long.csv"
	run 0 -w sweep-spurious -f dumb "$work/long.csv"
}

bad_tables() {
	local head
	refuse 2 "it is of a trace or a report" -w map "$data/sweep.csv"
	refuse 2 "it is of the table of a sweep" -w sweep-stall "$data/small.txt"
	refuse 2 "it is of what bench measures" -w price "$data/sweep.csv"
	refuse 2 "--x and --where are of" --x aliases "$data/small.txt"
	refuse 2 "no parameter of this name" --x pages "$data/sweep.csv"
	refuse 2 "no parameter of this name" --where pages=1 "$data/sweep.csv"
	refuse 2 "no parameter of this name" --where alias-share "$data/sweep.csv"
	head=$(head -n 1 "$data/sweep.csv")
	{ head -n 3 "$data/sweep.csv"; echo "3,0,1G,1,hva,2"; } >"$work/bad.csv"
	refuse 1 "bad.csv:4: row 3: 35 fields expected, not 6" "$work/bad.csv"
	{ echo "$head"; sed -n '2s/,3002,/,x,/p' "$data/sweep.csv"; } >"$work/bad.csv"
	refuse 1 "bad.csv:2: row 1: events: a number expected, not 'x'" "$work/bad.csv"
	{ echo "$head"; sed -n '2s/,1G,/,,/p' "$data/sweep.csv"; } >"$work/bad.csv"
	refuse 1 "bad.csv:2: row 1: alias-distance: a value expected" "$work/bad.csv"
	echo "cell,algorithm,events" >"$work/bad.csv"
	refuse 1 "bad.csv:1: columns: cell" "$work/bad.csv"
	echo '{"schema": "retryscope-sweep/3"}' >"$work/bad.json"
	refuse 1 "bad.json: schema:" "$work/bad.json"
	echo '{"schema": "retryscope-sweep/1", "columns": ["cell", "seed", "algorithm", "events"],
		"rows": [[0, 1, "hva", 5], [0, 1, "hva", true]]}' >"$work/bad.json"
	refuse 1 "bad.json: row 2: events: a number" "$work/bad.json"
	echo '{"schema": "retryscope-bench/1", "price": [{"algorithm": "hva"}]}' >"$work/bad.json"
	refuse 1 "bad.json: price[0].unit" "$work/bad.json"
}

several_vms() {
	local n
	fresh
	{
		echo "retryscope-events 1"
		for n in 1 2 3 4 5 6 7 8 9 10; do
			sed -n "s/^\([0-9]\+\) 1 /\1 $n /p" "$data/small.txt"
		done | sort -s -n -k1,1
	} >"$work/vms.txt"
	echo "50 10 fault_begin vcpu=0 gfn=0
51 10 fault_check vcpu=0" >>"$work/vms.txt"
	run 0 -f dumb -d "$work/new" -w rejected,blocked "$work/vms.txt"
	grep -q "10 VMs together: 41 faults" "$work/new/vms-rejected.txt" ||
		fail "rejected faults are not those of all VMs"
	[ "$(ls "$work"/new/vms-blocked-vm*.txt | wc -l)" -eq 8 ] && [ -e "$work/new/vms-blocked-vm10.txt" ] ||
		fail "not the 8 VMs with most faults: $(ls "$work/new")"
	grep -q "10 VMs: blocked is drawn of the 8" "$work/err" || fail "VMs are left out silently"
	refuse 2 "there are 10 VMs: choose one" -w map -o "$work/new/x.svg" "$work/vms.txt"
	run 0 -w stall -f dumb "$work/vms.txt"
	grep -q "10 VMs together:" "$work/out" || fail "stalls are not those of all VMs"
	run 0 -w map --vm 9 -f dumb "$work/vms.txt"
	sed 's/small\.txt/vms.txt/; s/VM 1/VM 9/' "$data/golden/small-map.txt" | diff - "$work/out" ||
		fail "--vm"
	refuse 2 "no VM 77" --vm 77 "$work/vms.txt"
}

pieces() {
	run 0 -w rejected -f dumb --from 29ns --until 40ns "$data/small.txt"
	grep -q "VM 1: 1 fault checked" "$work/out" || fail "--from, --until: $(cat "$work/out")"
	refuse 2 "--from: a time" --from soon "$data/small.txt"
}

# Nothing to draw is said in the picture.
nothing() {
	echo "retryscope-events 1" >"$work/none.txt"
	run 0 --loop closed -f dumb "$work/none.txt"
	for text in "no fault stalled" "no fault was retried" \
		 "no fault was checked" "no time passed" "nothing was invalidated" "no memslot"; do
		grep -q "$text" "$work/out" || fail "an empty trace: '$text' is not said"
	done
}

# Names that a shell or gnuplot might take for more than names.
hostile_names() {
	local name="it's \`touch pwned\` \$(touch pwned) \"x\" {_^@y} %s.txt"
	fresh
	cp "$data/small.txt" "$work/new/$name"
	(cd "$work/new" && run 0 -w rejected -o "$name.svg" "$name")
	[ ! -e "$work/new/pwned" ] || fail "a file's name is run as a command"
	grep -qF 'touch pwned' "$work/new/$name.svg" || fail "a file's name is not in the title"
}

# A picture's name says of what it is, without folders, and without what says only its form.
names() {
	local name
	for name in 6.1-host.dat.zst a.b host.bin.json no-suffix .hidden 'blank and $'; do
		cp "$data/small.txt" "$work/$name"
		fresh
		run 0 -w rejected -d "$work/new" "$work/$name"
		ls "$work/new"
	done >"$work/names"
	printf '%s-rejected.svg\n' 6.1-host a.b host no-suffix _hidden blank_and__ |
		diff - "$work/names" || fail "the names of pictures"
	fresh
	run 0 -w rejected -d "$work/new" - < <(cat "$data/small.txt")
	[ -e "$work/new/rejected.svg" ] || fail "of standard input: $(ls "$work/new")"
}

# By the suffix of what is asked for; another than those that there are is not svg.
suffixes() {
	fresh
	refuse 2 "--output: FILE.svg, .png, .pdf or .txt expected" -w map -o "$work/new/x.jpg" \
		"$data/small.txt"
	refuse 2 "--output: FILE.svg" -w map -o "$work/new/x." "$data/small.txt"
	expect_empty "a suffix that is none"
	mkdir "$work/new/a.b"
	run 0 -w rejected -o "$work/new/a.b/picture" "$data/small.txt"
	grep -q '^</svg>' "$work/new/a.b/picture" || fail "a name without a suffix is no svg"
	run 0 -w rejected -f png -o "$work/new/x.jpg" "$data/small.txt"
	head -c 8 "$work/new/x.jpg" | grep -qa PNG || fail "--format does not go before the suffix"
}

# Where nothing but one state is, an area shows it.
areas() {
	fresh
	printf '%s\n' "retryscope-events 1" \
		"0 1 memslot as=0 id=0 gfn=0x0 npages=0x100 hva=0x7f0000000000 flags=0" \
		"1000 1 inval_begin id=7 hva=0x7f0000010000-0x7f0000012000" \
		"9000 1 inval_end id=7" >"$work/constant.txt"
	run 0 -w blocked --keep-data -o "$work/new/x.svg" "$work/constant.txt"
	grep -q "using 1:(0):2 with filledcurves" "$work/new/constant-blocked.gp" ||
		fail "what is blocked throughout has no area"
	awk '!/^#/ && $1 > 1.05 && $1 < 8.95 && $2 != 2 { bad = 1 } END { exit bad }' \
		"$work/new/constant-blocked-gfn.dat" || fail "2 frames are not blocked throughout"
}

# The count of a part stands on it if there is room; the axis ends behind the longest label.
counts() {
	fresh
	run 0 -w rejected --keep-data -a all -o "$work/new/x.svg" \
		"$source_dir/traces/samples/6.12-alias3.dat"
	sed -n "s/^set label '\([0-9,]*\)' at first .*/\1/p" "$work/new/6.12-alias3-rejected.gp" \
		>"$work/counts"
	grep -qx 21,930 "$work/counts" || fail "gfn's 21,930 for an alias are not told"
	grep -qx 110 "$work/counts" && fail "a number has no room on its part"
	grep -q "'10k' 10000" "$work/new/6.12-alias3-rejected.gp" || fail "ticks are no round numbers"
	# 24,063 is the most: its 24 + 8 x 15 pixels of label begin at its end.
	awk '$1 == "set" && $2 == "xrange" { gsub(/[^-0-9.e+:]/, "", $3); split($3, x, ":")
		if ((x[2] - 24063) / (x[2] - x[1]) * 812 < 143) bad = 1 } END { exit bad }' \
		"$work/new/6.12-alias3-rejected.gp" || fail "a label has no room in the frame"
}

# The map is of the algorithm that is named, and shows the epoch with most needless retries: of
# two that widen the range over the page, the second, in which it is retried twice.
maps() {
	local i row sep=
	cat >"$work/two.txt" <<-'TRACE'
		retryscope-events 1
		0 1 memslot id=0 gfn=0x0 npages=0x100 hva=0x100000
		1 1 memslot id=1 gfn=0x1000 npages=0x100 hva=0x100000
		1000 1 inval_begin id=1 hva=0x110000-0x111000
		1500 1 fault_begin vcpu=0 gfn=0x40
		1600 1 fault_check vcpu=0 result=retry
		2000 1 inval_end id=1
		5000 1 inval_begin id=2 hva=0x110000-0x111000
		5500 1 fault_begin vcpu=0 gfn=0x40
		5600 1 fault_check vcpu=0 result=retry
		5700 1 fault_begin vcpu=0 gfn=0x40
		5800 1 fault_check vcpu=0 result=retry
		6000 1 inval_end id=2
		9000 1 fault_begin vcpu=0 gfn=0x40
		9100 1 fault_check vcpu=0 result=ok
	TRACE
	run 0 -w map -f dumb "$work/two.txt"
	grep -q "the worst epoch: 2 needless retries in its 1.00 us" "$work/out" ||
		fail "the worst epoch is not found: $(cat "$work/out")"
	grep -q "What gfn blocks" "$work/out" || fail "the map is not of gfn"
	run 0 -w map -f dumb -a exact,hva,gfn "$work/two.txt"
	grep -q "What hva blocks" "$work/out" || fail "the map is not of the first that has a range"
	grep -q "needless\|worst" "$work/out" && fail "hva rejects needlessly: $(cat "$work/out")"
	refuse 2 "no plot 'map': none of these algorithms keeps one range" -w map -a exact,gfn-list \
		"$work/two.txt"
	run 0 -f dumb -a exact "$work/two.txt"
	grep -q "no plot 'map': none of these" "$work/err" || fail "nothing is said of no map"
	# A kernel's range of host addresses that an invalidation of frames has made all of them.
	run 0 -w map --keep-data -a hva -o "$work/new/x.svg" --from 2s --until 2.1s \
		"$source_dir/traces/samples/7.3-gmem.dat"
	awk '$2 > 10 && $4 == 1 { full++ } END { exit !(full > 1000) }' \
		"$work/new/7.3-gmem-map-cells.dat" || fail "hva blocks not all where it should"
	# 40 memslots of 16 frames are too many for a label each: nine rows of the 320 tell their
	# first frame, from the lowest to the highest.
	{
		echo 'retryscope-events 1'
		for ((i = 0; i < 40; i++)); do
			echo "0 1 memslot id=$i gfn=$((i * 1000)) npages=16 hva=$((i << 16))"
		done
		printf '%s\n' '1 1 inval_begin id=1 hva=0-4096' '2 1 fault_begin vcpu=0 gfn=0' \
			'3 1 fault_check vcpu=0 result=retry' '4 1 inval_end id=1'
	} >"$work/many.txt"
	run 0 -w map --keep-data -o "$work/new/many.svg" "$work/many.txt"
	for ((i = 0; i <= 8; i++)); do
		row=$((319 * i / 8))
		printf "%s'0x%x' %d.5" "$sep" $((row / 8 * 1000 + row % 8 * 2)) $row
		sep=', '
	done >"$work/ticks"
	grep -qxF "set ytics ($(cat "$work/ticks"))" "$work/new/many-map.gp" ||
		fail "ticks of many memslots: $(grep ytics "$work/new/many-map.gp")"
}

usage() {
	refuse 2 "no plot 'pie'" -w pie "$data/small.txt"
	refuse 2 "no plot ''" -w rejected, "$data/small.txt"
	refuse 2 "svg|png|pdf|dumb" -f gif "$data/small.txt"
	refuse 2 "open|closed expected" --loop half "$data/small.txt"
	refuse 2 "exclude each other" -w map -o x -d y "$data/small.txt"
	refuse 2 "takes one plot" -o x.svg "$data/small.txt"
	refuse 2 "no algorithm 'magic'" -a magic "$data/small.txt"
	refuse 2 "--keep-data needs" --keep-data -w map -o - "$data/small.txt"
	refuse 2 "only one FILE" a b
	refuse 2 "FILE expected" -w map
}

errors() {
	fresh
	refuse 1 "No such file" -d "$work/new" "$work/absent"
	refuse 1 "Is a directory" -d "$work/new" "$work"
	printf 'retryscope-events 1\nnonsense\n' >"$work/bad.txt"
	refuse 1 "bad.txt:2:" -d "$work/new" "$work/bad.txt"
	printf '{"schema": 1}' >"$work/bad.json"
	refuse 1 "bad.json" -d "$work/new" "$work/bad.json"
	# Folders that are missing are made for pictures, and for nothing else.
	refuse 1 "bad.txt:2:" -d "$work/new/a/b" "$work/bad.txt"
	tools=$work/absent
	refuse 3 "install gnuplot-nox" -d "$work/new/a/b" "$data/small.txt"
	tools=$PATH
	refuse 2 "no plot 'map'" -w map -d "$work/new/a/b" "$work/report.json"
	refuse 4 "bad.txt/a: cannot be written: Not a directory" -d "$work/bad.txt/a" "$data/small.txt"
	refuse 4 "File name too long" -d "$work/new/$(printf '%0300d' 0)" "$data/small.txt"
	refuse 4 "No space left" -w rejected -f dumb -o /dev/full "$data/small.txt"
	expect_empty "errors"
	run 0 -w rejected -d "$work/new/a//b/" "$data/small.txt"
	[ -s "$work/new/a/b/small-rejected.svg" ] || fail "no picture in a folder that had to be made"
	(cd "$work/new" && run 0 -w rejected -d c/d "$data/small.txt")
	[ -s "$work/new/c/d/small-rejected.svg" ] || fail "no picture in a folder below this one"
}

# gnuplot that is missing, fails, dies, or hangs.
bad_gnuplot() {
	local bin=$work/bin
	fresh
	mkdir -p "$bin"
	tools=$work/absent
	refuse 3 "install gnuplot-nox" -d "$work/new" "$data/small.txt"
	expect_empty "no gnuplot"
	tools=$bin:$PATH
	printf '#!/bin/sh\necho >&2; echo "        ^" >&2; echo "\\"$2\\" line 7: no such terminal" >&2\nexit 1\n' \
		>"$bin/gnuplot"
	chmod +x "$bin/gnuplot"
	refuse 4 'gnuplot: "small-rejected.gp" line 7: no such terminal' -d "$work/new" \
		"$data/small.txt"
	expect_empty "a gnuplot that fails"
	printf '#!/bin/sh\nkill -9 $$\n' >"$bin/gnuplot"
	refuse 4 "killed by signal 9" -d "$work/new" "$data/small.txt"
	expect_empty "a gnuplot that dies"
	printf '#!/bin/sh\nexit 0\n' >"$bin/gnuplot"
	refuse 4 "small-rejected.svg" -d "$work/new" "$data/small.txt"
	expect_empty "a gnuplot that draws nothing"
	printf '#!/bin/sh\necho $$ >"%s/pid"\nexec sleep 1000\n' "$work" >"$bin/gnuplot"
	PATH=$tools "$program" plot -d "$work/new" "$data/small.txt" 2>"$work/err" &
	for ((n = 0; n < 1200; n++)); do
		[ ! -s "$work/pid" ] || break
		sleep 0.05
	done
	kill -TERM $!
	wait $!
	[ $? -eq 130 ] || fail "interrupted: not exit code 130"
	kill -0 "$(cat "$work/pid")" 2>/dev/null && fail "interrupted: gnuplot lives on"
	expect_empty "interrupted"
}

# With too few files to open, gnuplot would leave out letters or all data.
few_files() {
	local limit text="gnuplot needs 12 open files of its own, and can have"

	# with LIMIT OPEN ARG...: /dev/null is open OPEN times, besides the first three
	with() {
		(
			for fd in {3..31}; do
				eval "exec $fd>&-"
				[ "$fd" -ge $((3 + $2)) ] || eval "exec $fd</dev/null"
			done
			ulimit -n "$1"
			exec "$build_dir/retryscope" plot -w blocked "${@:3}" "$data/small.txt"
		) 2>"$work/err"
	}
	fresh
	for limit in 5 6 7 15; do
		with $limit 0 -o "$work/new/x.png"
		[ $? -eq 4 ] || fail "$limit open files: not exit code 4"
		[ $limit -eq 5 ] || grep -qxF "retryscope: $text $((limit - 4)): raise the limit (ulimit -n)" "$work/err" ||
			fail "$limit open files: $(cat "$work/err")"
		[ "$(wc -l <"$work/err")" -eq 1 ] || fail "$limit open files: more than one line"
		expect_empty "$limit open files"
	done
	# What others left open it cannot use.
	with 18 4 -o "$work/new/x.png"
	grep -qF "$text 11" "$work/err" || fail "open files of others: $(cat "$work/err")"
	with 16 0 -o "$work/new/x.png" || fail "16 open files: $(cat "$work/err")"
	run 0 -w blocked -o "$work/all.png" "$data/small.txt"
	expect_same "with 16 open files" "$work/all.png" "$work/new/x.png"
}

golden
formats
few_files
redraw
inputs
closed_reports
paused_recording
few_events
tables
table_forms
bad_tables
several_vms
pieces
nothing
hostile_names
names
suffixes
areas
counts
maps
usage
errors
bad_gnuplot
[ "$failures" -eq 0 ]
