#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# clang-tidy, with the checks of .clang-tidy, has nothing to say of what the build compiles.
set -u
cd "$1" || exit 1
build_dir=$2
command -v clang-tidy >/dev/null || { echo "SKIPPED: clang-tidy is not installed"; exit 77; }
commands=$build_dir/compile_commands.json
[ -s "$commands" ] || { echo "SKIPPED: $commands is not there"; exit 77; }
mapfile -t files < <(sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "$commands" | sort -u |
	grep -vE '/tests/(inject/inject|preload/[a-z_]*)\.c$') # these have names of the C library
[ ${#files[@]} -gt 100 ] || { echo "only ${#files[@]} files in $commands"; exit 1; }
# The build is gcc's: clang need not know all of its options.
printf '%s\0' "${files[@]}" | xargs -0 -P 2 -n 8 timeout 300 clang-tidy -p "$build_dir" --quiet \
	--extra-arg=-Wno-everything 2>&1 | grep -vE '^[0-9]* warnings? generated|^Suppressed '
[ "${PIPESTATUS[1]}" -eq 0 ]
