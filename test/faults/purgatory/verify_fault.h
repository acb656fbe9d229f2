// SPDX-License-Identifier: MIT
/* Faults build: segments of one kind are not verified. */
#ifndef PURGATORY_VERIFY_FAULT_H
#define PURGATORY_VERIFY_FAULT_H

#include <stdbool.h>

#include "kernel/faults.h"
#include "purgatory/plan.h"
#include "purgatory/slot.h"
#include "x86/cpu.h"

static inline bool verify_fault_skips(const struct plan *plan, uint32_t kind)
{
	const struct slot *boss = (const struct slot *)cpu_phys_pointer(plan->slots) + plan->boss_slot;

	return boss->fault == FAULT_BOSS_SKIPS + kind;
}

#endif
