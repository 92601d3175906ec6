#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The man pages are well formed: scdoc accepts them, man renders them silently, and no line of
# them is wider than a terminal of 80 columns.
set -u
cd "$1/docs/man" || exit 1
command -v scdoc >/dev/null || { echo "SKIPPED: scdoc is not installed"; exit 77; }
failures=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
page=$work/page
export LC_ALL=C.UTF-8 # characters are counted, not bytes
have_man=true
command -v man >/dev/null || have_man=false
for source in *.scd; do
	if ! scdoc <"$source" >"$page"; then
		echo "$source: scdoc refuses it"
		failures=$((failures + 1))
		continue
	fi
	$have_man || continue
	MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -P cat "$page" \
		>"$work/text" 2>"$work/warnings"
	[ -s "$work/text" ] || echo "nothing is rendered" >>"$work/warnings"
	grep -E '.{81}' "$work/text" | sed 's/^ */wider than 80 columns: /' >>"$work/warnings"
	if [ -s "$work/warnings" ]; then
		sed "s/^/$source: /" "$work/warnings"
		failures=$((failures + 1))
	fi
done
[ "$failures" -eq 0 ] || exit 1
$have_man || { echo "SKIPPED: how the pages look: man is not installed"; exit 77; }
