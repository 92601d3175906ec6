// SPDX-License-Identifier: GPL-2.0-only
#include "base/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint32_t round_constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

void rs_sha256_init(struct rs_sha256 *s)
{
	*s = (struct rs_sha256){ .state = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
					    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 } };
}

static uint32_t turn(uint32_t v, unsigned int by)
{
	return v >> by | v << (32 - by);
}

static uint32_t word_at(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void expand(uint32_t w[64], const unsigned char *block)
{
	for (unsigned int i = 0; i < 16; i++)
		w[i] = word_at(block + 4 * i);
	for (unsigned int i = 16; i < 64; i++) {
		const uint32_t a = w[i - 15], b = w[i - 2];

		w[i] = w[i - 16] + w[i - 7] + (turn(a, 7) ^ turn(a, 18) ^ a >> 3) +
		       (turn(b, 17) ^ turn(b, 19) ^ b >> 10);
	}
}

static void mix(uint32_t state[8], const unsigned char *block)
{
	uint32_t w[64], v[8];

	expand(w, block);
	memcpy(v, state, sizeof(v));
	for (unsigned int i = 0; i < 64; i++) {
		const uint32_t a = v[0], e = v[4];
		const uint32_t chosen = (e & v[5]) ^ (~e & v[6]);
		const uint32_t most = (a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]);
		const uint32_t t = v[7] + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + chosen +
				   round_constants[i] + w[i];

		memmove(v + 1, v, 7 * sizeof(*v));
		v[4] += t;
		v[0] = t + (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + most;
	}
	for (unsigned int i = 0; i < 8; i++)
		state[i] += v[i];
}

void rs_sha256_add(struct rs_sha256 *s, const void *data, size_t size)
{
	const unsigned char *p = data;

	while (size) {
		const size_t used = s->length % sizeof(s->block);
		const size_t room = sizeof(s->block) - used, n = size < room ? size : room;

		memcpy(s->block + used, p, n);
		s->length += n;
		if (n == room)
			mix(s->state, s->block);
		p += n;
		size -= n;
	}
}

void rs_sha256_end(struct rs_sha256 *s, char text[RS_SHA256_TEXT])
{
	static const unsigned char padding[64] = { 0x80 };
	const uint64_t bits = s->length * 8;
	unsigned char length[8];

	for (unsigned int i = 0; i < 8; i++)
		length[i] = (unsigned char)(bits >> (56 - 8 * i));
	rs_sha256_add(s, padding, 1 + (119 - s->length % 64) % 64);
	rs_sha256_add(s, length, sizeof(length));
	for (unsigned int i = 0; i < 8; i++)
		snprintf(text + 8 * i, 9, "%08x", s->state[i]);
}

static int read_all(int fd, struct rs_sha256 *s)
{
	unsigned char buf[1 << 16];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) != 0) {
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			rs_sha256_add(s, buf, (size_t)n);
	}
	return 0;
}

int rs_sha256_file(const char *path, char text[RS_SHA256_TEXT], uint64_t *size)
{
	struct rs_sha256 s;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), ret;

	if (fd < 0)
		return -errno;
	ret = fstat(fd, &st) ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
	rs_sha256_init(&s);
	if (!ret)
		ret = read_all(fd, &s);
	close(fd);
	if (ret)
		return ret;
	*size = s.length;
	rs_sha256_end(&s, text);
	return 0;
}
