#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# ShellCheck has nothing to say about the scripts.
set -u
cd "$1" || exit 1
command -v shellcheck >/dev/null || { echo "SKIPPED: shellcheck is not installed"; exit 77; }
mapfile -t scripts < <({
	find . \( -name .git -o -name 'build*' -o -name demo-out \) -prune -o -name '*.bash' -print
	grep -rlIE --exclude-dir=.git --exclude-dir='build*' --exclude-dir=demo-out --exclude-dir=data \
		'^#!/(usr/)?bin/(env )?(ba)?sh' .
} | sort -u)
[ ${#scripts[@]} -gt 0 ] || { echo "no scripts found"; exit 1; }
shellcheck -S warning -x -e SC1091 "${scripts[@]}"
