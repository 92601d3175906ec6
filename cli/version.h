/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CLI_VERSION_H
#define RS_CLI_VERSION_H

/* The commit that the program was built of, "-dirty" behind it if files differed; "": not known. */
extern const char rs_cli_commit[];

#endif
