// SPDX-License-Identifier: GPL-2.0-only
#include "base/clean.h"

#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"
#define REPLACEMENT_SIZE 3

/* The least and the most that the second byte may be: neither overlong nor a surrogate. */
static void second_byte(unsigned char lead, unsigned char *min, unsigned char *max)
{
	*min = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	*max = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
}

size_t rs_utf8_next(const char *text, uint32_t *c)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned char min, max;
	size_t len, i;

	*c = *s;
	if (*s < 0x80)
		return 1;
	len = *s >= 0xf0 ? 4 : *s >= 0xe0 ? 3 : 2;
	*c = RS_NOT_UTF8;
	if (*s < 0xc2 || *s > 0xf4)
		return 1;
	second_byte(*s, &min, &max);
	for (i = 1; i < len; i++) {
		if (s[i] < min || s[i] > max)
			return i;
		min = 0x80;
		max = 0xbf;
	}
	*c = *s & (0x7fU >> len);
	for (i = 1; i < len; i++)
		*c = *c << 6 | (s[i] & 0x3f);
	return len;
}

size_t rs_plain_len(const char *text)
{
	size_t n = 0;

	while (text[n] >= ' ' && text[n] <= '~' && text[n] != '"' && text[n] != '\\')
		n++;
	return n;
}

bool rs_is_printable(uint32_t c)
{
	/* By their begin; the last of each is allowed to be unassigned so far. */
	static const struct {
		uint32_t first, last;
	} hidden[] = {
		{ 0, 0x1f },		 /* C0 */
		{ 0x7f, 0x9f },		 /* DEL, C1 */
		{ 0xad, 0xad },		 /* soft hyphen */
		{ 0x34f, 0x34f },	 /* grapheme joiner */
		{ 0x61c, 0x61c },	 /* Arabic letter mark */
		{ 0x115f, 0x1160 },	 /* Hangul fillers */
		{ 0x17b4, 0x17b5 },	 /* Khmer, never seen */
		{ 0x180b, 0x180f },	 /* Mongolian selectors and vowel separator */
		{ 0x200b, 0x200f },	 /* zero width, marks of direction */
		{ 0x2028, 0x202e },	 /* separators, embeddings, overrides */
		{ 0x2060, 0x206f },	 /* joiner, isolates, invisible operators */
		{ 0x3164, 0x3164 },	 /* Hangul filler */
		{ 0xd800, 0xdfff },	 /* surrogates */
		{ 0xfdd0, 0xfdef },	 /* noncharacters */
		{ 0xfe00, 0xfe0f },	 /* variation selectors */
		{ 0xfeff, 0xfeff },	 /* byte order mark */
		{ 0xffa0, 0xffa0 },	 /* Hangul filler */
		{ 0xfff0, 0xfffb },	 /* interlinear annotation */
		{ 0x1d173, 0x1d17a },	 /* beams and slurs of music */
		{ 0xe0000, 0xe0fff },	 /* tags, more variation selectors */
		{ 0x110000, UINT32_MAX } /* beyond Unicode */
	};

	if ((c & 0xfffe) == 0xfffe)
		return false;
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]) && c >= hidden[i].first; i++)
		if (c <= hidden[i].last)
			return false;
	return true;
}

bool rs_is_clean(const char *text)
{
	uint32_t c;

	while (*text) {
		text += rs_utf8_next(text, &c);
		if (!rs_is_printable(c))
			return false;
	}
	return true;
}

/* What is written for the character, or the plain ones, at *@text, of *@size bytes; moves behind
 * it. */
static const char *next(const char **text, enum rs_clean_to to, size_t *size)
{
	const char *from = *text;
	uint32_t c;

	*size = rs_plain_len(from);
	*text += *size;
	if (*size)
		return from;
	*size = rs_utf8_next(from, &c);
	*text += *size;
	if (c == RS_NOT_UTF8 && to == RS_CLEAN_UTF8) {
		*size = REPLACEMENT_SIZE;
		return REPLACEMENT;
	}
	if (rs_is_printable(c) && (c < 0x80 || to == RS_CLEAN_UTF8))
		return from;
	*size = 1;
	return "?";
}

char *rs_clean(char *buf, size_t size, const char *text, enum rs_clean_to to)
{
	size_t used = 0, n;

	while (*text) {
		const char *from = next(&text, to, &n);
		const size_t room = size - used - 1;

		if (n > room && !rs_plain_len(from))
			break;
		n = n < room ? n : room;
		memcpy(buf + used, from, n);
		used += n;
		if (n == room)
			break;
	}
	buf[used] = '\0';
	return buf;
}

char *rs_clean_dup(const char *text, enum rs_clean_to to)
{
	/* A malformed byte grows most. */
	size_t size = REPLACEMENT_SIZE * strlen(text) + 1;
	char *buf = malloc(size);

	return buf ? rs_clean(buf, size, text, to) : NULL;
}

void rs_clean_put(FILE *f, const char *text)
{
	size_t n;

	while (*text) {
		const char *from = next(&text, RS_CLEAN_UTF8, &n);

		fwrite(from, 1, n, f);
	}
}

size_t rs_clean_columns(const char *text)
{
	size_t columns = 0;
	uint32_t c;

	for (; *text; columns++)
		text += rs_utf8_next(text, &c);
	return columns;
}
