# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2034,SC2154
# What recording costs: the same workload without tracing, with trace-cmd alone
# recording the same events, and with retryscope, in turn, several times. Time
# here is work: an instruction takes a nanosecond, and there is one CPU. Besides, what
# the recorder leaves out when it is told to.

cost_rounds=3

has_probes() {
	[ "$(grep -c retryscope $tracing/kprobe_events)" -gt 5 ] &&
		cat $tracing/instances/*/set_event | grep -q retryscope
}

# Learns from a running retryscope which probes, events and buffers it uses.
learn_probes() {
	retryscope record --quiet -o /tmp/learn.dat -- sleep 1000 </dev/null &
	cost_recorder=$!
	eventually has_probes || return
	sleep 2
	grep retryscope $tracing/kprobe_events >/tmp/cost.probes
	cat $tracing/instances/*/set_event | sort -u >/tmp/cost.events
	cost_buffer=$(sed 's/[^0-9].*//' $tracing/instances/*/buffer_size_kb | sort -n | tail -n 1)
	kill -INT $cost_recorder
	wait $cost_recorder
	echo "cost-empty $(stat -c %s /tmp/learn.dat)"
	rm -f /tmp/learn.dat
	echo "$(wc -l </tmp/cost.probes) probes, $(wc -l </tmp/cost.events) events," \
		"buffers of $cost_buffer KiB"
}

# trace-cmd alone with the same probes, events, clock and buffers.
record_plainly() { # FILE COMMAND...
	plain_file=$1
	shift
	cat /tmp/cost.probes >>$tracing/kprobe_events
	# shellcheck disable=SC2046
	trace-cmd record -q -B plain -C mono -b "$cost_buffer" \
		$(sed 's/^/-e /' /tmp/cost.events) -o "$plain_file" "$@" >/dev/null
	plain_result=$?
	rmdir $tracing/instances/plain 2>/dev/null
	sed 's/^[pr0-9]*:\([^ ]*\) .*/-:\1/' /tmp/cost.probes >>$tracing/kprobe_events
	return $plain_result
}

# One number of a workload's report.
number_of() { # NAME FILE
	sed -n "s/^ *\"$1\": \\([0-9]*\\),*\$/\\1/p" "$2" | head -n 1
}

# A line "cost WORKLOAD MODE FAULTS ACCESSES NS BYTES".
measure() { # WORKLOAD MODE ARGS...
	measure_name=$1
	measure_mode=$2
	shift 2
	set -- /lab/workload /tmp/cost.json --seconds 1 "$@"
	rm -f /tmp/cost.dat
	case $measure_mode in
	none) "$@" ;;
	trace-cmd) record_plainly /tmp/cost.dat "$@" ;;
	retryscope) retryscope record --quiet -o /tmp/cost.dat -- "$@" ;;
	parts) retryscope record --quiet -o /tmp/cost.dat \
		--events memslots,invalidations,faults -- "$@" ;;
	sampled) retryscope record --quiet -o /tmp/cost.dat --sample 100ms/1s -- "$@" ;;
	esac || return
	echo "cost $measure_name $measure_mode $(number_of pf_taken /tmp/cost.json)" \
		"$(number_of accesses /tmp/cost.json) $(number_of elapsed_ns /tmp/cost.json)" \
		"$(stat -c %s /tmp/cost.dat 2>/dev/null || echo 0)"
}

run_cost() { # NAME
	learn_probes || return
	for cost_round in $(seq $cost_rounds); do
		for cost_mode in none trace-cmd retryscope; do
			# New pages: nearly every access is one fault, none is retried.
			measure new-pages $cost_mode --aliases 0 --vcpus 1 --invalidators 0 \
				--pages 400000 || return
			measure alias3 $cost_mode --scenario alias3 || return
		done
		measure new-pages parts --aliases 0 --vcpus 1 --invalidators 0 \
			--pages 400000 || return
	done
	# Several pieces with their pauses, and no new pages for so long.
	measure alias3 sampled --scenario alias3 --seconds 12
}
