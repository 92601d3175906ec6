#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The release's program is built as Debian hardens its packages.
set -u
build_dir=$2
program=$build_dir/retryscope
failures=0

if ! grep -qx 'CMAKE_BUILD_TYPE:STRING=Release' "$build_dir/CMakeCache.txt"; then
	echo "SKIPPED: only a release is hardened"
	exit 77
fi

# wants WHAT PATTERN, found in what readelf says on stdin.
wants() {
	grep -qE "$2" || { echo "$program: no $1"; failures=$((failures + 1)); }
}

wants "position-independent code" 'Type: +DYN' < <(readelf -hW "$program")
wants "RELRO" 'GNU_RELRO' < <(readelf -lW "$program")
wants "stack that is not executable" 'GNU_STACK.* RW ' < <(readelf -lW "$program")
wants "immediate binding (full RELRO)" 'Flags:.*NOW' < <(readelf -dW "$program")
wants "stack protector" '__stack_chk_fail' < <(readelf -sW "$program")
wants "checked copies (FORTIFY)" '__(snprintf|memcpy|vsnprintf)_chk' < <(readelf -sW "$program")
[ "$failures" -eq 0 ]
