// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/write/json_exact.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/write/units.h"
#include "base/array.h"
#include "base/clean.h"

#define REPLACEMENT "\xef\xbf\xbd"

/* The library keeps a number of up to this many characters exactly, integer or not. */
#define SAFE_CHARACTERS 15
/* What every reader of JSON keeps exactly: integers up to this, decimals of so many digits. */
#define EXACT_DIGITS 15
/* Figures that are no exact numbers are rounded to this: more than any of them means. */
#define REAL_DIGITS 12

json_t *rs_json_u128(unsigned __int128 v)
{
	char digits[48];

	if (v <= RS_JSON_MAX_INTEGER)
		return json_integer((json_int_t)v);
	return json_string(rs_format_u128(v, digits, sizeof(digits)));
}

json_t *rs_json_u64(uint64_t v)
{
	return rs_json_u128(v);
}

json_t *rs_json_thousandths(unsigned __int128 v)
{
	char whole[48], text[64], *end;
	size_t digits;

	rs_format_u128(v / 1000, whole, sizeof(whole));
	end = text + snprintf(text, sizeof(text), "%s.%03u", whole, (unsigned int)(v % 1000));
	while (end[-1] == '0' && end[-2] != '.')
		*--end = '\0';
	digits = (size_t)(end - text) - (end[-1] == '0' ? 2 : 1);
	return digits <= EXACT_DIGITS ? json_real(strtod(text, NULL)) : json_string(text);
}

json_t *rs_json_number(double v)
{
	char text[40];

	if (!isfinite(v))
		return json_null();
	snprintf(text, sizeof(text), "%.*g", REAL_DIGITS, v);
	return json_real(strtod(text, NULL));
}

char *rs_json_utf8(const char *text)
{
	char *clean = malloc(strlen(REPLACEMENT) * strlen(text) + 1), *p = clean;
	uint32_t c;

	while (clean && *text) {
		size_t len = rs_utf8_next(text, &c);

		p = mempcpy(p, c == RS_NOT_UTF8 ? REPLACEMENT : text,
			    c == RS_NOT_UTF8 ? strlen(REPLACEMENT) : len);
		text += len;
	}
	if (clean)
		*p = '\0';
	return clean;
}

json_t *rs_json_text(const char *text)
{
	char *clean;
	json_t *v;

	if (!text)
		return json_null();
	clean = rs_json_utf8(text);
	v = clean ? json_string(clean) : NULL;
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

/* ---- writing ---- */

static void put_escaped(FILE *f, uint32_t c)
{
	if (c >= 0x10000) {
		put_escaped(f, 0xd800 + ((c - 0x10000) >> 10));
		put_escaped(f, 0xdc00 + ((c - 0x10000) & 0x3ff));
	} else {
		fprintf(f, "\\u%04" PRIx32, c);
	}
}

/* What a terminal would obey, or would not show, is escaped: the name is kept, and harmless. */
void rs_json_put_text(FILE *f, const char *text)
{
	static const char shorts[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
	const char *s;
	uint32_t c;

	fputc('"', f);
	for (size_t len; *text; text += len) {
		len = rs_plain_len(text);
		if (len) {
			fwrite(text, 1, len, f);
			continue;
		}
		len = rs_utf8_next(text, &c);
		s = strchr(shorts, *text);
		if (s)
			fprintf(f, "\\%c", names[s - shorts]);
		else if (c == RS_NOT_UTF8)
			fputs(REPLACEMENT, f);
		else if (!rs_is_printable(c))
			put_escaped(f, c);
		else
			fwrite(text, 1, len, f);
	}
	fputc('"', f);
}

/* As few digits as there are, with a point or an exponent: it is no integer. */
static void put_real(FILE *f, double v)
{
	char text[40], *e;

	snprintf(text, sizeof(text), "%.*g", EXACT_DIGITS, v);
	e = strchr(text, 'e');
	if (!e) {
		fprintf(f, "%s%s", text, strchr(text, '.') ? "" : ".0");
		return;
	}
	*e++ = '\0';
	fprintf(f, "%se%d", text, atoi(e));
}

static void put_scalar(FILE *f, const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_STRING:
		rs_json_put_text(f, json_string_value(v));
		break;
	case JSON_INTEGER:
		fprintf(f, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		break;
	case JSON_REAL:
		put_real(f, json_real_value(v));
		break;
	default:
		fputs(json_is_true(v) ? "true" : json_is_false(v) ? "false" : "null", f);
		break;
	}
}

/* A list of lists is a table: it stays on one line. */
static bool is_table(const json_t *v)
{
	const json_t *row;
	size_t i;

	json_array_foreach(v, i, row) if (!json_is_array(row)) return false;
	return json_array_size(v) > 0;
}

static void put_break(FILE *f, unsigned int indent, bool flat, bool first)
{
	if (!flat)
		fprintf(f, "%s\n%*s", first ? "" : ",", (int)indent, "");
	else if (!first)
		fputs(", ", f);
}

static void put_value(FILE *f, json_t *v, unsigned int indent, bool flat);

static void put_array(FILE *f, const json_t *v, unsigned int indent, bool flat)
{
	json_t *member;
	size_t i;

	flat |= is_table(v);
	fputc('[', f);
	json_array_foreach(v, i, member)
	{
		put_break(f, indent + 2, flat, !i);
		put_value(f, member, indent + 2, flat);
	}
	put_break(f, indent, flat || !json_array_size(v), true);
	fputc(']', f);
}

static void put_object(FILE *f, json_t *v, unsigned int indent, bool flat)
{
	bool first = true;
	const char *key;
	json_t *member;

	fputc('{', f);
	json_object_foreach(v, key, member)
	{
		put_break(f, indent + 2, flat, first);
		rs_json_put_text(f, key);
		fputs(": ", f);
		put_value(f, member, indent + 2, flat);
		first = false;
	}
	put_break(f, indent, flat || first, true);
	fputc('}', f);
}

static void put_value(FILE *f, json_t *v, unsigned int indent, bool flat)
{
	if (json_is_array(v))
		put_array(f, v, indent, flat);
	else if (json_is_object(v))
		put_object(f, v, indent, flat);
	else
		put_scalar(f, v);
}

void rs_json_put(FILE *f, json_t *v)
{
	put_value(f, v, 0, true);
}

int rs_json_write(FILE *f, json_t *root)
{
	put_value(f, root, 0, false);
	fputc('\n', f);
	return ferror(f) ? -EIO : 0;
}

/* ---- reading ---- */

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

static size_t digits(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] >= '0' && s[n] <= '9')
		n++;
	return n;
}

/*
 * The length of the JSON number at @s if it is one without an exponent that is too long
 * for the library to be exact with, else 0.
 */
static size_t long_number(const char *s, size_t len)
{
	size_t n = len && *s == '-', whole = digits(s + n, len - n), fraction;

	if (!whole || (whole > 1 && s[n] == '0'))
		return 0;
	n += whole;
	if (n < len && s[n] == '.') {
		fraction = digits(s + n + 1, len - n - 1);
		if (!fraction)
			return 0;
		n += 1 + fraction;
	}
	return n <= SAFE_CHARACTERS || (n < len && strchr("eE.", s[n])) ? 0 : n;
}

/* The length of what stands at @s: a string, a word or number, or else one character. */
static size_t token_length(const char *s, size_t len)
{
	size_t n = 1;

	if (*s == '"') {
		while (n < len && s[n] != '"')
			n += s[n] == '\\' && n + 1 < len ? 2 : 1;
		return n < len ? n + 1 : len;
	}
	while (n < len && (isalnum((unsigned char)*s) || *s == '-') &&
	       (isalnum((unsigned char)s[n]) || strchr("+-.", s[n])) && s[n])
		n++;
	return n;
}

/* Copies @text with every number that is too long for the library as a string. */
static char *quote_numbers(const char *text, size_t len, size_t *quoted_len)
{
	/* A number of 16 characters grows by 2, a longer one by less in proportion. */
	char *quoted = malloc(len + len / 4 + 16), *p = quoted;

	for (size_t i = 0, n; quoted && i < len; i += n) {
		bool quote;

		n = token_length(text + i, len - i);
		quote = long_number(text + i, n) == n;
		if (quote)
			*p++ = '"';
		p = mempcpy(p, text + i, n);
		if (quote)
			*p++ = '"';
	}
	*quoted_len = (size_t)(p - quoted);
	return quoted;
}

static json_t *no_memory(struct rs_error *err)
{
	rs_error_nomem(err);
	errno = ENOMEM;
	return NULL;
}

json_t *rs_json_read(FILE *f, struct rs_error *err)
{
	size_t len, quoted_len = 0;
	char *text = read_all(f, &len), *quoted;
	json_error_t je;
	json_t *root;

	if (!text) {
		rs_error_set(err, errno == EISDIR ? RS_ERR_INPUT : RS_ERR_SYSTEM, errno,
			     "cannot be read: %s", strerror(errno));
		return NULL;
	}
	quoted = quote_numbers(text, len, &quoted_len);
	free(text);
	if (!quoted)
		return no_memory(err);
	note_memory();
	root = json_loadb(quoted, quoted_len, JSON_REJECT_DUPLICATES, &je);
	free(quoted);
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

/*
 * The digits of @v if it is a string of a number too long for the library to be exact
 * with: written so, or made one by the reader. NULL if not.
 */
static const char *long_text(const json_t *v)
{
	const char *text = json_string_value(v);
	size_t len = text ? strlen(text) : 0;

	return len && long_number(text, len) == len && *text != '-' ? text : NULL;
}

bool rs_json_get_u128(const json_t *v, unsigned __int128 *to)
{
	const char *text = long_text(v);

	if (text)
		return !strchr(text, '.') && parse_decimal(text, 0, to);
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
	const char *text = long_text(v);
	char digits_of[40];

	if (text)
		return parse_decimal(text, 3, to);
	if (json_is_integer(v) && json_integer_value(v) >= 0) {
		*to = (unsigned __int128)json_integer_value(v) * 1000;
		return true;
	}
	if (!json_is_real(v))
		return false;
	/* What is in a real has no more digits than this; an exponent is none of them. */
	snprintf(digits_of, sizeof(digits_of), "%.*g", EXACT_DIGITS, json_real_value(v));
	return parse_decimal(digits_of, 3, to);
}

bool rs_json_get_number(const json_t *v, double *to)
{
	const char *text = json_is_string(v) ? json_string_value(v) : NULL;

	if (json_is_number(v))
		*to = json_number_value(v);
	else if (text && strlen(text) > SAFE_CHARACTERS &&
		 long_number(text, strlen(text)) == strlen(text))
		*to = strtod(text, NULL);
	else
		return false;
	return isfinite(*to);
}
