# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2034,SC2154
# A whole QEMU guest that boots Linux while its memory is reclaimed to swap, KSM
# merges its pages and khugepaged collapses them; and one that does no more than its
# firmware, of which the monitor says what memory it has.

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
	[ ! -e /tmp/qroot/usr ] || return 0
	mkdir -p /tmp/qroot
	mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=loose,ro qroot /tmp/qroot &&
		mount --bind /dev /tmp/qroot/dev && mount -t tmpfs tmp /tmp/qroot/tmp &&
		cp /share/bzImage /share/inner.img /tmp/qroot/tmp/
}

# Prints the guest's console.
in_qemu() { # MACHINE VGA MONITOR OPTION...
	qemu_machine=$1
	qemu_vga=$2
	qemu_monitor=$3
	shift 3
	exec chroot /tmp/qroot /usr/bin/qemu-system-x86_64 -accel kvm -M "$qemu_machine" -cpu host \
		-smp 2 -m 128 -nic none -vga "$qemu_vga" -display none -serial stdio \
		-monitor "$qemu_monitor" -no-reboot "$@"
}

# In the cgroup: 0 is who writes, in a subshell too.
run_guest() { # VGA SECONDS
	echo 0 >/sys/fs/cgroup/vm/cgroup.procs
	in_qemu pc "$1" none -kernel /tmp/bzImage -initrd /tmp/inner.img \
		-append "console=ttyS0 quiet panic=-1 vga=0x317 mitigations=off lab_seconds=$2"
}

# The guest ends when it has lived for so long, wherever it is then.
run_shortly() { # VGA SECONDS
	run_guest "$1" 1000 &
	shortly_pid=$!
	eventually has_vcpus $shortly_pid && sleep "$2"
	kill $shortly_pid
	wait $shortly_pid
}

# The capture covers the guest's whole life.
record_whole() { # NAME VGA
	if [ -n "$guest_seconds" ]; then
		record "$1" sh -c '. /lab/check.sh; . /lab/qemu.sh; run_shortly "$@"' - "$2" "$guest_seconds"
	else
		record "$1" timeout 500 sh -c '. /lab/qemu.sh; run_guest "$@"' - "$2" $((seconds * 2))
	fi
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
	prepare_root || return
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

# In a sector: int 0x10 with ax=0x4f02 (set a VBE mode), bx=0x4112 (640x480x24, linear), as
# guests do; then what stands behind the code, to the first serial port; then halt.
make_floppy() {
	{
		printf '\061\300\216\330\374\270\002\117\273\022\101\315\020\276\034\174\272\370'
		printf '\003\254\356\074\012\165\372\364\353\375firmware: done\n'
	} >/tmp/qroot/tmp/floppy && truncate -s 510 /tmp/qroot/tmp/floppy &&
		printf '\125\252' >>/tmp/qroot/tmp/floppy && truncate -s 1440K /tmp/qroot/tmp/floppy
}

# The first prompt comes before the command, the last one is behind all that it prints.
ends_in_prompt() { # FILE
	grep -q '^FlatView' "$1" && tail -n 1 "$1" | grep -q '^(qemu) *$'
}

# What the monitor says of the guest's memory, once the firmware has set it up; then the guest
# is of no more use.
ask_and_quit() { # NAME
	eventually grep -q '^firmware: done' "/tmp/$1.log"
	timeout 60 cat /tmp/qroot/tmp/monitor.out >"/tmp/$1.monitor" &
	ask_pid=$!
	echo 'info mtree -f' >/tmp/qroot/tmp/monitor.in
	eventually ends_in_prompt "/tmp/$1.monitor"
	kill $ask_pid 2>/dev/null
	tr -d '\r' <"/tmp/$1.monitor" | sed -n '/^FlatView #0/,$ { /^(qemu)/!p }' >"/tmp/$1.mtree"
	echo quit >/tmp/qroot/tmp/monitor.in
}

run_firmware() { # NAME MACHINE VGA
	prepare_root && make_floppy || return
	[ -e /tmp/qroot/tmp/monitor.in ] ||
		mkfifo /tmp/qroot/tmp/monitor.in /tmp/qroot/tmp/monitor.out || return
	ask_and_quit "$1" &
	firmware_asker=$!
	record "$1" timeout 300 sh -c '. /lab/qemu.sh; in_qemu "$@"' - "$2" "$3" \
		pipe:/tmp/monitor -drive file=/tmp/floppy,format=raw,if=floppy
	firmware_result=$?
	kill $firmware_asker 2>/dev/null
	return $firmware_result
}
