#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# scripts/price-instructions counts, also where the emulated CPU has no more than it must.
. "$1/tests/common/check.bash"
command -v valgrind >/dev/null || skip "valgrind is not installed"
! grep -q __asan_init "$build_dir/retryscope" || skip "valgrind does not run what AddressSanitizer is in"
price=$source_dir/scripts/price-instructions

counts=$("$price" --algo hva,gfn --trace "$source_dir/tests/data/cli/in/aliases.txt" "$build_dir" 2>&1)
expect "of a trace" "hva gfn" "$(awk '/^#/ { next } $2 > 1 && NF == 2 { print $1 }' <<<"$counts" | paste -sd' ')"
table=$("$price" --algo hva,gfn "$build_dir" 2>&1)
expect "of each operation" "hva 5 gfn 5" "$(awk '/^(hva|gfn) / && $2 > 1 && $5 > 1 { print $1, NF }' <<<"$table" | paste -sd' ')"
expect "--help" 0 "$("$price" --help >/dev/null; echo $?)"
expect "wrong usage" "2 2" "$("$price" --nonsense 2>&1 >/dev/null | wc -l) $("$price" --nonsense 2>/dev/null; echo $?)"
exit $((failures > 0))
