#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What scripts/lab.d/kvm/insert.sh puts into a kernel's source, tried on a made-up one that has
# the functions and members by name and nothing else; and that it says so where one is missing,
# is there twice, or does not call what it should, and then changes nothing.
. "$1/tests/common/check.bash"
insert=$source_dir/scripts/lab.d/kvm/insert.sh

# The two names that the functions had: BEGIN FAULTIN WALK.
made_up() { # DIR BEGIN FAULTIN WALK
	mkdir -p "$1"/{include/linux,virt/kvm,arch/x86/kvm/mmu}
	cat >"$1/include/linux/kvm_host.h" <<-END
		#include <linux/kvm_types.h>
		struct kvm_gfn_range {
		    int slot;
		};
		struct kvm {
		    long mmu_invalidate_range_end;
		};
		int mmu_invalidate_retry_gfn(int kvm);
		static inline int mmu_invalidate_retry_gfn(int kvm)
		{
		    return kvm;
		}
		static inline int mmu_invalidate_retry_gfn_unsafe(int kvm,
		        int gfn)
		{
		    return kvm;
		}
	END
	cat >"$1/virt/kvm/kvm_main.c" <<-END
		static int $4(int kvm, int range)
		{
		    gfn_range.slot = slot;
		    if (a)
		        range->on_lock(kvm);
		}
		void $2(int kvm)
		{
		    one(kvm);
		}
		void kvm_mmu_invalidate_range_add(int kvm)
		{
		}
		int kvm_mmu_unmap_gfn_range(int kvm)
		{
		}
		void kvm_mmu_invalidate_end(int kvm)
		{
		}
		static int kvm_create_vm(void)
		{
		    KVM_MMU_LOCK_INIT(kvm);
		}
		static int kvm_handle_gfn_range(int kvm, int range)
		{
		    range->on_lock(kvm);
		}
	END
	cat >"$1/arch/x86/kvm/mmu/mmu.c" <<-END
		static int $3(int vcpu)
		{
		    if (mmu_invalidate_retry_gfn_unsafe(vcpu->kvm, a))
		        look_up();
		    return mmu_invalidate_retry_gfn_unsafe(vcpu->kvm, a);
		}
		static bool is_page_fault_stale(int vcpu)
		{
		    return x &&
		        mmu_invalidate_retry_gfn(vcpu->kvm, a);
		}
		static int kvm_tdp_mmu_page_fault(int vcpu)
		{
		    read_lock(&vcpu->kvm->mmu_lock);
		    read_unlock(&vcpu->kvm->mmu_lock);
		}
	END
	cat >"$1/virt/kvm/kvm_mm.h" <<-END
		#define KVM_MMU_LOCK(kvm) write_lock(&(kvm)->mmu_lock)
		#define KVM_MMU_UNLOCK(kvm) write_unlock(&(kvm)->mmu_lock)
	END
	echo 'kvm-y := a.o' >"$1/virt/kvm/Makefile.kvm"
}

# What a tree has of ours: in which function each line with our prefix is.
ours() { # DIR
	awk '
	FNR == 1 { place = "file" }
	/^[a-z].*\(/ && !/;$/ { place = $0; sub(/\(.*/, "", place); sub(/.* /, "", place) }
	/^struct / { place = $2 }
	/^kvm-y/ { place = "file" }
	/rs_/ { line = $0; gsub(/^[ \t]+|[ \t]+$/, "", line); print place ": " line }' \
		"$1/include/linux/kvm_host.h" "$1/virt/kvm/kvm_main.c" "$1/arch/x86/kvm/mmu/mmu.c" \
		"$1/virt/kvm/kvm_mm.h" "$1/virt/kvm/Makefile.kvm"
}

wanted() { # BEGIN FAULTIN WALK
	cat <<-END
		file: #include <linux/rs_retry.h>
		kvm_gfn_range: struct rs_retry_key rs_key;
		kvm: struct rs_retry rs_retry;
		mmu_invalidate_retry_gfn: if (kvm->rs_retry.algo)
		mmu_invalidate_retry_gfn: return rs_retry_any(kvm, mmu_seq);
		mmu_invalidate_retry_gfn_unsafe: if (kvm->rs_retry.algo)
		mmu_invalidate_retry_gfn_unsafe: return rs_retry_any(kvm, mmu_seq);
		$3: gfn_range.rs_key = (struct rs_retry_key){ range->start, range->end };
		$3: rs_retry_on_lock(kvm, range);
		$1: if (rs_retry_begin(kvm))
		kvm_mmu_invalidate_range_add: if (rs_retry_add_gfns(kvm, start, end))
		kvm_mmu_unmap_gfn_range: if (rs_retry_add(kvm, range->slot, range->start, range->end, range->attr_filter,
		kvm_mmu_unmap_gfn_range: range->rs_key))
		kvm_mmu_invalidate_end: if (rs_retry_end(kvm))
		kvm_create_vm: rs_retry_init(kvm);
		$2: if (rs_retry_unlocked(fault, vcpu->kvm, a))
		$2: return rs_retry_unlocked(fault, vcpu->kvm, a);
		is_page_fault_stale: rs_retry_locked(fault, vcpu->kvm, a);
		kvm_tdp_mmu_page_fault: u64 rs_since;
		kvm_tdp_mmu_page_fault: rs_read_lock(vcpu->kvm, rs_since);
		kvm_tdp_mmu_page_fault: rs_read_unlock(vcpu->kvm, rs_since);
		file: #define KVM_MMU_LOCK(kvm)	rs_write_lock(kvm)
		file: #define KVM_MMU_UNLOCK(kvm)	rs_write_unlock(kvm)
		file: kvm-y += \$(KVM)/rs_retry.o \$(KVM)/rs_pieces.o
	END
}

for names in "kvm_mmu_invalidate_begin kvm_faultin_pfn __kvm_handle_hva_range" \
	"kvm_mmu_invalidate_start kvm_mmu_faultin_pfn kvm_handle_hva_range"; do
	read -r begin faultin walk <<<"$names"
	rm -rf "$work/tree"
	made_up "$work/tree" "$begin" "$faultin" "$walk"
	"$insert" "$work/tree" >"$work/out" 2>&1
	expect "$begin: exit code" 0 $?
	expect "$begin: says nothing" "" "$(cat "$work/out")"
	expect "$begin: what was put in" "$(wanted "$begin" "$faultin" "$walk")" "$(ours "$work/tree")"
	for file in include/base/range.h include/base/pieces.h include/replay/bounded.h \
		include/traces/dat/retry_algos.h include/linux/rs_retry.h virt/kvm/rs_retry.c virt/kvm/rs_pieces.c; do
		expect "$begin: $file" yes "$([ -s "$work/tree/$file" ] && echo yes)"
	done
	# Once more: from the originals, so that nothing is in it twice, and nothing is written anew.
	touch -d 2001-01-01 "$work/tree/virt/kvm/kvm_main.c"
	"$insert" "$work/tree"
	expect "$begin: again" "$(wanted "$begin" "$faultin" "$walk")" "$(ours "$work/tree")"
	expect "$begin: what is as it was is left alone" 2001 \
		"$(date -r "$work/tree/virt/kvm/kvm_main.c" +%Y)"
done

# moved FILE SED MESSAGE: a source that moved on is refused with one line, and stays as it is.
moved() {
	rm -rf "$work/tree" "$work/before"
	made_up "$work/tree" kvm_mmu_invalidate_begin kvm_faultin_pfn __kvm_handle_hva_range
	sed -i "$2" "$work/tree/$1"
	cp -r "$work/tree" "$work/before"
	"$insert" "$work/tree" >"$work/out" 2>&1
	expect "$2: exit code" 1 $?
	expect "$2: one line" 1 "$(wc -l <"$work/out")"
	grep -qF "$3" "$work/out" || expect "$2: message" "$3" "$(cat "$work/out")"
	find "$work/tree" -name '*.rs-original' -delete
	expect "$2: nothing changed" "" "$(diff -r "$work/before" "$work/tree")"
}

main=virt/kvm/kvm_main.c mmu=arch/x86/kvm/mmu/mmu.c host=include/linux/kvm_host.h
moved $main 's/kvm_mmu_invalidate_end/kvm_mmu_invalidate_over/' \
	'kvm_mmu_invalidate_end is defined 0 times, not once'
moved $main 's/kvm_create_vm/kvm_make_vm/' 'kvm_create_vm is defined 0 times'
moved $main 's/KVM_MMU_LOCK_INIT/lock_init/' 'kvm_create_vm has 0 of what was looked for'
moved $main 's/^void kvm_mmu_invalidate_begin/void kvm_mmu_invalidate_start(int kvm)\n{\n}\n&/' \
	'is defined 2 times, not once'
moved $main '0,/on_lock/s/range->on_lock(kvm)/lock(range)/' '__kvm_handle_hva_range has 0'
moved $mmu 's/is_page_fault_stale/is_stale/' 'is_page_fault_stale is defined 0 times'
moved $mmu '0,/_unsafe/s/mmu_invalidate_retry_gfn_unsafe/other/' \
	'kvm_faultin_pfn|kvm_mmu_faultin_pfn has 1 of'
# shellcheck disable=SC2016  # sed's last line
moved $mmu '$a static int more(int vcpu)\n{\n\treturn mmu_invalidate_retry_gfn(vcpu->kvm, a);\n}' \
	'file has 1 of'
moved $host 's/mmu_invalidate_range_end/range_end/' 'struct kvm has 0 of'
moved $host 's/struct kvm_gfn_range/struct kvm_range/' 'struct kvm_gfn_range is defined 0 times'
moved $host '1d' 'file has 0 of'

rm -rf "$work/tree"
made_up "$work/tree" kvm_mmu_invalidate_begin kvm_faultin_pfn __kvm_handle_hva_range
rm "$work/tree/$mmu"
"$insert" "$work/tree" >"$work/out" 2>&1
expect "without mmu.c: exit code" 1 $?
expect "without mmu.c" "insert.sh: $work/tree: there is no $mmu: the source moved on" \
	"$(cat "$work/out")"
"$insert" "$work/nowhere" >/dev/null 2>&1
expect "no folder" 2 $?

[ "$failures" -eq 0 ]
