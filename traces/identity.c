// SPDX-License-Identifier: GPL-2.0-only
#include "traces/identity.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef RS_HAVE_XXH_DISPATCH
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

/* Events that are copied at once: they stay in the nearest cache until they are hashed. */
#define BATCH 64

struct rs_identity {
	XXH3_state_t *state;
	uint64_t nr;
};

struct rs_identity *rs_identity_new(void)
{
	struct rs_identity *id = calloc(1, sizeof(*id));

	if (!id)
		return NULL;
	id->state = XXH3_createState();
	if (id->state && XXH3_128bits_reset(id->state) == XXH_OK)
		return id;
	rs_identity_free(id);
	return NULL;
}

void rs_identity_free(struct rs_identity *id)
{
	if (!id)
		return;
	XXH3_freeState(id->state);
	free(id);
}

void rs_identity_add(struct rs_identity *id, const struct rs_event *evs, size_t n)
{
	struct rs_event batch[BATCH];

	id->nr += n;
	for (size_t nr; n; n -= nr, evs += nr) {
		nr = n < BATCH ? n : BATCH;
		for (size_t i = 0; i < nr; i++) {
			batch[i] = evs[i];
			if (rs_event_has_who(evs[i].type))
				batch[i].raw.half[1] = 0;
		}
		XXH3_128bits_update(id->state, batch, nr * sizeof(*batch));
	}
}

void rs_identity_get(const struct rs_identity *id, char text[RS_IDENTITY_SIZE])
{
	const XXH128_hash_t hash = XXH3_128bits_digest(id->state);

	if (id->nr)
		snprintf(text, RS_IDENTITY_SIZE, "%016" PRIx64 "%016" PRIx64, hash.high64,
			 hash.low64);
	else
		text[0] = '\0';
}

bool rs_identity_is_text(const char *text)
{
	return strlen(text) == RS_IDENTITY_SIZE - 1 &&
	       strspn(text, "0123456789abcdef") == RS_IDENTITY_SIZE - 1;
}
