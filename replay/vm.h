/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef RS_REPLAY_VM_H
#define RS_REPLAY_VM_H

#include "traces/vm.h"

#endif
