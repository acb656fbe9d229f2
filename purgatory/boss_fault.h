// SPDX-License-Identifier: MIT
/* The faults build has its own file of this name earlier in the include path; here nobody is forgotten. */
#ifndef PURGATORY_BOSS_FAULT_H
#define PURGATORY_BOSS_FAULT_H

#include <stdbool.h>

#include "purgatory/slot.h"

/* True if that CPU gets no NMI with the command that it has. */
static inline bool boss_fault_skips(const struct slot *slot)
{
	(void)slot;
	return false;
}

/* True if that CPU gets no command at all, and counts as halted. */
static inline bool boss_fault_absent(const struct slot *slot)
{
	(void)slot;
	return false;
}

#endif
