#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The workload's command line, up to the point where it would open /dev/kvm.
set -u
program=$2/retryscope
failures=0

# refuse CODE TEXT OPTION...: one or two lines on stderr with the text, nothing on stdout.
refuse() {
	local code=$1 text=$2 out rc
	shift 2
	out=$("$program" workload "$@" 2>&1 >/dev/null)
	rc=$?
	if [ $rc -ne "$code" ] || ! grep -qF -e "$text" <<<"$out"; then
		echo "workload $*: exit code $rc, wanted $code; said '$out', wanted '$text'"
		failures=$((failures + 1))
	fi
}

refuse 2 "no scenario 'alias9'" --scenario alias9
refuse 2 "takes no file" file
refuse 2 "--vcpus takes a number" --vcpus x
refuse 2 "--vcpus takes a number" --vcpus -1
refuse 2 "--vms takes a number" --vms 4294967296
refuse 2 "the number of vCPUs is 0" --vcpus 0
refuse 2 "--ops: all or names that --list prints expected, not 'nothing'" --ops dontneed,nothing
refuse 2 "--churn-ops: all or names that --list prints expected, not 'dontneed'" \
	--churn-ops dontneed
# Which ones were chosen is told by what does not go with them.
refuse 2 "holes can be punched" --ops remap,punch,remap
refuse 2 "overlap" --ops remap,fork --alias-distance 4K
refuse 2 "overlap" --ops all --alias-distance 4K
gmem=(--memory guest_memfd --churn 1)
refuse 2 "can be deleted, not changed" "${gmem[@]}" --churn-ops all
refuse 2 "can be deleted, not changed" "${gmem[@]}" --churn-ops delete,move
refuse 2 "overlap" "${gmem[@]}" --churn-ops delete --alias-distance 4K
refuse 2 "--range takes MIN" --range 3-
refuse 2 "--range takes MIN" --range 1-2-3
refuse 2 "the smallest range is 9" --range 9-3
refuse 2 "--alias-distance takes a multiple of 4K" --alias-distance 5000
refuse 2 "overlap" --alias-distance 4K
refuse 2 "--thp: off|on|host expected" --thp maybe
refuse 2 "--seconds takes a time" --seconds soon
refuse 2 "the share of writes is 101" --writes 101
refuse 2 "do not fit below 4 GiB" --aliases 100
refuse 2 "KVM has 32764" --scenario memslots --pages 32764 --memslots 32764

list=$("$program" workload --list) || failures=$((failures + 1))
for name in alias0 churn thp dontneed collapse move; do
	grep -q "^  $name " <<<"$list" || { echo "--list without $name"; failures=$((failures + 1)); }
done
[ "$failures" -eq 0 ]
