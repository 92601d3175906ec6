#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The figures in README.md and in findings, validity and rfc of docs/ are those that their commands print.
exec "$1/scripts/readme" --check "$2"
