# SPDX-License-Identifier: GPL-2.0-only
# How a check begins that works in a folder of its own and counts what is wrong; to be sourced
# with SOURCE_DIR BUILD_DIR. retryscope is in its PATH.
# shellcheck shell=bash disable=SC2034 # for those who source it
set -u
source_dir=$(realpath "$1") build_dir=$(realpath "$2")
failures=0

skip() {
	echo "SKIPPED: $*"
	exit 77
}

wrong() {
	echo "$@"
	failures=$((failures + 1))
}

expect() { # WHAT WANTED GOT
	[ "$2" = "$3" ] || wrong "$1: wanted '$2', got '$3'"
}

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
# What stands for retryscope holds each JSON document that it writes against docs/schema.
export PATH=$build_dir/tests/watched:$PATH LC_ALL=C
cd "$work" || exit 1
