#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Names that are no names: escapes, controls of both kinds, newlines, what turns a text
# around or has no width, bytes that are no UTF-8, in every place where a file can carry a
# string and in the files' own names, through every verb and format. None of it may reach an
# output or a message as it is, no line may be made up by it, a picture stays XML, and JSON
# and the text form keep the name.
set -u
source_dir=$(realpath "$1") build_dir=$(realpath "$2")
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failures=0
skips=()
export PATH=$build_dir/tests/watched:$PATH LC_ALL=C TMPDIR=$work
mkdir "$work/in" "$work/out"
cd "$work/in" || exit 1

# As bytes; as JSON writes them; as the text form does. All begin a line of their own.
bytes=$'\e]0;PWN\a\e[2J\xc2\x9b2J\x9b\xe2\x80\xae\xe2\x81\xa6\xe2\x80\x8b\xef\xbb\xbf\xe2\x80\xa8\x7f\t\r\nretryscope: all is well'
json='\\u001b]0;PWN\\u0007\\u001b[2J\\u009b2J\\u202e\\u2066\\u200b\\ufeff\\u2028\\u007f\\t\\r\\nretryscope: all is well'
text=$(printf %s "$bytes" | od -An -v -tx1 | tr -d '\n' | sed 's/ /\\x/g')

wrong() {
	cat -v <<<"$*"
	failures=$((failures + 1))
}

# Nothing that a terminal obeys, hides or cannot show is in FILE, and no line of a liar.
forbidden='[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f\xad]|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]|\xef\xbb\xbf'
judge() { # WHAT FILE [TABS]: gnuplot indents by tabs
	if [ $# -lt 3 ] && grep -q $'\t' "$2"; then
		wrong "$1: a tab: $(grep -a -m 1 $'\t' "$2" | cut -c 1-200)"
	elif grep -qaP "$forbidden" "$2"; then
		wrong "$1: $(grep -aP -m 1 "$forbidden" "$2" | cut -c 1-200)"
	elif ! iconv -f UTF-8 -t UTF-8 "$2" >"$work/utf8" 2>&1; then
		wrong "$1: is no UTF-8"
	elif grep -qa '^retryscope: all is well' "$2"; then
		wrong "$1: has a line that retryscope never wrote"
	fi
}

is_xml() { # FILE
	if command -v xmllint >/dev/null; then
		xmllint --noout "$1" 2>"$work/xml" || wrong "$1: $(head -n 2 "$work/xml")"
	elif command -v python3 >/dev/null; then
		python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' "$1" 2>"$work/xml" ||
			wrong "$1: $(tail -n 1 "$work/xml")"
	else
		skips+=("svg: neither xmllint nor python3 is there")
	fi
}

# CODES ARGS...: ends with one of these codes within a minute, and is clean on both streams.
run() {
	local codes=$1 code what

	shift
	what="$(printf '%q ' "$@" | cut -c 1-120)"
	timeout -k 1 60 retryscope "$@" >"$work/stdout" 2>"$work/stderr" </dev/null
	code=$?
	[[ " $codes " == *" $code "* ]] || wrong "$what: exit code $code: $(head -c 300 "$work/stderr" | cat -v)"
	judge "$what: stdout" "$work/stdout"
	judge "$what: stderr" "$work/stderr"
	# Of wrong usage argp says how to get help, in lines of its own.
	[ "$code" -eq 0 ] || [ "$code" -eq 2 ] || [ "$(wc -l <"$work/stderr")" -le 2 ] || wrong "$what: more than a line"
}

have_gnuplot=true
command -v gnuplot >/dev/null || have_gnuplot=false
$have_gnuplot || skips+=("plots: gnuplot is not installed")

plot() { # CODES FILE ARGS...
	local codes=$1 file=$2

	shift 2
	$have_gnuplot || return
	run "$codes" plot --format dumb "$@" -- "$file"
	rm -rf "$work/out"
	mkdir "$work/out"
	run "$codes" plot --keep-data -d "$work/out" "$@" -- "$file"
	for picture in "$work"/out/*; do
		[ -e "$picture" ] || continue
		judge "$file: ${picture##*/}" "$picture" tabs
		[ "${picture##*.}" != svg ] || is_xml "$picture"
	done
}

# ---- traces ----

events='0 1 memslot id=0 gfn=0 npages=16 hva=0
5 1 fault_begin vcpu=0 gfn=1
6 1 inval_begin id=1 hva=0-4096
7 1 fault_check vcpu=0 result=ok
8 1 inval_end id=1'
note_all() { # TEXT
	printf '%s\n' 'retryscope-events 1' "#@ kernel 6.12.0$1" "#@ level full$1" "#@ fact a.key $1" \
		"#@ fact without.$1 $1" "#@ vm 1 pid=5 command=$1" "#@ assume $1" \
		"#@ anomaly $1 3" "$events"
}
note_all "$text" >all.txt
retryscope info all.txt >/dev/null 2>"$work/err" || {
	# What of it the form does not take is left out.
	note_all "$text" | grep -v '^#@ anomaly\|^#@ fact without' >all.txt
}
# The bytes as they are, but for those that end a line.
note_all "$(printf %s "$bytes" | tr -d '\n\r\t')" | grep -v '^#@ anomaly\|^#@ fact' >raw.txt
for place in kernel level fact vm assume; do
	note_all "$text" | grep -v '^#@' >"only-$place.txt"
	sed -i "1r /dev/stdin" "only-$place.txt" < <(note_all "$text" | grep "^#@ $place ")
done
cp "$source_dir/tests/data/names/comm.dat" comm.dat
traces=(all.txt raw.txt only-*.txt comm.dat)

for file in "${traces[@]}"; do
	run "0 1" info "$file"
	run "0 1" info --json "$file"
	for format in text mail json csv; do
		run "0 1" replay --format "$format" "$file"
		run "0 1" replay --loop closed --format "$format" "$file"
	done
	run "0 1" convert --to text "$file"
	plot "0 1" "$file"
done

# Both ways there and back, the name is the same.
retryscope convert --to binary -o all.bin all.txt
retryscope convert --to text -o again.txt all.bin
retryscope convert --to text -o once.txt all.txt
cmp -s once.txt again.txt || wrong "convert: the notes are not the same after binary and back"
retryscope info --json all.txt >once.json
retryscope info --json again.txt | sed s,again.txt,all.txt, | cmp -s - once.json ||
	wrong "convert: info is not the same after text form and back"
if command -v jq >/dev/null; then
	[ "$(jq -j '.vms[0].command' once.json | iconv -f UTF-8 -t UTF-8 | cksum)" = \
		"$(printf %s "${bytes//$'\x9b'2J$'\x9b'/$'\x9b'2J$'\xef\xbf\xbd'}" | cksum)" ] ||
		wrong "info --json: the command is not kept"
else
	skips+=("jq: the name in JSON was not compared")
fi

# Ill-formed, so that the text stands in the message.
for line in "0 1 $bytes" "$bytes" "0 1 memslot id=$bytes" "0 1 memslot $bytes=1" "#@ $bytes" "#@ kernel $bytes"; do
	printf 'retryscope-events 1\n%s\n' "$line" >ill.txt
	run "0 1" info ill.txt
done

# ---- reports ----

retryscope replay --format json --distributions -o plain.json all.txt
retryscope replay --format json --loop closed --distributions -o plain-closed.json all.txt
sed "s/\"gfn\"/\"$json\"/; s/\"path\": \".*\",/\"path\": \"$json\",/; s/\"kernel\": \".*\",/\"kernel\": \"$json\",/
	s/\"version\": \".*\",/\"version\": \"$json\",/; s/\"command\": \".*\"\(,*\)$/\"command\": \"$json\"\1/
	s/\"form\": \".*\",/\"form\": \"$json\",/; s/\"range-wraps\": 0/\"$json\": 3/" plain.json >evil.json
sed "s/\"kernel_algorithm\": .*,/\"kernel_algorithm\": \"$json\",/; s/\"facts\": {/\"facts\": {\"$json\": \"$json\",/" \
	evil.json >evil2.json
sed "s/\"assumptions\": \[/\"assumptions\": [\"$json\", /; s/\"$json\", *\]/\"$json\"]/
	s/\"gfn\"/\"$json\"/; s/\"level\": \".*\",/\"level\": \"$json\",/" plain-closed.json | sed 's/, *$/,/' >evil3.json
sed "s/\"loop\": \"open\"/\"loop\": \"$json\"/" plain.json >evil4.json
sed "s/\"schema\": \".*\"/\"schema\": \"$json\"/" plain.json >evil5.json
sed "s/\"rejected\": [0-9]*/\"rejected\": \"$json\"/; s/\"gfn\"/\"$json\"/" plain.json >evil6.json
sed "s/\"range-wraps\": 0/\"$json\": \"x\"/" plain.json >evil7.json
sed "s/\"gfn\"/\"\\\\u0001},\"/" plain.json >mark.json
for file in evil*.json mark.json; do
	for format in text mail json csv; do
		run "0 1" merge --format "$format" "$file"
	done
	run "0 1" merge "$file" plain.json
	for format in text mail json csv; do
		run "0 1" compare --format "$format" "$file" -- plain.json
	done
	plot "0 1 2" "$file"
done
run 0 merge evil.json
run 0 merge mark.json
run 0 merge evil.json -o sum.json
run 0 merge --format mail sum.json
if command -v jq >/dev/null; then
	retryscope merge mark.json | jq . >/dev/null || wrong "merge mark.json: is no JSON"
	retryscope merge evil.json | jq . >/dev/null || wrong "merge evil.json: is no JSON"
fi
# What is no JSON.
printf '{"schema": "%s\n' "$bytes" >broken.json
run 1 merge broken.json
printf '{"schema": "retryscope-report/2", "%s": 1e999}' "x" >huge.json
run 1 merge huge.json
printf '{"schema": "retryscope-report/2", "a%s": 1, "a%s": 1}' "$json" "$json" >double.json
run 1 merge double.json

# ---- tables ----

retryscope sweep ksm aliases=1 alias-share=0.01,0.1 events=200 --algo gfn,hva -o table.csv
cell=${bytes//\"/}
sed "1s/alias_share/al%s%n/; s/,gfn,/,..\/gfn %d\"x,/" table.csv >evil.csv
awk -F, -v OFS=, -v bad="$cell" 'NR == 1 { $4 = "\"" bad "\"" } NR > 1 { $5 = "\"" bad "\""; if ($6 == "gfn") $6 = "\"" bad "/\"" } { print }' \
	table.csv >evil2.csv
awk -F, -v OFS=, -v bad="$cell" 'NR == 2 { $8 = "\"" bad "\"" } { print }' table.csv >evil3.csv
awk -F, -v OFS=, -v bad="$cell" '{ $8 = NR == 1 ? "\"" bad "\"" : "x" bad } { print }' table.csv | tr -d '\n' >evil4.csv
for file in evil*.csv; do
	plot "0 1 2" "$file"
	plot "0 1 2" "$file" --where "alias-share=$bytes"
	plot "0 1 2" "$file" --x "$bytes"
done
retryscope sweep ksm aliases=1 alias-share=0.01,0.1 events=200 --algo gfn,hva --format json -o table.json
sed "s/\"gfn\"/\"$json\"/; s/\"alias_share\"/\"$json\"/" table.json >evil-table.json
plot "0 1 2" evil-table.json
# As a spreadsheet saves it: all cells quoted, a byte order mark, lines that end in CR LF.
{ printf '\xef\xbb\xbf'; sed 's/,/","/g; s/^/"/; s/$/"\r/' table.csv; } >saved.csv
if $have_gnuplot; then
	retryscope plot -w sweep-spurious --format dumb table.csv | sed s/table.csv//g >"$work/a"
	retryscope plot -w sweep-spurious --format dumb saved.csv 2>&1 | sed s/saved.csv//g >"$work/b"
	cmp -s "$work/a" "$work/b" || wrong "plot: a table that a spreadsheet saved again is another"
fi
printf 'cell,seed,algorithm,x\n0,1,hva,1e999\n' >inf.csv
run 1 plot inf.csv
printf 'cell,seed,algorithm,x\n0,1,"hva,1\n' >open.csv
run 1 plot open.csv
grep -q 'quote' "$work/stderr" || wrong "plot open.csv: $(cat "$work/stderr")"
echo nothing >nothing
run 1 plot nothing
for kind in trace.dat 'text form' 'binary form' report bench sweep; do
	grep -q "$kind" "$work/stderr" || wrong "plot: the message does not name: $kind"
done

# ---- prices ----

price() { # ALGORITHM UNIT TRACE NUMBER...
	local sep='' n

	printf '{"schema": "retryscope-bench/1", "trace": "%b", "price": [' "${3//\\\\/\\\\\\\\}"
	for n in "${@:4}"; do
		printf '%s{"algorithm": "%s", "unit": "%s", "median": %s, "min": %s, "max": %s, "checked": 9, "rejected": 5, "necessary": 1, "spurious": 4, "missed": 0}' \
			"$sep" "$1" "$2" "$n" "$n" "$n"
		sep=', '
	done
	printf ']}'
}
json1=${json//\\\\/\\}
price "$json1" "$json1" "x" 1 2 3 >price.json
plot 0 price.json
price 'gfn %s/../x"' 'ns' x 1 2 | sed 's/x""/x"/' >price2.json
plot "0 1" price2.json
price gfn ns x 1e-300 1 1e300 >price3.json
plot 0 price3.json
price gfn ns x 1.7e308 1.6e308 >price4.json
plot 0 price4.json
price gfn ns x "$(printf '1%.0s' {1..401})" >price5.json
plot 1 price5.json
for n in inf nan '"\u0001inf"' '"inf"' 0x10 1e999 -1 0; do
	price gfn ns x "$n" >price6.json
	plot 1 price6.json
done

# ---- names of files ----

evil=${bytes//\//_}
for from in all.txt:txt evil.json:json evil.csv:csv comm.dat:dat ill.txt:bad; do
	cp "${from%:*}" "$evil.${from##*:}"
done
cp all.txt -- "-all.txt"
cp all.txt $'t\xe4ny.txt'
for verb in info replay 'replay --format mail' 'replay --format json' 'replay --format csv' 'convert --to text' 'convert --to trace-event' merge; do
	for file in "$evil.txt" "$evil.json" "$evil.bad" "$evil.missing" "$evil.dat" $'t\xe4ny.txt' -- ; do
		[ "$file" != -- ] || continue
		# shellcheck disable=SC2086 # words
		run "0 1" $verb "$file"
	done
done
# Pictures have tabs; without them it is the same page.
mkdir "$work/bin"
ln -s "$build_dir/tests/watched/retryscope" "$work/bin"
for file in "$evil.txt" "$evil.json" "$evil.dat" evil2.json evil3.json mark.json; do
	PATH=$work/bin retryscope report "$file" >"$work/page" 2>"$work/stderr" || [ $? = 1 ] ||
		wrong "report $file: $(cat "$work/stderr")"
	judge "report $file" "$work/page"
	judge "report $file: stderr" "$work/stderr"
done
for file in "$evil.txt" "$evil.json" "$evil.csv" "$evil.bad" "$evil.missing" $'t\xe4ny.txt'; do
	plot "0 1" "$file"
done
run 4 info -o "$evil/none/x" all.txt
run "2 4" convert --to text -o "$evil/none/x" all.txt
! $have_gnuplot || run 0 plot -d "$evil-none" all.txt # which makes the folder
run 2 "$evil"
run 2 help "$evil"
run 2 info "$evil.txt" "$evil.txt"
run 2 replay --algo "$evil" all.txt
run 2 replay --format "$evil" all.txt
run 2 plot -w "$evil" all.txt
run 2 sweep "$evil"
for verb in info replay report merge compare plot sweep synth probe record workload bench convert help; do
	run 2 $verb "--$evil"
	[ $verb = record ] || run 2 $verb all.txt "--$evil"
	run 2 $verb $'-\e[2J'
	run 2 $verb $'-\x9b2J'
done
run 2 synth "$evil"
run "2 3" record --clock "$evil" --min-level "$evil" -o x.dat
run 2 replay --vm "$evil" all.txt
run "0 1 2" replay --memslots "$evil.missing" all.txt

# ---- what a host says ----

mkdir -p host/proc/sys/kernel host/sys/kernel
printf '6.12%s' "$bytes" >host/proc/sys/kernel/osrelease
printf 'tracefs /sys/kernel/%s tracefs rw 0 0\n' "${bytes//[$'\n\t ']/}" >host/proc/mounts
run "0 3" probe --root host
run "0 3" probe --json --root host
run "0 3" probe --root "host/$bytes"
run "0 3" record --dry-run --root host
# What follows a command is the command's.
run "0 3" record --dry-run --root host true "--$evil"

# ---- commands to paste ----

for file in -all.txt "$evil.txt" $'t\xe4ny.txt' "it's \$(a) trace.txt"; do
	[ -e "./$file" ] || cp all.txt "./$file"
	retryscope replay --format json -o first.json -- "$file" || wrong "replay '$file'"
	command=$(sed -n 's/^ *"command": "\(retryscope .*\)",*$/\1/p' first.json | head -n 1 | sed 's/\\\(.\)/\1/g')
	bash -c "$command" >second.json 2>"$work/err" || wrong "$command: $(cat -v "$work/err")"
	# A path with a dash has ./ before it now, and so is another.
	cmp -s <(grep -v '"command"\|"path"' first.json) <(grep -v '"command"\|"path"' second.json) ||
		wrong "'$command' makes another report"
	retryscope replay --format mail -o mail.txt -- "$file" || wrong "mail of '$file'"
	bash -c "$(awk '/^  retryscope replay/ { on = 1 } on; !/\\$/ { on = 0 }' mail.txt)" >again.txt 2>"$work/err" ||
		wrong "the mail's command for $(printf %q "$file"): $(cat -v "$work/err")"
	cmp -s <(sed '/^To reproduce/,$d' mail.txt) <(sed '/^To reproduce/,$d' again.txt) ||
		wrong "the mail's command for $(printf %q "$file") makes another mail"
done

[ "$failures" -eq 0 ] || exit 1
[ ${#skips[@]} -gt 0 ] || exit 0
printf 'SKIPPED: %s\n' "${skips[@]}" | sort -u
exit 77
