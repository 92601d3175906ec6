/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_ANALYSIS_HTML_SVG_H
#define RS_ANALYSIS_HTML_SVG_H

#include <stddef.h>
#include <stdio.h>

/*
 * Writes gnuplot's picture @svg, of @size bytes, as part of a page: without the declarations at its
 * begin, and with names of its own, by @number, for what it defines and uses.
 */
void rs_html_put_svg(FILE *f, const char *svg, size_t size, size_t number);

#endif
