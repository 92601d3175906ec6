/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_MODEL_MODEL_H
#define RS_REPLAY_MODEL_MODEL_H

/*
 * The door of replay/model/, for all that judges faults: what is outstanding and what it
 * covers, sets of ranges, which events are sound, and how long nothing is known after a
 * loss. The loop over all events also takes the steps of inval_table.h into itself.
 */
#include "base/pieces.h"
#include "replay/model/blackout.h"
#include "replay/model/inval.h"
#include "replay/model/sound.h"
#include "replay/model/spans.h"

#endif
