/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TESTS_NOBODY_H
#define TESTS_NOBODY_H

#include <stdbool.h>

/*
 * Whom permissions bind. Root becomes nobody until test_be_again(); false, with
 * everything as before, if that cannot be done, or if nobody cannot get into @folder,
 * which is opened to all. Whoever is not root stays as is.
 */
bool test_be_nobody(const char *folder);
void test_be_again(void);

#endif
