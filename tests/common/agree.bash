# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Whether the model does what the kernel did, in a part of a sample; to be sourced after
# check.bash.
command -v trace-cmd >/dev/null || skip "trace-cmd is not installed"
command -v jq >/dev/null || skip "jq is not installed"

# What the kernel of a sample runs.
algorithm_of() { # NAME
	case $1 in 6.1-*) echo hva ;; *) echo gfn ;; esac
}

# ok, or what is not.
judge() { # ALGORITHM
	jq -r --arg own "$1" '
		def sum(f): [.vms[] | f // 0] | add // 0;
		sum(.algorithms[$own].agreement.locked | .known - .same) as $locked |
		sum(.algorithms[$own].agreement.lockless.known) as $lockless |
		sum(.algorithms[$own].agreement.lockless | .known - .same) as $raced |
		sum(.state.compared - .state.equal) as $state |
		[ (if $locked > 0 then "\($locked) locked disagree" else empty end),
		  (if $raced * 200 > $lockless then "\($raced) of \($lockless) lockless disagree" else empty end),
		  (if $state > 0 then "\($state) states differ" else empty end),
		  (if sum(.algorithms[$own].missed) > 0 then "missed" else empty end) ]
		| if length > 0 then join(", ") else "ok" end'
}
