// SPDX-License-Identifier: GPL-2.0-only
/* The examples of FIPS 180-4, of less than is read at once and of more. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/sha256.h"

static void expect(const char *bytes, size_t n, const char *digest)
{
	char path[] = "/tmp/sha256-XXXXXX", text[RS_SHA256_TEXT];
	int fd = mkstemp(path);
	uint64_t size;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
	assert_int_equal(rs_sha256_file(path, text, &size), 0);
	unlink(path);
	assert_int_equal(size, n);
	assert_string_equal(text, digest);
}

static void test_examples(void **state)
{
	static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	static char many[1000000];

	expect("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	expect("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	expect(two_blocks, 56, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	memset(many, 'a', sizeof(many));
	expect(many, 1000, "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3");
	expect(many, sizeof(many),
	       "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void test_no_files(void **state)
{
	char text[RS_SHA256_TEXT];
	uint64_t size;

	assert_int_equal(rs_sha256_file("/tmp/sha256-nothing/there", text, &size), -ENOENT);
	assert_int_equal(rs_sha256_file("/dev/null", text, &size), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_no_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
