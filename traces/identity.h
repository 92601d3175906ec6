/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_TRACES_IDENTITY_H
#define RS_TRACES_IDENTITY_H

#include <stddef.h>

#include "traces/event.h"

/*
 * What a trace is known by, whatever form it is in and wherever it lies: XXH3 with 128 bits
 * of its events in their order, as 32 hexadecimal digits. Who did it is left out, since his
 * number is another one in another form. A trace without events has none: nothing tells it
 * from another one.
 */
#define RS_IDENTITY_SIZE 33 /* with the NUL */

struct rs_identity;

/* Of no events so far. NULL without memory. */
struct rs_identity *rs_identity_new(void);
/* Takes the next events of the trace. */
void rs_identity_add(struct rs_identity *id, const struct rs_event *evs, size_t n);
/* That of all events so far; "" if there was none. */
void rs_identity_get(const struct rs_identity *id, char text[RS_IDENTITY_SIZE]);
/* NULL is fine. */
void rs_identity_free(struct rs_identity *id);

/* Whether @text can be one. */
bool rs_identity_is_text(const char *text);

#endif
