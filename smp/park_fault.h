// SPDX-License-Identifier: MIT
/* The faults build has its own file of this name earlier in the include path; here every CPU goes to the lot. */
#ifndef SMP_PARK_FAULT_H
#define SMP_PARK_FAULT_H

#include "purgatory/slot.h"

static inline void park_fault(const struct slot *slot, uint64_t lot_enter)
{
	(void)slot;
	(void)lot_enter;
}

#endif
