// SPDX-License-Identifier: GPL-2.0-only
/* The examples of FIPS 180-4, in pieces of any size; and files. */
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

static void expect(const char *bytes, size_t size, const char *digest)
{
	for (size_t piece = 1; piece <= size + 1; piece += 1 + piece / 2) {
		char text[RS_SHA256_TEXT];
		struct rs_sha256 s;

		rs_sha256_init(&s);
		for (size_t at = 0; at < size; at += piece)
			rs_sha256_add(&s, bytes + at, size - at < piece ? size - at : piece);
		rs_sha256_end(&s, text);
		assert_string_equal(text, digest);
	}
}

static void test_examples(void **state)
{
	static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	static char many[1000];

	expect("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	expect("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	expect(two_blocks, 56, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	memset(many, 'a', sizeof(many));
	expect(many, sizeof(many),
	       "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3");
}

static void test_files(void **state)
{
	char path[] = "/tmp/sha256-XXXXXX", text[RS_SHA256_TEXT];
	int fd = mkstemp(path);
	uint64_t size;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "abc", 3), 3);
	close(fd);
	assert_int_equal(rs_sha256_file(path, text, &size), 0);
	assert_int_equal(size, 3);
	assert_string_equal(text,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	unlink(path);
	assert_int_equal(rs_sha256_file(path, text, &size), -ENOENT);
	assert_int_equal(rs_sha256_file("/dev/null", text, &size), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
