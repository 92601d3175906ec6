#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# layering.sh and docs.sh find what they are for: in a copy of the tree, one
# violation of each kind is planted, and each has to be named.
set -u
source_dir=$(realpath "$1") build_dir=$(realpath "$2")
checks=$source_dir/tests/check
copy=$(mktemp -d) || exit 1
trap 'rm -rf "$copy"' EXIT
mkdir "$copy/tree" "$copy/build" || exit 1
(cd "$source_dir" && find . \( -name '.*' ! -name . -o -name 'build*' -o -path ./tests \) -prune -o \
	\( -name '*.[ch]' -o -name '*.scd' \) -print0 | xargs -0 cp --parents -t "$copy/tree") || exit 1
(cd "$source_dir" && cp -r --parents tests/data/cli/in "$copy/tree") || exit 1
for file in "$build_dir"/lib*.a "$build_dir/retryscope"; do ln -s "$file" "$copy/build/"; done
(cd "$build_dir" && find . -path ./tests -prune -o -name '*.c.o' -print) | while read -r file; do
	mkdir -p "$copy/build/${file%/*}" && ln -s "$build_dir/$file" "$copy/build/$file"
done
said=$copy/said
failures=0
cd "$copy/tree" || exit 1

fail() {
	echo "$@"
	failures=$((failures + 1))
}

check() { # SCRIPT
	bash "$1" "$copy/tree" "$copy/build" >"$said" 2>&1
}

# plant FILE: standard input becomes this source, and is compiled if it is C.
plant() {
	local object

	mkdir -p "${1%/*}" && cat >"$1"
	case "$1" in
	*.c)
		object=$copy/build/CMakeFiles/rs_${1%%/*}.dir/$1.o
		mkdir -p "${object%/*}" && cc -D_GNU_SOURCE -c -I. -o "$object" "$1" ||
			fail "$1: what is planted does not compile"
		;;
	esac
}

# found WHAT PATTERN: the check said so.
found() {
	grep -qE "$2" "$said" || fail "not found: $1"
}

check "$checks/layering.sh" || fail "without a violation: $(cat "$said")"
check "$checks/docs.sh" || fail "without a violation: $(cat "$said")"

plant replay/model/inside.h <<<'int rs_inside(void);'
plant analysis/report/window.c <<<'#include "replay/model/inside.h"'
plant traces/dat/beside.c <<<'#  include <traces/binary/columns.h>'
plant analysis/plot/dots.c <<<'#include "../../replay/model/inside.h"'
plant base/up.c <<<'#include "traces/trace.h"'
plant traces/up.c <<<'#include "analysis/report/report.h"'
plant capture/aside.c <<<'#include "traces/trace.h"'
plant replay/up_by_symbol.c <<'END'
const char *rs_plot_find(const char *name);
const char *rs_up(void);
const char *rs_up(void) { return rs_plot_find("map"); }
END
plant replay/one.c <<<'void rs_two(void); void rs_one(void); void rs_one(void) { rs_two(); }'
plant replay/two.c <<<'void rs_one(void); void rs_two(void); void rs_two(void) { rs_one(); }'
plant analysis/a.c <<<'extern int rs_b; int *rs_a = &rs_b;'
plant analysis/b.c <<<'extern int rs_c; int rs_b; int *rs_b_of = &rs_c;'
plant analysis/c.c <<<'extern int *rs_a; int rs_c; int **rs_c_of = &rs_a;'
plant traces/ring.h <<<'#include "traces/round.h"'
plant traces/round.h <<<'#include "traces/ring.h"'
plant traces/speaks.c <<'END'
#include <stdio.h>
void rs_speak(void);
void rs_speak(void) { fputs("a word", stderr); }
END
plant base/twice.c <<<'int rs_twice;'
plant traces/new.h <<<'int rs_new(void);'
plant upstairs/door.h <<<'extern int rs_upstairs;'
echo 'int rs_not_built;' >replay/not_built.c
rm "$copy/build/librs_base.a"
mkdir "$copy/build/one" "$copy/build/other"
cc -c -o "$copy/build/one/error.c.o" base/twice.c
cp "$copy/build/one/error.c.o" "$copy/build/other/"
ar qcS "$copy/build/librs_base.a" "$copy"/build/{one,other}/error.c.o

check "$checks/layering.sh" && fail "with violations, layering.sh fails not"
found "a header from inside" '^analysis/report/window.c: includes replay/model/inside.h.*not a door'
found "a header from inside a neighbour" '^traces/dat/beside.c: includes traces/binary/columns.h'
found "a header from inside, by dots" '^analysis/plot/dots.c: includes replay/model/inside.h.*not a door'
found "an arrow out of base" '^base/up.c: includes traces/trace.h: '
found "an arrow back up" '^traces/up.c: includes analysis/report/report.h: '
found "an arrow out of capture" '^capture/aside.c: includes traces/trace.h: '
found "an arrow of a symbol" '^replay/up_by_symbol.c: uses rs_plot_find of analysis/'
found "a circle of two files" 'circle of files.* replay/(one|two).c'
found "a circle of three files" 'circle of files.* analysis/[abc].c'
found "headers in a circle" 'headers.* traces/(ring|round).h'
found "printing" '^traces/speaks.c: uses stderr'
found "two members of a name" 'more than one member error.c.o'
found "a folder without a place" '^upstairs/ has sources'
found "a source that is not built" '^replay/not_built.c: has no object'

check "$checks/docs.sh" && fail "with violations, docs.sh fails not"
found "a function without a comment" '^traces/new.h:1: int rs_new'
found "a header deep inside" '^replay/model/inside.h:1: int rs_inside'
found "a header in a new folder" '^upstairs/door.h:1: extern int rs_upstairs'

# What is listed and not there any more.
sed "s|^circles='|&\nbase/error.c base/parse.c : once|; s|^doors='|&\nreplay/model/span_tree.h once|" \
	"$checks/layering.sh" >"$copy/layering.sh"
check "$copy/layering.sh"
found "a circle that is none" 'named as a circle, but none.*base/error.c base/parse.c'
found "a door that nobody uses" '^replay/model/span_tree.h: a door that no other folder uses'
[ "$failures" -eq 0 ]
