/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_FORMS_H
#define RS_TRACES_FORMS_H

#include "traces/trace.h"

/* The form whose first bytes these are, or the one named; NULL if there is none. */
const struct rs_form_ops *rs_form_of_head(const unsigned char *head, size_t len);
const struct rs_form_ops *rs_form_ops(enum rs_form form);

#endif
