#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Puts our lines into a kernel's source, by the names of its functions and members: insert.sh
# KERNEL-TREE. Nothing of the kernel is here, so nothing tells where a function stands; where
# one is not found once, or does not call what it should, the source has moved on: that is
# said, and nothing is changed. What was changed before is changed from its original again.
# Exit codes: 0 done; 1 not this source; 2 wrong usage.
set -euo pipefail
export LC_ALL=C

if [ $# -ne 1 ] || [ ! -d "$1" ]; then
	echo "Usage: insert.sh KERNEL-TREE" >&2
	exit 2
fi
tree=$1
here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/../../.." && pwd)
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT

give_up() {
	echo "insert.sh: $tree: $*" >&2
	exit 1
}

# The file as it came; a copy of it is changed, and put in its place when all went well.
original() { # FILE
	[ -e "$tree/$1" ] || give_up "there is no $1: the source moved on"
	[ -e "$tree/$1.rs-original" ] || cp -p "$tree/$1" "$tree/$1.rs-original"
	[ -e "$new/$1" ] || { mkdir -p "$new/$(dirname "$1")" && cp "$tree/$1.rs-original" "$new/$1"; }
}

# edit FILE PLACE HOW PATTERN TIMES TEXT: PLACE is a function (alternatives by "|"),
# "struct NAME", or "file". HOW: "enter" puts TEXT behind its opening brace, "behind" behind
# each line that matches, "instead" in place of what matches. TIMES: how often it must.
edit() {
	original "$1"
	place=$2 how=$3 pattern=$4 times=$5 text=$6 awk '
	BEGIN {
		place = ENVIRON["place"]; how = ENVIRON["how"]; pattern = ENVIRON["pattern"]
		times = ENVIRON["times"]; text = ENVIRON["text"]
	}
	function put() { printf "%s\n", text }
	# A definition begins at the left edge, and goes on with a brace there, not with ";".
	!inside && place ~ /^struct / && $0 ~ "^" place " \\{" { inside = 1; found++; print; if (how == "enter") { n++; put() }; next }
	!inside && place !~ /^(struct |file$)/ && $0 ~ "^[a-z].*[ *](" place ")\\(" { header = 1 }
	header && /;[ \t]*$/ { header = 0 }
	header && /^\{/ { header = 0; inside = 1; found++; print; if (how == "enter") { n++; put() }; next }
	inside && /^\}/ { inside = 0 }
	(inside || place == "file") && how == "behind" && $0 ~ pattern { n++; print; put(); next }
	(inside || place == "file") && how == "instead" {
		rest = $0; line = ""
		while (match(rest, pattern)) {
			n++
			line = line substr(rest, 1, RSTART - 1) text
			rest = substr(rest, RSTART + RLENGTH)
		}
		print line rest
		next
	}
	{ print }
	END {
		if (place != "file" && found != 1)
			printf "%s is defined %d times, not once\n", place, found >"/dev/stderr"
		else if (n != times)
			printf "%s has %d of what was looked for (%s), not %d\n", place, n, how == "enter" ? "its brace" : pattern, times >"/dev/stderr"
		else
			exit 0
		exit 1
	}' "$new/$1" >"$new/edited" 2>"$new/why" || give_up "$1: $(cat "$new/why"): the source moved on"
	mv "$new/edited" "$new/$1"
}

host=include/linux/kvm_host.h main=virt/kvm/kvm_main.c mmu=arch/x86/kvm/mmu/mmu.c
locks=virt/kvm/kvm_mm.h

# The walk over the memslots that a notifier hits; later the only one of its name.
walk=__kvm_handle_hva_range
grep -qs "[ *]$walk(" "$tree/$main" || walk=kvm_handle_hva_range

# What is kept, for each VM and for each walk over memslots.
edit $host file behind '^#include <linux/kvm_types\.h>' 1 '#include <linux/rs_retry.h>'
edit $host 'struct kvm' behind '[ \t]mmu_invalidate_range_end;' 1 '	struct rs_retry rs_retry;'
edit $host 'struct kvm_gfn_range' enter '' 1 '	struct rs_retry_key rs_key;'
edit $main kvm_create_vm behind 'KVM_MMU_LOCK_INIT\(' 1 '	rs_retry_init(kvm);'

# What is begun, covered and ended.
edit $main 'kvm_mmu_invalidate_(begin|start)' enter '' 1 '	if (rs_retry_begin(kvm))
		return;'
edit $main kvm_mmu_invalidate_range_add enter '' 1 '	if (rs_retry_add_gfns(kvm, start, end))
		return;'
edit $main kvm_mmu_unmap_gfn_range enter '' 1 \
	'	if (rs_retry_add(kvm, range->slot, range->start, range->end, range->attr_filter,
			 range->rs_key))
		return kvm_unmap_gfn_range(kvm, range);'
edit $main kvm_mmu_invalidate_end enter '' 1 '	if (rs_retry_end(kvm))
		return;'
edit $main $walk instead 'range->on_lock\(kvm\)' 1 'rs_retry_on_lock(kvm, range)'
edit $main $walk behind 'gfn_range\.slot = ' 1 \
	'			gfn_range.rs_key = (struct rs_retry_key){ range->start, range->end };'

# Who asks: a fault, without the lock and under it; and those who have none.
edit $mmu 'kvm_faultin_pfn|kvm_mmu_faultin_pfn' instead 'mmu_invalidate_retry_gfn_unsafe\(' 2 \
	'rs_retry_unlocked(fault, '
edit $mmu is_page_fault_stale instead 'mmu_invalidate_retry_gfn\(' 1 'rs_retry_locked(fault, '
edit $mmu file instead 'mmu_invalidate_retry(_gfn(_unsafe)?)?\(vcpu' 0 ''
edit $host mmu_invalidate_retry_gfn enter '' 1 '	if (kvm->rs_retry.algo)
		return rs_retry_any(kvm, mmu_seq);'
edit $host mmu_invalidate_retry_gfn_unsafe enter '' 1 '	if (kvm->rs_retry.algo)
		return rs_retry_any(kvm, mmu_seq);'

# How long mmu_lock is held.
edit $locks file instead '[ \t]write_lock\(&\(kvm\)->mmu_lock\)' 1 '	rs_write_lock(kvm)'
edit $locks file instead '[ \t]write_unlock\(&\(kvm\)->mmu_lock\)' 1 '	rs_write_unlock(kvm)'
edit $mmu kvm_tdp_mmu_page_fault enter '' 1 '	u64 rs_since;'
edit $mmu kvm_tdp_mmu_page_fault instead 'read_lock\(&vcpu->kvm->mmu_lock\)' 1 \
	'rs_read_lock(vcpu->kvm, rs_since)'
edit $mmu kvm_tdp_mmu_page_fault instead 'read_unlock\(&vcpu->kvm->mmu_lock\)' 1 \
	'rs_read_unlock(vcpu->kvm, rs_since)'
original virt/kvm/Makefile.kvm
echo "kvm-y += \$(KVM)/rs_retry.o \$(KVM)/rs_pieces.o" >>"$new/virt/kvm/Makefile.kvm"

# The model's own sources, and what lies between.
put() { # FILE TO
	mkdir -p "$new/$(dirname "$2")" && cp "$1" "$new/$2"
}
put "$repo/base/range.h" include/base/range.h
put "$repo/base/pieces.h" include/base/pieces.h
put "$repo/base/pieces.c" virt/kvm/rs_pieces.c
put "$repo/replay/bounded.h" include/replay/bounded.h
put "$repo/traces/dat/retry_algos.h" include/traces/dat/retry_algos.h
put "$here/rs_retry.h" include/linux/rs_retry.h
put "$here/rs_retry.c" virt/kvm/rs_retry.c

# Only what differs, so that no more is built again than has to be.
rm -f "$new/why"
(cd "$new" && find . -type f) | while read -r file; do
	cmp -s "$new/$file" "$tree/$file" || { mkdir -p "$tree/$(dirname "$file")" && cp "$new/$file" "$tree/$file"; }
done
