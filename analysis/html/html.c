// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/html/html.h"

#include <errno.h>
#include <string.h>

#include "analysis/html/html_svg.h"
#include "analysis/report/report_parts.h"
#include "analysis/write/markup.h"
#include "analysis/write/units.h"

/*
 * Sorts a table by the column whose heading is clicked, or has the focus when Enter is pressed:
 * numbers the largest first, texts by name; again: the other way round.
 */
#define SCRIPT                                                                                    \
	"document.querySelectorAll('table').forEach(function(t){"                                 \
	"var h=[].slice.call(t.tHead.rows[0].cells),b=t.tBodies[0];"                              \
	"function sort(c){"                                                                       \
	"var d=h[c].getAttribute('aria-sort'),n=b.rows[0]&&b.rows[0].cells[c].dataset.v,"         \
	"up=d?d==='descending':n===undefined;"                                                    \
	"h.forEach(function(x){x.removeAttribute('aria-sort')});"                                 \
	"h[c].setAttribute('aria-sort',up?'ascending':'descending');"                             \
	"[].slice.call(b.rows).sort(function(x,y){"                                               \
	"var p=x.cells[c],q=y.cells[c],r=n===undefined?"                                          \
	"p.textContent.localeCompare(q.textContent,'en',{numeric:true}):p.dataset.v-q.dataset.v;" \
	"return up?r:-r"                                                                          \
	"}).forEach(function(r){b.appendChild(r)})}"                                              \
	"h.forEach(function(x,c){x.tabIndex=0;x.className='sorts';"                               \
	"x.addEventListener('click',function(){sort(c)});"                                        \
	"x.addEventListener('keydown',function(e){if(e.key==='Enter')sort(c)})})});"
/* Its SHA-256: a browser runs no other script of the page. tests/check/html.sh holds it to that. */
#define SCRIPT_HASH "sha256-5LqGnzLKw05jgx9WXv5Q25iLhtYpPOV6EObGQgLqesI="

#define MAX_VMS 24 /* have their figures beside those of all together */

static const char style[] =
	"body{font:16px/1.5 sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#222;"
	"background:#fff}h1{font-size:1.6em}h2{margin-top:2em;border-bottom:1px solid #ccc}"
	"p{max-width:46em}.answer{font-size:1.15em}.item{margin:.3em 0 .3em 1em;"
	"text-indent:-1em}.part{margin:.2em 0 .2em 1.5em}"
	".term{margin:.1em 0 .1em 1em}"
	"table{border-collapse:collapse;margin:1em 0;font-variant-numeric:tabular-nums}"
	"th,td{padding:.15em .7em;text-align:right;border-bottom:1px solid #e4e4e4}"
	"th{border-bottom:1px solid #888;vertical-align:bottom}"
	"th:first-child,td:not([data-v]){text-align:left}"
	".sorts{cursor:pointer}.sorts:hover{background:#eef}"
	"[aria-sort=ascending]::after{content:' \\2191'}"
	"[aria-sort=descending]::after{content:' \\2193'}"
	"figure{margin:1.5em 0}svg{max-width:100%;height:auto;border:1px solid #eee}"
	"pre{overflow-x:auto;background:#f6f6f6;padding:.7em;font-size:.8em;line-height:1.35}";

static void put_head(FILE *f, const char *title)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	      "img-src data:; style-src 'unsafe-inline'; script-src '" SCRIPT_HASH "'\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width\">\n<title>",
	      f);
	rs_html_put(f, title);
	fprintf(f, "</title>\n<style>%s</style>\n</head>\n<body>\n<h1>", style);
	rs_html_put(f, title);
	fputs("</h1>\n", f);
}

static void put_heading(FILE *f, unsigned int level, const char *text)
{
	fprintf(f, "<h%u>", level);
	rs_html_put(f, text);
	fprintf(f, "</h%u>\n", level);
}

/* ---- the answer ---- */

/* One algorithm is compared to none. */
static void put_rejections(struct rs_page *p, const struct rs_vm_result *v)
{
	char rejected[32], needless[32];

	rs_para(p, 0, 0, "%s rejects %s of them, %s needlessly.", v->algos[0].name,
		rs_format_count(v->algos[0].rejected, rejected, sizeof(rejected)),
		rs_format_count(v->algos[0].spurious, needless, sizeof(needless)));
}

static void put_answer(struct rs_page *p, const struct rs_report *rep, const struct rs_vm_result *v,
		       const char *who)
{
	fputs("<div class=\"answer\">\n", p->f);
	rs_part_headline(p, rep, v, who);
	if (!rs_part_sentences(p, rep, v) && v->checked && rep->result->nr_algos &&
	    !rep->result->counts_only)
		put_rejections(p, v);
	fputs("</div>\n", p->f);
}

/* ---- the parts ---- */

static void put_vm(struct rs_page *p, const struct rs_report *rep, const struct rs_vm_result *v)
{
	if (v->checked || v->inval_hit) {
		rs_part_answer(p, rep, v);
		rs_part_missed(p, rep, v);
		rs_part_agreement(p, rep, v);
		if (!rep->result->counts_only)
			rs_part_tables(p, rep, v);
	}
	rs_part_contents(p, v);
}

static void put_picture(FILE *f, const struct rs_html_picture *picture, size_t number)
{
	fputs("<figure>\n", f);
	if (picture->svg)
		rs_html_put_svg(f, picture->svg, picture->size, number);
	fputs("<figcaption>", f);
	rs_html_put(f, picture->title);
	if (!picture->svg) {
		fputs(": ", f);
		rs_html_put(f, picture->instead);
	}
	fputs("</figcaption>\n</figure>\n", f);
}

static void put_pictures(FILE *f, const struct rs_html *h)
{
	if (h->nr_pictures)
		put_heading(f, 2, "Pictures");
	for (size_t i = 0; i < h->nr_pictures; i++)
		put_picture(f, &h->pictures[i], i);
}

static void put_tops(struct rs_page *p, const struct rs_html *h)
{
	if (!h->nr_tops)
		return;
	put_heading(p->f, 2, "Whose doing it is");
	rs_para(p, 0, 0,
		"Rejections by %s, added up by what they are put down to (docs/model.md, Blame).",
		h->judge);
	for (size_t i = 0; i < h->nr_tops; i++) {
		put_heading(p->f, 3, h->tops[i].title);
		rs_top_write_page(p, &h->tops[i].table, RS_HTML_ROWS);
	}
}

static void put_moments(struct rs_page *p, const struct rs_html *h)
{
	if (!h->nr_moments)
		return;
	put_heading(p->f, 2, "The worst moments");
	rs_para(p, 0, 0,
		"The faults that were tried again for longest, as they were recorded; judged by "
		"%s.",
		h->judge);
	for (size_t i = 0; i < h->nr_moments; i++) {
		put_picture(p->f, &h->moments[i].picture, h->nr_pictures + i);
		fputs("<pre>", p->f);
		rs_html_put_lines(p->f, h->moments[i].text);
		fputs("</pre>\n", p->f);
	}
}

/* Of one VM its own figures, of several those of their sum first. */
static void put_all(struct rs_page *p, const void *arg, const struct rs_vm_result *all,
		    const char *who)
{
	const struct rs_html *h = arg;
	const struct rs_report *rep = h->report;
	const struct rs_result *r = rep->result;
	char name[128];

	put_answer(p, rep, all, who);
	rs_part_cautions(p, rep);
	if (h->missing)
		rs_para(p, 0, 0, "%s", h->missing);
	put_heading(p->f, 2, "Figures");
	put_vm(p, rep, all);
	for (size_t i = 0; r->nr_vms > 1 && i < r->nr_vms && i < MAX_VMS; i++) {
		put_heading(p->f, 3, rs_part_vm_name(rep, r->vms[i].vm, name, sizeof(name)));
		rs_part_headline(p, rep, &r->vms[i], name);
		put_vm(p, rep, &r->vms[i]);
	}
	if (r->nr_vms > MAX_VMS)
		rs_para(p, 0, 0, "(%zu more VMs: `retryscope replay` has them)",
			r->nr_vms - MAX_VMS);
	put_pictures(p->f, h);
	put_tops(p, h);
	put_moments(p, h);
}

int rs_html_write(FILE *f, const struct rs_html *h)
{
	const struct rs_report *rep = h->report;
	struct rs_page p = { .f = f, .html = true };
	char title[512];

	if (rep->path)
		snprintf(title, sizeof(title), "Faults that KVM retries: %s",
			 strcmp(rep->path, "-") ? rep->path : "standard input");
	else
		snprintf(title, sizeof(title), "Faults that KVM retries: %zu traces",
			 rep->nr_sources);
	put_head(f, title);
	rs_part_whole(&p, rep, put_all, h);
	put_heading(f, 2, "Method and limits");
	rs_part_method(&p, rep);
	rs_part_limits(&p, rep);
	put_heading(f, 2, "To do it again");
	rs_part_reproduction(&p, rep);
	fputs("<script>" SCRIPT "</script>\n</body>\n</html>\n", f);
	return p.err ? p.err : ferror(f) ? -EIO : 0;
}
