#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# ShellCheck has nothing to say about the scripts.
set -u
cd "$1" || exit 1
command -v shellcheck >/dev/null || { echo "shellcheck is not installed"; exit 77; }
mapfile -t scripts < <(grep -rlE '^#!/(usr/)?bin/(env )?(ba)?sh' scripts tests .ci)
shellcheck -S warning -x -e SC1091 "${scripts[@]}" docs/completion/retryscope.bash
