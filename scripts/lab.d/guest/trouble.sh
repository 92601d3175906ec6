# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2034,SC2154
# What can go wrong while recording, and what must be left of it: nothing.

# Something of somebody else's, which must survive every cleanup.
foreign_add() {
	echo 'p:mine/open do_sys_openat2' >>$tracing/kprobe_events
	mkdir -p $tracing/instances/mine
}

foreign_remove() {
	rmdir $tracing/instances/mine
	echo '-:mine/open' >>$tracing/kprobe_events
}

# trace-cmd turns the instance on when all is set up.
is_recording() {
	pidof trace-cmd && grep -q 1 $tracing/instances/retryscope_*/tracing_on
}

# Records for long in the background: $recorder is its pid.
start_recorder() { # ARGS...
	retryscope record "$@" -- sleep 1000 </dev/null &
	recorder=$!
	check "it begins to record" eventually is_recording
	sleep 1
}

# The recorder ends, with that exit code.
ends_with() { # CODE
	wait "$recorder"
	equal $? "$1"
}

trouble_kill() {
	start_recorder -o /tmp/killed.dat
	kill -9 "$recorder"
	wait "$recorder"
	check "SIGKILL leaves its probes" grep -q retryscope $tracing/kprobe_events
	retryscope record --cleanup
	check "--cleanup says that all went well" equal $? 0
	[ ! -e /tmp/killed.dat ] || check "what trace-cmd completed is whole" readable /tmp/killed.dat
	soon sh -c '! pidof trace-cmd sleep'
}

# What was captured until then is as good as any capture: the host looks at it.
trouble_interrupt() { # SIGNAL
	# At full speed the emulated kernel can die when the probes are enabled: docs/lab.md.
	retryscope workload --seconds 0 --rate 100 &
	trouble_workload=$!
	check "a VM runs" eventually has_vcpus $trouble_workload
	start_recorder -o "/tmp/$trouble_name.dat"
	sleep 2
	kill "-$1" "$recorder"
	check "SIG$1 ends it with 130" ends_with 130
	kill -INT $trouble_workload
	wait $trouble_workload
	check "what was captured is kept" test -s "/tmp/$trouble_name.dat"
}

trouble_nohup() {
	(trap '' HUP && exec retryscope record --duration 3s -o /tmp/stays.dat) </dev/null &
	recorder=$!
	check "it begins to record" eventually is_recording
	kill -HUP "$recorder"
	check "a hangup that is ignored does not end it" ends_with 0
	check "its capture" readable /tmp/stays.dat
}

trouble_writer() {
	start_recorder -o /tmp/writer.dat
	kill -9 "$(pidof trace-cmd | tr ' ' '\n' | sort -n | head -n 1)"
	wait "$recorder"
	check "a dead trace-cmd is an error" test $? -ne 0
}

# The disk is filled by somebody else meanwhile.
trouble_full() {
	mkdir -p /tmp/full
	mount -t tmpfs -o size=40m full /tmp/full
	retryscope record -o /tmp/full/x.dat -- retryscope workload --seconds 30 \
		--invalidators 3 2>/tmp/full.err &
	recorder=$!
	check "it begins to record" eventually is_recording
	sleep 1
	dd if=/dev/zero of=/tmp/full/other bs=64k 2>/dev/null
	check "a full disk ends it with 4" ends_with 4
	check "and says so" grep -iq 'space' /tmp/full.err
	cat /tmp/full.err
	check "nothing of it stays on the disk" equal "$(ls /tmp/full)" other
	umount /tmp/full
}

# There never was enough room.
trouble_small() {
	mkdir -p /tmp/small
	mount -t tmpfs -o size=512k small /tmp/small
	retryscope record -o /tmp/small/x.dat -- sleep 5 2>/tmp/small.err
	check "a small disk: 4" equal $? 4
	check "in one line" has_one_line /tmp/small.err
	cat /tmp/small.err
	check "nothing stays on the disk" equal "$(ls /tmp/small)" ""
	umount /tmp/small
}

trouble_nobody() {
	echo 'nobody:x:65534:65534::/:/bin/sh' >/etc/passwd
	su nobody -c 'retryscope record -o /tmp/nobody.dat -- true' 2>/tmp/nobody.err
	check "without root: 3" equal $? 3
	check "in one line" has_one_line /tmp/nobody.err
	cat /tmp/nobody.err
}

trouble_readonly() {
	mkdir -p /tmp/readonly
	mount -t tmpfs -o ro readonly /tmp/readonly
	retryscope record -o /tmp/readonly/x.dat -- true 2>/tmp/readonly.err
	check "a read-only target: 4" equal $? 4
	check "in one line" has_one_line /tmp/readonly.err
	cat /tmp/readonly.err
	umount /tmp/readonly
}

trouble_nokvm() {
	mount --bind /dev/null /dev/kvm 2>/dev/null || mv /dev/kvm /dev/kvm.away
	retryscope workload --seconds 1 2>/tmp/nokvm.err
	check "a workload without KVM: 3" equal $? 3
	check "in one line" has_one_line /tmp/nokvm.err
	cat /tmp/nokvm.err
	umount /dev/kvm 2>/dev/null || mv /dev/kvm.away /dev/kvm
}

readable() { # CAPTURE
	retryscope info "$1" >/tmp/readable.out || { cat /tmp/readable.out; false; }
}

trouble_two() {
	retryscope record -o /tmp/one.dat -- retryscope workload --seconds 4 &
	recorder=$!
	retryscope record -o /tmp/two.dat -- retryscope workload --seconds 4
	check "two recorders at once: the second" equal $? 0
	check "two recorders at once: the first" ends_with 0
	check "the first's capture" readable /tmp/one.dat
	check "the second's capture" readable /tmp/two.dat
}

trouble_notracefs() {
	umount /sys/kernel/debug 2>/dev/null
	umount $tracing || return
	retryscope record -o /tmp/notracefs.dat -- true 2>/tmp/notracefs.err
	notracefs_result=$?
	mount -t tracefs tracefs $tracing 2>/dev/null
	mount -t debugfs nodev /sys/kernel/debug
	check "without tracefs: 3" equal $notracefs_result 3
	check "in one line" has_one_line /tmp/notracefs.err
	cat /tmp/notracefs.err
}

# trace-cmd mounts debugfs where it is not, and would leave it so.
trouble_nodebugfs() {
	umount /sys/kernel/debug
	grep -E 'tracefs|debugfs' /proc/mounts >/tmp/mounts.before
	retryscope record -o "/tmp/$trouble_name.dat" -- retryscope workload --seconds 2
	check "it records" equal $? 0
	grep -E 'tracefs|debugfs' /proc/mounts >/tmp/mounts.after
	check "debugfs is still not mounted" diff /tmp/mounts.before /tmp/mounts.after
	mount -t debugfs nodev /sys/kernel/debug
}

run_trouble() { # NAME WHICH...
	trouble_name=$1
	. /lab/check.sh
	foreign_add
	snapshot >/tmp/before
	"trouble_$2" "$3"
	check "tracing is as before" soon is_as_before /tmp/before
	is_as_before /tmp/before
	foreign_remove
	return $checks_failed
}
