#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every C file is as clang-format with the repository's settings leaves it.
set -u
cd "$1" || exit 1
command -v clang-format >/dev/null || { echo "clang-format is not installed"; exit 77; }
find analysis bench capture cli replay tests traces -name '*.[ch]' -print0 2>/dev/null |
	xargs -0 clang-format --dry-run -Werror
