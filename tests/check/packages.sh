#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Where a library is missing, cmake names the Debian packages that scripts/deps has, all
# at once; where cmocka is missing, it builds without the tests in C, and ctest shows them
# as skipped.
set -u
source_dir=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
	echo "$@"
	failures=$((failures + 1))
}

# configure CODE [OPTION...]: with the .pc files of $work/pc alone; what cmake says is in
# $work/said.
configure() {
	local rc wanted=$1
	shift
	rm -rf "$work/build"
	PKG_CONFIG_PATH='' PKG_CONFIG_LIBDIR=$work/pc cmake -S "$source_dir" -B "$work/build" \
		-G Ninja -DCMAKE_BUILD_TYPE=Debug "$@" >"$work/said" 2>&1
	rc=$?
	[ $((rc != 0)) -eq "$wanted" ] || fail "cmake: exit code $rc: $(cat "$work/said")"
	! grep -q FindPkgConfig "$work/said" || fail "it dies in FindPkgConfig: $(cat "$work/said")"
}

all_pc() {
	local dir

	rm -rf "$work/pc"
	mkdir "$work/pc"
	for dir in $(pkg-config --variable pc_path pkg-config | tr : ' '); do
		find "$dir" -name '*.pc' -exec ln -sf -t "$work/pc" {} + 2>/dev/null
	done
}

wanted=$("$source_dir/scripts/deps" --list build | grep -e '-dev$' | sort)
mkdir "$work/pc"
configure 1 -DCMAKE_DISABLE_FIND_PACKAGE_BZip2=ON # which needs no .pc
named=$(sed -n 's/^ *apt-get install //p' "$work/said")
[ "$(grep -c . <<<"$named")" -eq 1 ] || fail "not one line of packages: $(cat "$work/said")"
difference=$(diff <(echo "$wanted") <(tr ' ' '\n' <<<"$named" | sort)) ||
	fail "packages only in scripts/deps (<) or only named by cmake (>): $difference"

all_pc
rm "$work/pc/jansson.pc"
configure 1
grep -qx ' *apt-get install libjansson-dev' "$work/said" ||
	fail "without jansson: $(cat "$work/said")"

all_pc
rm "$work/pc/cmocka.pc"
configure 0
grep -qx ' *apt-get install libcmocka-dev' "$work/said" ||
	fail "without cmocka: $(cat "$work/said")"
ctest --test-dir "$work/build" -R '^test_json$' >"$work/said" 2>&1
grep -q 'test_json.*Skipped' "$work/said" || fail "ctest without cmocka: $(cat "$work/said")"
[ "$failures" -eq 0 ]
