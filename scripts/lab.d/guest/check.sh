# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2034,SC2154
# Checks inside the VM: a line each in the scenario's log.

checks_failed=0

# check TEXT COMMAND...: "ok TEXT" if the command succeeds.
check() {
	check_text=$1
	shift
	if "$@"; then
		echo "ok $check_text"
	else
		echo "not ok $check_text"
		checks_failed=1
	fi
}

equal() { # GOT WANTED
	[ "$1" = "$2" ] || { echo "got $1, wanted $2"; false; }
}

# Everything of tracing that a recorder might leave different.
snapshot() {
	for snapshot_file in kprobe_events uprobe_events dynamic_events set_event set_event_pid \
		set_ftrace_pid current_tracer trace_clock tracing_on; do
		echo "$snapshot_file: $(cat $tracing/$snapshot_file 2>/dev/null)"
	done
	# Whoever is the first to trace makes the kernel give this its full size.
	echo "buffer_size_kb: $(sed 's/.*expanded: \([0-9]*\).*/\1/' $tracing/buffer_size_kb)"
	grep -E 'tracefs|debugfs' /proc/mounts | sort
	echo "instances: $(ls $tracing/instances)"
	grep -v '^none$' $tracing/events/kvm/*/filter
	echo "enabled: $(cat $tracing/events/enable) $(cat $tracing/events/kvm/enable)"
}

# Nothing of tracing differs from the snapshot in FILE, and no trace-cmd runs.
is_as_before() { # FILE
	snapshot >"$1.now"
	diff "$1" "$1.now" || return
	if pidof trace-cmd; then
		echo "trace-cmd still runs"
		return 1
	fi
}

has_one_line() { # FILE
	equal "$(wc -l <"$1")" 1 || { cat "$1"; false; }
}

# Whether a process has a VM with vCPUs.
has_vcpus() { # PID
	for vcpu_fd in "/proc/$1/fd"/*; do
		case $(readlink "$vcpu_fd") in
		*kvm-vcpu*) return 0 ;;
		esac
	done
	return 1
}

# Waits until a command succeeds, up to a number of times that it is tried.
await() { # TIMES COMMAND...
	await_left=$1
	shift
	until "$@" >/dev/null 2>&1; do
		await_left=$((await_left - 1))
		[ $await_left -gt 0 ] || return 1
		usleep 200000
	done
}

# Up to 5 minutes: emulation is slow.
eventually() { # COMMAND...
	await 1500 "$@"
}

soon() { # COMMAND...
	await 50 "$@"
}
