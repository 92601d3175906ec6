#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The figures in README.md, docs/findings.md and docs/validity.md are those that their commands print.
exec "$1/scripts/readme" --check "$2"
