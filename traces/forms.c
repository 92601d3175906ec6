// SPDX-License-Identifier: GPL-2.0-only
#include "traces/forms.h"

#include "traces/binary/binary.h"
#include "traces/text/text.h"
#include "traces/dat/dat.h"
#include "traces/ftrace/ftrace.h"
#include "traces/mtree/mtree.h"

/* A new form is one line here. */
static const struct rs_form_ops *const forms[] = {
	&rs_text_ops,	    &rs_trace_dat_ops, &rs_binary_ops,
	&rs_binary_raw_ops, &rs_mtree_ops,     &rs_ftrace_ops,
};

static const char *const form_names[RS_NR_FORMS] = {
	[RS_FORM_UNKNOWN] = "unknown",
	[RS_FORM_TRACE_DAT] = "trace.dat",
	[RS_FORM_TEXT] = "text",
	[RS_FORM_BINARY] = "binary",
	[RS_FORM_BINARY_RAW] = "raw binary",
	[RS_FORM_MTREE] = "info mtree -f",
	[RS_FORM_FTRACE] = "ftrace text",
};

#define NR_FORMS (sizeof(forms) / sizeof(forms[0]))

const struct rs_form_ops *rs_form_of_head(const unsigned char *head, size_t len)
{
	for (size_t i = 0; i < NR_FORMS; i++)
		if (forms[i]->probe(head, len))
			return forms[i];
	return NULL;
}

const struct rs_form_ops *rs_form_ops(enum rs_form form)
{
	for (size_t i = 0; i < NR_FORMS; i++)
		if (forms[i]->form == form)
			return forms[i];
	return NULL;
}

const char *rs_form_name(enum rs_form form)
{
	return (unsigned int)form < RS_NR_FORMS ? form_names[form] : NULL;
}
