// SPDX-License-Identifier: MIT
/* Faults build: the boss makes an exception inside the block, and maybe another one in its handler. */
#ifndef PURGATORY_MAIN_FAULT_H
#define PURGATORY_MAIN_FAULT_H

#include "kernel/faults.h"
#include "purgatory/plan.h"
#include "purgatory/slot.h"
#include "x86/cpu.h"

static inline uint32_t boss_fault(const struct plan *plan)
{
	return ((const struct slot *)cpu_phys_pointer(plan->slots))[plan->boss_slot].fault;
}

static inline void main_fault(const struct plan *plan)
{
	if (boss_fault(plan) == FAULT_BOSS_CRASH || boss_fault(plan) == FAULT_BOSS_CRASH_TWICE)
		__asm__ volatile("ud2");
	while (boss_fault(plan) == FAULT_BOSS_HANG)
		cpu_relax();
}

static inline void handler_fault(const struct plan *plan)
{
	if (boss_fault(plan) == FAULT_BOSS_CRASH_TWICE)
		__asm__ volatile("ud2");
}

#endif
