# SPDX-License-Identifier: GPL-2.0-only
# What tests of retryscope-fleet have in common; to be sourced with SOURCE_DIR BUILD_DIR.
# shellcheck shell=bash
. "$1/tests/common/check.bash"
# shellcheck disable=SC2034 # for those who source it
fleet=$source_dir/scripts/retryscope-fleet

need() {
	local tool

	for tool; do
		command -v "$tool" >/dev/null || [ -x "/usr/sbin/$tool" ] ||
			skip "$tool is not installed (scripts/deps fleet)"
	done
}

# A port that nobody listens on.
free_port() {
	local port

	for ((port = 20000 + RANDOM % 20000; port < 65000; port += 7)); do
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || {
			echo "$port"
			return
		}
	done
}

need parallel
