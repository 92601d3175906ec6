#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# To add an algorithm is to add a file: a copy of one, under another name and in a
# folder of its own, is built, listed and replayed, and so is a second one that
# comes when the first build is there. What is built stays, so that only the first
# run takes long.
set -u
source_dir=$1 build=$2/one-more
extra=$build/extra program=$build/retryscope
failures=0

fail() {
	echo "$@"
	failures=$((failures + 1))
}

command -v cmake >/dev/null || { echo "SKIPPED: cmake is not installed"; exit 77; }
launcher=()
command -v ccache >/dev/null && launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)

# copy ALGORITHM NEW: as a file of its own, with its name changed and nothing else.
copy() {
	sed "s/\.name = \"$1\"/.name = \"$2\"/" "$source_dir/replay/algorithms/$1.c" >"$extra/$2.c"
	grep -qF "\"$2\"" "$extra/$2.c" || fail "$1.c does not name $1"
}

# Bounded by the test's own time limit.
make() {
	cmake --build "$build" --target retryscope >"$build/log" 2>&1 || {
		tail -n 20 "$build/log"
		exit 1
	}
}

# same ALGORITHM COPY: both do the same with all cases.
same() {
	local trace

	for trace in "$source_dir"/tests/data/model/*.txt; do
		"$program" replay --format csv --algo "$1" "$trace" >"$build/original" 2>&1
		"$program" replay --format csv --algo "$2" "$trace" 2>&1 |
			sed "s/\"$2\"/\"$1\"/" | cmp -s - "$build/original" ||
			fail "$2 is not as $1: $trace"
	done
}

# listed ALGORITHM: in the help, and in "all".
listed() {
	"$program" help algorithms | grep -q "^  $1 (" || fail "help algorithms has no $1"
	"$program" replay --algo all --format csv "$source_dir/tests/data/model/alias.txt" |
		grep -q ",\"$1\"," || fail "all has no $1"
}

mkdir -p "$extra" || exit 1
rm -f "$extra"/*.c
copy gfn one-more-gfn
cmake -S "$source_dir" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG=-O1 \
	-DBUILD_TESTING=OFF -DRS_EXTRA_ALGORITHMS="$extra" "${launcher[@]}" >"$build/log" 2>&1 || {
	tail -n 20 "$build/log"
	exit 1
}
make
listed one-more-gfn
same gfn one-more-gfn
copy gfn-list second-list
make
listed second-list
same gfn-list second-list
[ "$failures" -eq 0 ]
