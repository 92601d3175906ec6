#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The figures in README.md and docs/findings.md are those that their commands print.
exec "$1/scripts/readme" --check "$2"
