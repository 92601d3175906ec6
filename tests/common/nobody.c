// SPDX-License-Identifier: GPL-2.0-only
#include "tests/common/nobody.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOBODY 65534

static bool was_root;

bool test_be_nobody(const char *folder)
{
	if (geteuid())
		return true;
	if (chmod(folder, 0755) || setresgid(NOBODY, NOBODY, 0))
		return false;
	was_root = true;
	if (!setresuid(NOBODY, NOBODY, 0) && !access(folder, X_OK))
		return true;
	test_be_again();
	return false;
}

void test_be_again(void)
{
	if (!was_root)
		return;
	was_root = false;
	if (setresuid(0, 0, 0) || setresgid(0, 0, 0)) {
		perror("root again");
		abort();
	}
	prctl(PR_SET_DUMPABLE, 1); /* the sanitizer traces the process at its end */
}
