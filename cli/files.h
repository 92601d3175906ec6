/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_CLI_FILES_H
#define RS_CLI_FILES_H

#include <argp.h>
#include <stddef.h>

/* The FILE... of a verb that takes one or more: those of argv. */
struct rs_files {
	char **paths;
	size_t nr;
};

/* A child for the verb's parser, whose input is a struct rs_files. */
extern const struct argp rs_files_argp;

/* The only child of a verb: rs_files_argp. */
extern const struct argp_child rs_files_children[];

#endif
