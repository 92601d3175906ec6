# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# For scripts/lab --run: on each CPU runs a loop that never lets another have its turn. Do all get
# theirs?
cpus=$(grep -c ^processor /proc/cpuinfo)
for cpu in $(seq 0 $((cpus - 1))); do
	# shellcheck disable=SC2016
	taskset -c "$cpu" sh -c 'while :; do i=$((i + 1)); [ $((i % 1000)) -gt 0 ] || echo $i >"/tmp/turns.$1"; done' \
		- "$cpu" &
done
sleep 5
for cpu in $(seq 0 $((cpus - 1))); do
	echo "lab: CPU $cpu: $(cat "/tmp/turns.$cpu") turns of its loop"
done
grep '^cpu[0-9]' /proc/stat | while read -r cpu user _ system idle _; do
	echo "lab: $cpu: $user of $((user + system + idle)) ticks in user mode"
done
