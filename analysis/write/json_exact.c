// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/write/json_exact.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/write/units.h"
#include "base/array.h"

#define MARK '\x01'
#define MARK_ESCAPED "\"\\u0001"
#define REPLACEMENT "\xef\xbf\xbd"
/* The library keeps a number of up to this many characters exactly, integer or not. */
#define SAFE_CHARACTERS 15
/* Reals are rounded to this: more than any of them means. */
#define REAL_DIGITS 12

json_t *rs_json_raw(const char *text)
{
	json_t *v = NULL;
	char *marked;

	if (asprintf(&marked, "%c%s", MARK, text) < 0)
		return NULL;
	v = json_string_nocheck(marked);
	free(marked);
	return v;
}

json_t *rs_json_u128(unsigned __int128 v)
{
	char digits[48];

	if (v <= INT64_MAX)
		return json_integer((json_int_t)v);
	return rs_json_raw(rs_format_u128(v, digits, sizeof(digits)));
}

json_t *rs_json_u64(uint64_t v)
{
	return rs_json_u128(v);
}

json_t *rs_json_thousandths(unsigned __int128 v)
{
	char whole[48], text[64], *end;

	rs_format_u128(v / 1000, whole, sizeof(whole));
	end = text + snprintf(text, sizeof(text), "%s.%03u", whole, (unsigned int)(v % 1000));
	while (end[-1] == '0' && end[-2] != '.')
		*--end = '\0';
	return rs_json_raw(text);
}

json_t *rs_json_number(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

/* Length of the well-formed UTF-8 sequence at @s, 0 if there is none. */
static size_t utf8_length(const unsigned char *s)
{
	static const struct {
		unsigned char mask, lead, len;
		uint32_t least;
	} kinds[] = {
		{ 0x80, 0x00, 1, 0 },
		{ 0xe0, 0xc0, 2, 0x80 },
		{ 0xf0, 0xe0, 3, 0x800 },
		{ 0xf8, 0xf0, 4, 0x10000 },
	};

	for (size_t k = 0; k < 4; k++) {
		uint32_t c = s[0] & (unsigned char)~kinds[k].mask;

		if ((s[0] & kinds[k].mask) != kinds[k].lead)
			continue;
		for (size_t i = 1; i < kinds[k].len; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return 0;
			c = c << 6 | (s[i] & 0x3f);
		}
		if (c < kinds[k].least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return 0;
		return kinds[k].len;
	}
	return 0;
}

json_t *rs_json_text(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	char *clean, *p;
	json_t *v;

	if (!text)
		return json_null();
	clean = malloc(3 * strlen(text) + 1);
	if (!clean)
		return NULL;
	for (p = clean; *s;) {
		size_t len = utf8_length(s);

		if (!len || *s < 0x20 || *s == 0x7f) {
			memcpy(p, REPLACEMENT, 3);
			p += 3;
			s++;
			continue;
		}
		memcpy(p, s, len);
		p += len;
		s += len;
	}
	*p = '\0';
	v = json_string(clean);
	free(clean);
	return v;
}

/* What the library makes of a document that it has no memory for may be anything. */
static _Thread_local bool out_of_memory;

static void *noted_malloc(size_t size)
{
	void *p = malloc(size);

	out_of_memory |= !p;
	return p;
}

static void note_memory(void)
{
	out_of_memory = false;
	json_set_alloc_funcs(noted_malloc, free);
}

int rs_json_write(FILE *f, const json_t *root)
{
	char *text, *from, *mark;

	note_memory();
	text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(REAL_DIGITS));
	if (!text || out_of_memory) {
		free(text);
		return -ENOMEM;
	}
	from = text;
	while ((mark = strstr(from, MARK_ESCAPED))) {
		char *number = mark + strlen(MARK_ESCAPED), *end = strchr(number, '"');

		fwrite(from, 1, (size_t)(mark - from), f);
		fwrite(number, 1, (size_t)(end - number), f);
		from = end + 1;
	}
	fputs(from, f);
	fputc('\n', f);
	free(text);
	return ferror(f) ? -EIO : 0;
}

static char *read_all(FILE *f, size_t *len)
{
	size_t size = 1 << 16;
	char *text = malloc(size);

	for (*len = 0; text;) {
		size_t n = fread(text + *len, 1, size - *len, f);

		*len += n;
		if (*len < size)
			break;
		if (RS_ROOM(text, size, size + 1)) {
			free(text);
			text = NULL;
		}
	}
	if (text && ferror(f)) {
		int errnum = errno;

		free(text);
		errno = errnum;
		return NULL;
	}
	return text;
}

static bool in_number(char c)
{
	return (c >= '0' && c <= '9') || c == '.';
}

/* Copies @text with every number that is too long for the library made a marked string. */
static char *mark_numbers(const char *text, size_t len, size_t *marked_len)
{
	/* A number of 16 characters grows by 8, a longer one by less in proportion. */
	char *marked = malloc(len + len / 2 + 16), *p = marked;
	bool quoted = false;

	for (size_t i = 0, n; marked && i < len; i += n) {
		n = 1;
		if (quoted && text[i] == '\\' && i + 1 < len)
			n = 2;
		else if (text[i] == '"')
			quoted = !quoted;
		else
			while (!quoted && i + n < len && in_number(text[i]) &&
			       in_number(text[i + n]))
				n++;
		if (n > SAFE_CHARACTERS)
			p = stpcpy(p, MARK_ESCAPED);
		memcpy(p, text + i, n);
		p += n;
		if (n > SAFE_CHARACTERS)
			*p++ = '"';
	}
	*marked_len = (size_t)(p - marked);
	return marked;
}

static json_t *no_memory(struct rs_error *err)
{
	rs_error_nomem(err);
	errno = ENOMEM;
	return NULL;
}

json_t *rs_json_read(FILE *f, struct rs_error *err)
{
	size_t len, marked_len = 0;
	char *text = read_all(f, &len), *marked;
	json_error_t je;
	json_t *root;

	if (!text) {
		rs_error_set(err, errno == EISDIR ? RS_ERR_INPUT : RS_ERR_SYSTEM, errno,
			     "cannot be read: %s", strerror(errno));
		return NULL;
	}
	marked = mark_numbers(text, len, &marked_len);
	free(text);
	if (!marked)
		return no_memory(err);
	note_memory();
	root = json_loadb(marked, marked_len, JSON_REJECT_DUPLICATES, &je);
	free(marked);
	if (out_of_memory) {
		json_decref(root);
		return no_memory(err);
	}
	if (!root) {
		rs_error_set(err, RS_ERR_INPUT, EINVAL, "not JSON: %s", je.text);
		if (err && je.line > 0) {
			err->line = (uint64_t)je.line;
			err->column = je.column > 0 ? (uint64_t)je.column : 1;
		}
		errno = EINVAL;
	}
	return root;
}

/* "123" or, with @decimals, "123.45" as an integer scaled by 10^decimals. */
static bool parse_decimal(const char *s, unsigned int decimals, unsigned __int128 *to)
{
	unsigned __int128 v = 0, next;
	int after = -1;

	if (*s < '0' || *s > '9')
		return false;
	for (; *s; s++) {
		if (*s == '.' && after < 0) {
			after = 0;
			continue;
		}
		if (*s < '0' || *s > '9')
			return false;
		if (after >= 0 && (unsigned int)after == decimals) {
			if (*s != '0')
				return false;
			continue;
		}
		if (__builtin_mul_overflow(v, (unsigned __int128)10, &next) ||
		    __builtin_add_overflow(next, (unsigned __int128)(*s - '0'), &v))
			return false;
		if (after >= 0)
			after++;
	}
	for (unsigned int i = after < 0 ? 0 : (unsigned int)after; i < decimals; i++)
		if (__builtin_mul_overflow(v, (unsigned __int128)10, &v))
			return false;
	*to = v;
	return true;
}

bool rs_json_get_u128(const json_t *v, unsigned __int128 *to)
{
	if (json_is_string(v) && json_string_value(v)[0] == MARK)
		return !strchr(json_string_value(v), '.') &&
		       parse_decimal(json_string_value(v) + 1, 0, to);
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return false;
	*to = (unsigned __int128)json_integer_value(v);
	return true;
}

bool rs_json_get_u64(const json_t *v, uint64_t *to)
{
	unsigned __int128 wide;

	if (!rs_json_get_u128(v, &wide) || wide > UINT64_MAX)
		return false;
	*to = (uint64_t)wide;
	return true;
}

bool rs_json_get_thousandths(const json_t *v, unsigned __int128 *to)
{
	char text[64];

	if (json_is_string(v) && json_string_value(v)[0] == MARK)
		return parse_decimal(json_string_value(v) + 1, 3, to);
	if (json_is_integer(v) && json_integer_value(v) >= 0) {
		*to = (unsigned __int128)json_integer_value(v) * 1000;
		return true;
	}
	if (!json_is_real(v) || !(json_real_value(v) >= 0 && json_real_value(v) < 1e12))
		return false;
	snprintf(text, sizeof(text), "%.3f", json_real_value(v));
	return parse_decimal(text, 3, to);
}

bool rs_json_get_number(const json_t *v, double *to)
{
	char *end;

	if (json_is_number(v)) {
		*to = json_number_value(v);
		return true;
	}
	if (!json_is_string(v) || json_string_value(v)[0] != MARK)
		return false;
	*to = strtod(json_string_value(v) + 1, &end);
	return !*end;
}
