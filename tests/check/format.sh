#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every C file is as clang-format with the repository's settings leaves it.
set -u
cd "$1" || exit 1
command -v clang-format >/dev/null || { echo "SKIPPED: clang-format is not installed"; exit 77; }
find . \( -name .git -o -name 'build*' \) -prune -o -name '*.[ch]' -print0 |
	xargs -0 clang-format --dry-run -Werror
