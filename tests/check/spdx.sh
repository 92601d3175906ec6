#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every source file names the licence in its first lines; data of tests are what programs write.
set -u
cd "$1" || exit 1
failures=0
while read -r file; do
	if ! head -n 4 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-only'; then
		echo "$file: no SPDX line 'GPL-2.0-only' at its top"
		failures=$((failures + 1))
	fi
done < <(find . -name 'build*' -prune -o -name .git -prune -o -name demo-out -prune -o -path ./tests/data -prune -o -type f \( \
	-name '*.[ch]' -o -name '*.sh' -o -name '*.scd' -o -name '*.gp' -o -name '*.bash' -o -path './docs/completion/*' \
	-o -name CMakeLists.txt -o -path './scripts/*' -o -path './.ci/*' \) -print)
[ "$failures" -eq 0 ]
