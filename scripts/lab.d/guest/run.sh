# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2034,SC2154
# Runs scenarios inside a lab VM; what they leave is in /share/out as soon as
# each is done: NAME.dat, NAME.json (what the workload did), NAME.log, and
# NAME.done with the recorder's exit code.

tracing=/sys/kernel/tracing
out=/share/out
seconds=4 rate='' guest_seconds='' expedited=''

. /lab/scenarios.sh
. /lab/check.sh

swap_on() {
	[ -e /sys/block/zram0 ] || return
	echo 512M >/sys/block/zram0/disksize
	mkswap /dev/zram0 >/dev/null && swapon /dev/zram0
}

# Makes what was written appear in the shared folder at once and whole.
bring_out() { # FILE NAME
	[ -e "$1" ] || return
	cp "$1" "$out/$2.part" && mv "$out/$2.part" "$out/$2"
	rm -f "$1"
}

# record NAME COMMAND...: captures while COMMAND runs.
record() {
	record_name=$1
	shift
	retryscope record -o "/tmp/$record_name.dat" -- "$@"
}

run_workload() { # NAME ARGS...
	workload_name=$1
	shift
	record "$workload_name" /lab/workload "/tmp/$workload_name.json" \
		--seconds $seconds "$@" ${rate:+--rate "$rate"}
}

is_older_than() { # RELEASE
	oldest=$(printf '%s\n' "$(uname -r)" "$1" | sort -V | head -n 1)
	[ "$oldest" != "$1" ]
}

# A guest_memfd, which an ordinary VM can have from 6.18 on. Older kernels say so.
run_gmem() { # NAME ARGS...
	gmem_name=$1
	shift
	retryscope workload --seconds 1ms "$@" >/dev/null 2>/tmp/gmem.err
	gmem_result=$?
	if [ $gmem_result -ne 3 ]; then
		run_workload "$gmem_name" "$@"
		return
	fi
	cat /tmp/gmem.err
	check "only kernels before 6.18 have none" is_older_than 6.18
	check "a workload without guest_memfd: one line" has_one_line /tmp/gmem.err
	return $checks_failed
}

# Buffers so small that events are lost.
run_lost() { # NAME ARGS...
	lost_name=$1
	shift
	retryscope record --buffer 8K -o "/tmp/$lost_name.dat" -- \
		/lab/workload "/tmp/$lost_name.json" --seconds $seconds "$@"
}

# Hides the functions that match a pattern from the recorder: no probes there.
run_withheld() { # NAME LEVEL PATTERN
	grep -vE "$3" /proc/kallsyms >/tmp/kallsyms
	mount --bind /tmp/kallsyms /proc/kallsyms
	retryscope probe | head -n 1
	check "probe says so" retryscope_says "$2" probe
	retryscope record --min-level tracepoints -o "/tmp/$1.dat" -- \
		/lab/workload "/tmp/$1.json" --seconds $seconds --memslots-to "/tmp/$1.memslots"
	check "it is recorded all the same" equal $? 0
	check "info says so" retryscope_says "$2" info "/tmp/$1.dat"
	umount /proc/kallsyms
	return $checks_failed
}

retryscope_says() { # LEVEL VERB...
	says_level=$1
	shift
	retryscope "$@" | tr -s '\n ' ' ' | grep -qiE "level:? *$says_level"
}

# A VM that runs before the capture begins, and longer.
run_late() { # NAME ARGS...
	late_name=$1
	shift
	/lab/workload "/tmp/$late_name.json" --seconds 0 "$@" &
	late_pid=$!
	sleep 3
	record "$late_name" sleep $seconds
	late_result=$?
	kill -INT $late_pid
	wait $late_pid
	return $late_result
}

# Of two VMs of two processes one is recorded, and nothing of the other.
run_pid() { # NAME ARGS...
	pid_name=$1
	shift
	/lab/workload "/tmp/$pid_name.json" --seconds 0 "$@" &
	pid_wanted=$!
	/lab/workload /tmp/other.json --seconds 0 "$@" &
	pid_other=$!
	check "two VMs run" eventually has_vcpus $pid_wanted
	check "and the other" eventually has_vcpus $pid_other
	retryscope record --pid $pid_wanted --duration ${seconds}s -o "/tmp/$pid_name.dat"
	check "one is recorded" equal $? 0
	kill -INT $pid_wanted $pid_other
	wait
	retryscope info "/tmp/$pid_name.dat" >/tmp/pid.info
	check "there is one VM in the capture" equal "$(grep -c '^VM ' /tmp/pid.info)" 1
	check "it is the right one" grep -q "^VM .*pid $pid_wanted\>" /tmp/pid.info
	return $checks_failed
}

# The algorithm that KVM is to give to VMs from now on.
choose_algo() { # NAME
	algo_name=$(algo_of "$1")
	[ -n "$algo_name" ] || return 0
	kvm_algo "$algo_name" >/sys/module/kvm/parameters/retry_algo &&
		echo 0 >/sys/module/kvm/parameters/retry_held
}

# How often and for how long mmu_lock was held since, where KVM can say so.
say_held() { # NAME
	[ ! -e /sys/module/kvm/parameters/retry_held ] ||
		cat /sys/module/kvm/parameters/retry_held >"/tmp/$1.held"
}

run_scenario() { # NAME KIND ARGS...
	choose_algo "$1" || return
	run_name=$1
	run_kind=$2
	shift 2
	checks_failed=0
	case $run_kind in
	workload | gmem | late | pid | lost | withheld) "run_$run_kind" "$run_name" "$@" ;;
	qemu | firmware) . /lab/qemu.sh && "run_$run_kind" "$run_name" "$@" ;;
	trouble) . /lab/trouble.sh && run_trouble "$run_name" "$@" ;;
	cost) . /lab/cost.sh && run_cost "$run_name" ;;
	esac
}

run_plan() { # FILE
	swap_on
	mkdir -p $out
	[ ! -e /share/settings ] || . /share/settings
	if [ -e /share/script ]; then
		. /share/script
		return
	fi
	# As on a host that has been up for a while: debugfs is there, and tracing was used once,
	# which is when the kernel gives the top-level buffer its size. By an event that nobody comes
	# to, and without the names of tasks, for which the kernel patches its scheduler: docs/lab.md
	# has what an emulated one dies of.
	grep -q ' debugfs ' /proc/mounts || mount -t debugfs nodev /sys/kernel/debug
	echo 0 >$tracing/options/record-cmd
	echo 1 >$tracing/events/kvm/kvm_exit/enable
	echo 0 >$tracing/events/kvm/kvm_exit/enable
	echo 1 >$tracing/options/record-cmd
	# Half of what a recording takes to begin and to end are waits for grace periods.
	[ -z "$expedited" ] || echo 1 >/sys/kernel/rcu_expedited
	while read -r plan_name; do
		echo "lab: begin $plan_name at $(cut -d' ' -f1 /proc/uptime)"
		snapshot >/tmp/before.plan
		# shellcheck disable=SC2046
		run_scenario "$plan_name" $(scenario_of "$plan_name") \
			>"/tmp/$plan_name.log" 2>&1 </dev/null
		plan_result=$?
		say_held "$plan_name"
		is_as_before /tmp/before.plan >"/tmp/$plan_name.left"
		bring_out "/tmp/$plan_name.left" "$plan_name.left"
		bring_out "/tmp/$plan_name.json" "$plan_name.json"
		bring_out "/tmp/$plan_name.held" "$plan_name.held"
		bring_out "/tmp/$plan_name.memslots" "$plan_name.memslots"
		bring_out "/tmp/$plan_name.mtree" "$plan_name.mtree"
		bring_out "/tmp/$plan_name.log" "$plan_name.log"
		bring_out "/tmp/$plan_name.dat" "$plan_name.dat"
		echo $plan_result >"$out/$plan_name.done"
		echo "lab: end $plan_name: $plan_result at $(cut -d' ' -f1 /proc/uptime)"
	done <"$1"
}
