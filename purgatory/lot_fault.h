// SPDX-License-Identifier: MIT
/* The faults build has its own file of this name earlier in the include path; here nothing misbehaves. */
#ifndef PURGATORY_LOT_FAULT_H
#define PURGATORY_LOT_FAULT_H

#include <stdbool.h>

#include "purgatory/slot.h"

static inline void lot_fault(struct slot *slot)
{
	(void)slot;
}

/* True if the CPU has slept already, in a way that no store ends. */
static inline bool lot_fault_slept(const struct slot *slot)
{
	(void)slot;
	return false;
}

#endif
