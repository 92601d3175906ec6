#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The man pages are well formed: scdoc accepts them, man renders them silently.
set -u
cd "$1/docs/man" || exit 1
command -v scdoc >/dev/null || { echo "SKIPPED: scdoc is not installed"; exit 77; }
failures=0
page=$(mktemp)
trap 'rm -f "$page"' EXIT
have_man=true
command -v man >/dev/null || have_man=false
for source in *.scd; do
	if ! scdoc <"$source" >"$page"; then
		echo "$source: scdoc refuses it"
		failures=$((failures + 1))
		continue
	fi
	$have_man || continue
	warnings=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z \
		"$page" 2>&1 >/dev/null)
	if [ -n "$warnings" ]; then
		echo "$source: $warnings"
		failures=$((failures + 1))
	fi
done
[ "$failures" -eq 0 ] || exit 1
$have_man || { echo "SKIPPED: how the pages look: man is not installed"; exit 77; }
