// SPDX-License-Identifier: GPL-2.0-only
#include "cli/version.h"

/* Made by the build: scripts/commit.cmake. */
#include "commit.h"

const char rs_cli_commit[] = RS_COMMIT;
