// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "traces/binary/binary.h"

/*
 * Metadata as a list of items: a tag, up to two numbers and two texts. What a
 * tag does not use is 0 or empty.
 */
enum tag {
	TAG_KERNEL = 1, /* text 1 */
	TAG_LEVEL,	/* text 1 */
	TAG_FACT,	/* text 1: key, text 2: value */
	TAG_VM,		/* number 1: vm, number 2: pid, text 1: command or none */
	TAG_ASSUMPTION, /* text 1 */
	TAG_ANOMALY,	/* text 1: name, number 1: count */
	TAG_LOST,	/* number 1 */
	/* number 1: their number, number 2: pid, with bit 32: text 1 is a comm and may be empty;
	 * text 2: reason, with bit 33 */
	TAG_WHO,
	TAG_IDENTITY, /* text 1 */
};

struct item {
	uint32_t tag;
	uint32_t len1, len2; /* of the texts that follow, and zeros up to 8 bytes */
	uint32_t zero;
	uint64_t n1, n2;
};

#define NO_TEXT UINT32_MAX

struct packer {
	unsigned char *bytes;
	size_t len, max;
	bool failed;
};

static void append(struct packer *p, const void *bytes, size_t n)
{
	if (p->failed || p->len + n > RS_BINARY_MAX_PAYLOAD) {
		p->failed = true;
		return;
	}
	if (RS_ROOM(p->bytes, p->max, p->len + n)) {
		p->failed = true;
		return;
	}
	memcpy(p->bytes + p->len, bytes, n);
	p->len += n;
}

static void pack(struct packer *p, uint32_t tag, uint64_t n1, uint64_t n2, const char *t1,
		 const char *t2)
{
	size_t len1 = t1 ? strlen(t1) : 0, len2 = t2 ? strlen(t2) : 0;
	struct item i = { tag, t1 ? (uint32_t)len1 : NO_TEXT, (uint32_t)len2, 0, n1, n2 };

	if (len1 > RS_BINARY_MAX_PAYLOAD || len2 > RS_BINARY_MAX_PAYLOAD) {
		p->failed = true;
		return;
	}
	append(p, &i, sizeof(i));
	if (len1)
		append(p, t1, len1);
	if (len2)
		append(p, t2, len2);
	append(p, "\0\0\0\0\0\0\0", rs_binary_padded(len1 + len2) - (len1 + len2));
}

/* Beside the pid: there is a comm, a reason. */
#define HAS_COMM (1ULL << 32)
#define HAS_REASON (1ULL << 33)

static void pack_names(struct packer *p, const struct rs_binary_names *names, size_t first,
		       size_t end)
{
	for (size_t i = first; i < end; i++) {
		const struct rs_who *who = rs_whos_get(names->whos, names->given[i]);
		const uint64_t n2 =
			who->pid | (who->comm ? HAS_COMM : 0) | (who->reason ? HAS_REASON : 0);

		pack(p, TAG_WHO, i + 1, n2, who->comm ? who->comm : "", who->reason);
	}
}

static unsigned char *packed(struct packer *p, size_t *size)
{
	if (p->failed) {
		free(p->bytes);
		return NULL;
	}
	*size = p->len;
	return p->bytes;
}

unsigned char *rs_binary_pack_names(const struct rs_binary_names *names, size_t first, size_t end,
				    size_t *size)
{
	struct packer p = { 0 };

	pack_names(&p, names, first, end);
	return packed(&p, size);
}

unsigned char *rs_binary_pack_meta(const struct rs_trace_meta *m,
				   const struct rs_binary_names *names, size_t *size)
{
	struct packer p = { 0 };

	if (m->kernel)
		pack(&p, TAG_KERNEL, 0, 0, m->kernel, NULL);
	if (m->level)
		pack(&p, TAG_LEVEL, 0, 0, m->level, NULL);
	for (size_t i = 0; i < m->nr_facts; i++)
		pack(&p, TAG_FACT, 0, 0, m->facts[i].key, m->facts[i].value);
	for (size_t i = 0; i < m->nr_vms; i++)
		pack(&p, TAG_VM, m->vms[i].vm, (uint64_t)m->vms[i].pid, m->vms[i].command, NULL);
	for (size_t i = 0; i < m->nr_assumptions; i++)
		pack(&p, TAG_ASSUMPTION, 0, 0, m->assumptions[i], NULL);
	for (size_t i = 0; i < m->nr_anomalies; i++)
		pack(&p, TAG_ANOMALY, m->anomalies[i].count, 0, m->anomalies[i].name, NULL);
	pack(&p, TAG_LOST, m->lost, 0, "", NULL);
	if (m->identity[0])
		pack(&p, TAG_IDENTITY, 0, 0, m->identity, NULL);
	pack_names(&p, names, 0, names->nr);
	return packed(&p, size);
}

/* The text of an item as a string, for the caller to free; NULL if there is no memory. */
static char *string(const unsigned char *bytes, size_t len)
{
	return strndup((const char *)bytes, len);
}

/* Each comes once, and in the order of the numbers. */
static int unpack_who(const struct item *i, char *t1, char *t2, struct rs_trace_meta *m)
{
	const struct rs_who who = {
		.pid = (uint32_t)i->n2,
		.comm = i->n2 & HAS_COMM ? t1 : NULL,
		.reason = i->n2 & HAS_REASON ? t2 : NULL,
	};
	uint32_t number;

	if (i->len2 > RS_MAX_WHO_TEXT || i->n2 >= 2 * HAS_REASON || i->len1 == NO_TEXT ||
	    (!who.comm && *t1) || (!who.reason && *t2) || i->len1 > RS_MAX_WHO_TEXT ||
	    i->n1 != m->whos.nr + 1)
		return -EINVAL;
	if (rs_whos_add(&m->whos, &who, &number))
		return -ENOMEM;
	return number == i->n1 ? 0 : -EINVAL;
}

static int unpack_item(const struct item *i, char *t1, char *t2, struct rs_trace_meta *m)
{
	switch (i->tag) {
	case TAG_KERNEL:
		return rs_meta_set_kernel(m, t1);
	case TAG_LEVEL:
		return rs_meta_set_level(m, t1);
	case TAG_FACT:
		return rs_meta_is_name(t1) ? rs_meta_add_fact(m, t1, t2) : -EINVAL;
	case TAG_VM:
		if (i->n1 > UINT32_MAX || i->n2 > INT64_MAX)
			return -EINVAL;
		return rs_meta_add_vm(m, (uint32_t)i->n1, (int64_t)i->n2,
				      i->len1 == NO_TEXT ? NULL : t1);
	case TAG_ASSUMPTION:
		return rs_meta_add_assumption(m, t1);
	case TAG_ANOMALY:
		return rs_meta_is_name(t1) ? rs_meta_add_anomaly(m, t1, i->n1) : -EINVAL;
	case TAG_LOST:
		m->lost = i->n1;
		return 0;
	case TAG_WHO:
		return unpack_who(i, t1, t2, m);
	case TAG_IDENTITY:
		if (!rs_identity_is_text(t1))
			return -EINVAL;
		memcpy(m->identity, t1, sizeof(m->identity));
		return 0;
	}
	return -EINVAL;
}

/* One item at @bytes, of tag @only unless 0; *@used is how many of the @size bytes it has. */
static int unpack(const unsigned char *bytes, size_t size, uint32_t only, size_t *used,
		  struct rs_trace_meta *m)
{
	struct item i;
	size_t len1, len2;
	char *t1, *t2;
	int rc;

	if (size < sizeof(i))
		return -EINVAL;
	memcpy(&i, bytes, sizeof(i));
	len1 = i.len1 == NO_TEXT ? 0 : i.len1;
	len2 = i.len2;
	*used = sizeof(i) + rs_binary_padded(len1 + len2);
	if (i.zero || *used > size || (only && i.tag != only))
		return -EINVAL;
	bytes += sizeof(i);
	if (memchr(bytes, '\0', len1) || memchr(bytes + len1, '\0', len2))
		return -EINVAL;
	t1 = string(bytes, len1);
	t2 = string(bytes + len1, len2);
	rc = t1 && t2 ? unpack_item(&i, t1, t2, m) : -ENOMEM;
	free(t1);
	free(t2);
	return rc;
}

int rs_binary_unpack_meta(const unsigned char *bytes, size_t size, struct rs_trace_meta *meta)
{
	struct rs_trace_meta m = { 0 };
	int rc = 0;

	while (size && !rc) {
		size_t used;

		rc = unpack(bytes, size, 0, &used, &m);
		if (!rc) {
			bytes += used;
			size -= used;
		}
	}
	if (rc) {
		rs_meta_free(&m);
		return rc;
	}
	rs_meta_free(meta);
	*meta = m;
	return 0;
}

int rs_binary_unpack_names(const unsigned char *bytes, size_t size, size_t nr,
			   struct rs_trace_meta *meta)
{
	int rc = 0;

	for (; nr && !rc; nr--) {
		size_t used;

		rc = unpack(bytes, size, TAG_WHO, &used, meta);
		if (!rc) {
			bytes += used;
			size -= used;
		}
	}
	return rc ? rc : size ? -EINVAL : 0;
}
