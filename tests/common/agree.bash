# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
# Whether the model does what the kernel did, in a part of a sample, as the lab judges a capture;
# to be sourced after check.bash.
command -v trace-cmd >/dev/null || skip "trace-cmd is not installed"
command -v jq >/dev/null || skip "jq is not installed"

# shellcheck source=/dev/null
. "$source_dir/scripts/lab.d/table.sh"

# judge KIND SAMPLE TRACE: ok, or what is wrong with it.
judge() {
	local algo lost same known lsame lknown equal compared missed wrong

	algo=$(algorithm_of "${2%%-*}")
	retryscope replay --algo "$algo,exact" --format json -o report.json "$3" || { echo "no replay"; return; }
	read -r _ lost _ same known lsame lknown equal compared _ _ _ missed _ < <(summarize report.json "$algo")
	wrong=$(verdict "$1" "$lost" "$same" "$known" "$lsame" "$lknown" "$equal" "$compared" \
		"$missed" 0 '' | paste -sd,)
	echo "${wrong:-ok}"
}
