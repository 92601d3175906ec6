# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
# For scripts/lab --run: plain kprobe events, written by this shell, are enabled and
# removed again and again while two VMs run at full speed. Does the kernel survive?
functions="kvm_tdp_page_fault kvm_faultin_pfn is_page_fault_stale kvm_unmap_gfn_range
	kvm_mmu_notifier_invalidate_range_start kvm_mmu_notifier_invalidate_range_end"

uptime_seconds() {
	cut -d. -f1 /proc/uptime
}

for vm in 1 2; do
	retryscope workload --scenario alias3 --seconds 0 >/dev/null 2>&1 &
done
sleep 4
rounds=0
end=$(($(uptime_seconds) + 150))
while [ "$(uptime_seconds)" -lt $end ]; do
	for function in $functions; do
		echo "p:stress/entry_$function $function" >>$tracing/kprobe_events
		echo "r64:stress/return_$function $function" >>$tracing/kprobe_events
	done
	mkdir $tracing/instances/stress
	echo 1 >$tracing/instances/stress/events/stress/enable
	usleep 300000
	echo 0 >$tracing/instances/stress/events/stress/enable
	rmdir $tracing/instances/stress
	echo >$tracing/kprobe_events
	rounds=$((rounds + 1))
	echo "lab: round $rounds"
done
