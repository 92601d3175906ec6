/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TESTS_COMPARE_IMPORT_H
#define TESTS_COMPARE_IMPORT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether the importer and the naive one make the same of a trace.dat: the same events
 * in the same order, anomalies and losses. If not, says where they differ.
 */
bool compare_import(const char *what, const unsigned char *bytes, size_t size);

#endif
