// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/report/fleet.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/compare/rank.h"
#include "analysis/report/derive.h"
#include "base/array.h"
#include "base/table.h"
#include "base/textbuf.h"

/* Of so few stalls the mean is chance. */
#define STALLS_ENOUGH 30
/* The MAD, and the mean distance, of a normal distribution are so many times less than sigma. */
#define MAD_TO_SIGMA 1.4826
#define MEAN_TO_SIGMA 1.2533

static const char *const figure_names[] = { "rejected_share",	    "spurious_share",
					    "spurious_alias_share", "aliased_share",
					    "stall_mean_ns",	    "lost_share" };
static const char *const by_names[] = { "host", "kernel", "vm", "group" };

const char *rs_fleet_figure_name(unsigned int figure)
{
	return figure_names[figure];
}

const char *rs_fleet_by_name(enum rs_fleet_by by)
{
	return by_names[by];
}

/* ---- units ---- */

struct collection {
	struct rs_fleet *fleet;
	struct rs_hash by_key;
};

static const char *host_of(const struct rs_report_source *s)
{
	return s->host ? s->host : s->path ? s->path : "unknown";
}

static void put_vm(FILE *f, const struct rs_report_source *s, const struct rs_report_part *p)
{
	if (p->pid)
		fprintf(f, "%s pid %" PRId64, host_of(s), p->pid);
	else
		fprintf(f, "%s VM %" PRIu32, host_of(s), p->vm);
	if (p->command)
		fprintf(f, " (%s)", p->command);
}

static void put_name(FILE *f, enum rs_fleet_by by, const struct rs_report_source *s,
		     const struct rs_report_part *p)
{
	switch (by) {
	case RS_FLEET_HOST:
		fputs(host_of(s), f);
		break;
	case RS_FLEET_KERNEL:
		fputs(s->kernel ? s->kernel : "unknown", f);
		break;
	case RS_FLEET_VM:
		put_vm(f, s, p);
		break;
	case RS_FLEET_GROUP:
		fputs(s->group ? s->group : "none", f);
		break;
	}
}

/*
 * What tells units apart. The pids of a host are others after a boot, and the numbers of VMs
 * and what has no name others in each trace.
 */
static void put_key(FILE *f, enum rs_fleet_by by, const struct rs_report_source *s,
		    const struct rs_report_part *p)
{
	put_name(f, by, s, p);
	if (by == RS_FLEET_VM)
		fprintf(f, "\n%s\n%s", s->boot_id ? s->boot_id : "",
			p->pid && s->boot_id ? ""
			: s->path	     ? s->path
					     : "");
}

static char *text_of(void (*put)(FILE *f, enum rs_fleet_by by, const struct rs_report_source *s,
				 const struct rs_report_part *p),
		     enum rs_fleet_by by, const struct rs_report_source *s,
		     const struct rs_report_part *p)
{
	char *text = NULL;
	size_t size;
	FILE *f = rs_textbuf_open(&text, &size);

	if (!f)
		return NULL;
	put(f, by, s, p);
	if (!fclose(f))
		return text;
	free(text);
	return NULL;
}

struct wanted {
	const struct rs_fleet *fleet;
	const char *key;
};

static bool is_key(const void *arg, uint32_t i)
{
	const struct wanted *w = arg;

	return !strcmp(w->fleet->units[i].key, w->key);
}

/* The unit of @p, a part of @s, or of all of @s; NULL without memory. */
static struct rs_fleet_unit *unit_of(struct collection *c, const struct rs_report_source *s,
				     const struct rs_report_part *p)
{
	struct rs_fleet *fleet = c->fleet;
	struct rs_fleet_unit *u;
	char *key = text_of(put_key, fleet->by, s, p);
	uint32_t n;

	if (!key)
		return NULL;
	n = rs_hash_find(&c->by_key, rs_hash_string(key), is_key, &(struct wanted){ fleet, key });
	if (n != RS_HASH_NONE) {
		free(key);
		return &fleet->units[n];
	}
	if (RS_ROOM_FOR_ONE(fleet->units, fleet->nr)) {
		free(key);
		return NULL;
	}
	u = &fleet->units[fleet->nr];
	*u = (struct rs_fleet_unit){ .key = key, .name = text_of(put_name, fleet->by, s, p) };
	n = (uint32_t)fleet->nr++;
	return u->name && !rs_hash_add(&c->by_key, rs_hash_string(key), n) ? u : NULL;
}

static void add_part(struct rs_fleet *fleet, struct rs_fleet_unit *u, size_t algo,
		     const struct rs_report_part *p)
{
	u->vms++;
	u->checked += p->checked;
	u->frames += p->frames;
	u->aliased_frames += p->aliased_frames;
	if (!algo)
		return;
	fleet->known = true;
	u->judged += p->checked;
	u->doing.rejected += p->doings[algo - 1].rejected;
	u->doing.spurious += p->doings[algo - 1].spurious;
	u->doing.alias += p->doings[algo - 1].alias;
	u->doing.stalls += p->doings[algo - 1].stalls;
	u->doing.stall_ns += p->doings[algo - 1].stall_ns;
}

/* What was lost is of the whole trace, so a VM by itself tells nothing of it. */
static int add_source(struct collection *c, const struct rs_report *rep,
		      const struct rs_report_source *s)
{
	struct rs_fleet *fleet = c->fleet;
	const size_t algo = rs_algo_find(rep->result, fleet->algo ? fleet->algo : s->kernel_algo);
	struct rs_fleet_unit *u = NULL;

	if (fleet->by != RS_FLEET_VM) {
		u = unit_of(c, s, NULL);
		if (!u)
			return -ENOMEM;
		u->traces++;
		u->events += s->events;
		u->lost += s->lost;
		/* A sum of before there were parts. */
		u->checked += s->nr_parts ? 0 : s->checked;
		u->vms += s->nr_parts ? 0 : s->vms;
	}
	for (size_t i = 0; i < s->nr_parts; i++) {
		if (fleet->by == RS_FLEET_VM) {
			u = unit_of(c, s, &s->parts[i]);
			if (!u)
				return -ENOMEM;
			u->traces++;
		}
		add_part(fleet, u, algo, &s->parts[i]);
	}
	return 0;
}

/* ---- who stands out ---- */

static double share(double part, double base)
{
	return base > 0 ? part / base : NAN;
}

static void fill_values(struct rs_fleet_unit *u)
{
	const struct rs_report_doing *d = &u->doing;

	u->values[RS_FLEET_REJECTED] = share((double)d->rejected, (double)u->judged);
	u->values[RS_FLEET_NEEDLESS] = share((double)d->spurious, (double)u->judged);
	u->values[RS_FLEET_ALIAS] = share((double)d->alias, (double)u->judged);
	u->values[RS_FLEET_ALIASED] = share((double)u->aliased_frames, (double)u->frames);
	u->values[RS_FLEET_STALL] = share((double)d->stall_ns, (double)d->stalls);
	u->values[RS_FLEET_LOST] = share((double)u->lost, (double)u->events + (double)u->lost);
}

/*
 * Sigma as @nr @distances from a median tell it. Where more than half have the median itself
 * their mean is all there is.
 */
static double spread(const double *distances, size_t nr, double mad)
{
	double sum = 0;

	if (mad > 0)
		return MAD_TO_SIGMA * mad;
	for (size_t i = 0; i < nr; i++)
		sum += distances[i];
	return MEAN_TO_SIGMA * sum / (double)nr;
}

/* Sigma that chance alone gives the share of @u, if all units have the same, @common, in truth. */
static double chance(const struct rs_fleet_unit *u, unsigned int figure, double common)
{
	if (figure > RS_FLEET_ALIAS)
		return 0;
	return sqrt(common * (1 - common) / (double)u->judged);
}

static bool tells(const struct rs_fleet_unit *u, unsigned int figure)
{
	return !isnan(u->values[figure]) &&
	       (figure != RS_FLEET_STALL || u->doing.stalls >= STALLS_ENOUGH);
}

/* The share of all units together. */
static double common_share(const struct rs_fleet *fleet, unsigned int figure)
{
	double part = 0, base = 0;

	for (size_t i = 0; i < fleet->nr; i++) {
		const struct rs_fleet_unit *u = &fleet->units[i];

		if (!tells(u, figure))
			continue;
		part += u->values[figure] * (double)u->judged;
		base += (double)u->judged;
	}
	return base > 0 ? part / base : 0;
}

static void judge_unit(struct rs_fleet_unit *u, unsigned int figure, double middle, double sigma,
		       double common)
{
	const double distance = u->values[figure] - middle;

	if (distance == 0 || fabs(distance) <= RS_FLEET_FAR * sigma ||
	    fabs(distance) <= RS_FLEET_FAR * chance(u, figure, common))
		return;
	u->away[figure] = distance / sigma;
	u->most = fmax(u->most, fabs(u->away[figure]));
}

/* @list has room for a number for each unit. */
static void judge_figure(struct rs_fleet *fleet, unsigned int figure, double *list)
{
	const double common = common_share(fleet, figure);
	size_t nr = 0;
	double sigma;

	for (size_t i = 0; i < fleet->nr; i++)
		if (tells(&fleet->units[i], figure))
			list[nr++] = fleet->units[i].values[figure];
	fleet->median[figure] = fleet->mad[figure] = NAN;
	if (nr < RS_FLEET_ENOUGH)
		return;
	fleet->median[figure] = rs_rank_median(list, nr);
	for (size_t i = 0; i < nr; i++)
		list[i] = fabs(list[i] - fleet->median[figure]);
	fleet->mad[figure] = rs_rank_median(list, nr);
	sigma = spread(list, nr, fleet->mad[figure]);
	for (size_t i = 0; i < fleet->nr; i++)
		if (tells(&fleet->units[i], figure))
			judge_unit(&fleet->units[i], figure, fleet->median[figure], sigma, common);
}

/* Those that stand out most, then those with most needless rejections, then by name. */
static int by_oddity(const void *pa, const void *pb)
{
	const struct rs_fleet_unit *a = pa, *b = pb;
	const double na = a->values[RS_FLEET_NEEDLESS], nb = b->values[RS_FLEET_NEEDLESS];

	if (a->most != b->most)
		return a->most < b->most ? 1 : -1;
	if (isnan(na) != isnan(nb))
		return isnan(na) ? 1 : -1;
	if (!isnan(na) && na != nb)
		return na < nb ? 1 : -1;
	return strcmp(a->key, b->key);
}

static int judge(struct rs_fleet *fleet)
{
	double *list = calloc(fleet->nr + 1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < fleet->nr; i++)
		fill_values(&fleet->units[i]);
	for (unsigned int figure = 0; figure < RS_FLEET_FIGURES; figure++)
		judge_figure(fleet, figure, list);
	free(list);
	if (fleet->nr)
		qsort(fleet->units, fleet->nr, sizeof(*fleet->units), by_oddity);
	return 0;
}

struct rs_fleet *rs_fleet_new(const struct rs_report *rep, enum rs_fleet_by by, const char *algo,
			      struct rs_error *err)
{
	struct rs_fleet *fleet;
	struct collection c;
	int rc = 0;

	if (algo && rep->result->nr_vms && !rs_algo_find(rep->result, algo)) {
		rs_error_set(err, RS_ERR_INPUT, EINVAL, "the reports have no algorithm %s", algo);
		return NULL;
	}
	fleet = calloc(1, sizeof(*fleet));
	if (!fleet) {
		rs_error_nomem(err);
		return NULL;
	}
	fleet->by = by;
	fleet->algo = algo;
	fleet->closed = rep->result->closed;
	c = (struct collection){ .fleet = fleet };
	for (size_t i = 0; !rc && i < rep->nr_sources; i++)
		rc = add_source(&c, rep, &rep->sources[i]);
	rs_hash_free(&c.by_key);
	if (!rc && !judge(fleet))
		return fleet;
	rs_error_nomem(err);
	rs_fleet_free(fleet);
	return NULL;
}

void rs_fleet_free(struct rs_fleet *fleet)
{
	if (!fleet)
		return;
	for (size_t i = 0; i < fleet->nr; i++) {
		free(fleet->units[i].name);
		free(fleet->units[i].key);
	}
	free(fleet->units);
	free(fleet);
}
