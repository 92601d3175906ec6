#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The figures in README.md are those that its commands print.
exec "$1/scripts/readme" --check "$2"
