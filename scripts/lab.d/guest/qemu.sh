# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2034,SC2154
# A whole QEMU guest that boots Linux while its memory is reclaimed to swap, KSM
# merges its pages and khugepaged collapses them.

set_sys() { # VALUE FILE
	[ ! -e "$2" ] || echo "$1" >"$2"
}

pressure_on() {
	set_sys 1000 /sys/kernel/mm/ksm/pages_to_scan
	set_sys 20 /sys/kernel/mm/ksm/sleep_millisecs
	set_sys 1 /sys/kernel/mm/ksm/run
	set_sys 100 /sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs
	set_sys 100 /sys/kernel/mm/transparent_hugepage/khugepaged/alloc_sleep_millisecs
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	mkdir -p /sys/fs/cgroup/vm
}

# Takes memory away until the cgroup's VM has begun and ended.
reclaim() {
	while [ -e /tmp/reclaiming ]; do
		echo 4M >/sys/fs/cgroup/vm/memory.reclaim 2>/dev/null
		usleep 200000
	done
}

prepare_root() {
	mkdir -p /tmp/qroot
	mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=loose,ro qroot /tmp/qroot &&
		mount --bind /dev /tmp/qroot/dev && mount -t tmpfs tmp /tmp/qroot/tmp &&
		cp /share/bzImage /share/inner.img /tmp/qroot/tmp/
}

# In the cgroup; prints the guest's console.
run_guest() { # VGA SECONDS
	echo $$ >/sys/fs/cgroup/vm/cgroup.procs
	exec chroot /tmp/qroot /usr/bin/qemu-system-x86_64 -accel kvm -M pc -cpu host -smp 2 -m 128 \
		-nic none -vga "$1" -display none -serial stdio -monitor none -no-reboot \
		-kernel /tmp/bzImage -initrd /tmp/inner.img \
		-append "console=ttyS0 quiet panic=-1 vga=0x317 mitigations=off lab_seconds=$2"
}

# The capture covers the guest's whole life.
record_whole() { # NAME VGA
	record "$1" timeout 500 sh -c '. /lab/qemu.sh; run_guest "$@"' - "$2" $((seconds * 2))
}

# The guest has booted long before the capture begins.
record_later() { # NAME VGA
	(run_guest "$2" 1000) >/tmp/inner.log &
	later_pid=$!
	if eventually grep -q '^inner: up' /tmp/inner.log; then
		record "$1" sleep $((seconds * 2))
		later_result=$?
	else
		echo "the guest did not come up in time"
		later_result=1
	fi
	kill $later_pid
	wait $later_pid
	cat /tmp/inner.log
	return $later_result
}

run_qemu() { # NAME VGA [whole|later]
	[ -e /tmp/qroot/usr ] || prepare_root || return
	pressure_on
	: >/tmp/reclaiming
	reclaim &
	reclaim_pid=$!
	"record_${3:-whole}" "$1" "$2"
	qemu_result=$?
	rm -f /tmp/reclaiming
	wait $reclaim_pid
	set_sys 2 /sys/kernel/mm/ksm/run
	return $qemu_result
}
