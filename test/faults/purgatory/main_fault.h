// SPDX-License-Identifier: MIT
/* Faults build: the boss makes an exception inside the block, and maybe another one in its handler. */
#ifndef PURGATORY_MAIN_FAULT_H
#define PURGATORY_MAIN_FAULT_H

#include "kernel/faults.h"
#include "lib/engine_fault.h"
#include "purgatory/plan.h"
#include "purgatory/slot.h"
#include "x86/cpu.h"
#include "x86/regs.h"

static inline uint32_t boss_fault(const struct plan *plan)
{
	return ((const struct slot *)cpu_phys_pointer(plan->slots))[plan->boss_slot].fault;
}

/* The table ends behind #DF's gate, so #PF gives #GP, which gives #DF. */
static inline void fault_twice(void)
{
	struct { uint16_t limit; uint64_t base; } __attribute__((packed)) table;

	__asm__ volatile("sidt %0" : "=m"(table));
	table.limit = (VECTOR_DF + 1) * 16 - 1;
	__asm__ volatile("lidt %0; movb (%1), %%al" : : "m"(table), "r"(1ull << 46) : "al");
}

static inline void main_fault(const struct plan *plan)
{
	if (boss_fault(plan) == FAULT_BOSS_CRASH || boss_fault(plan) == FAULT_BOSS_CRASH_TWICE)
		__asm__ volatile("ud2");
	if (boss_fault(plan) == FAULT_BOSS_DOUBLE)
		fault_twice();
	while (boss_fault(plan) == FAULT_BOSS_HANG)
		cpu_relax();
}

static inline void engines_fault(const struct plan *plan)
{
	engine_fault_mask = boss_fault(plan) >= FAULT_BOSS_ENGINES ? boss_fault(plan) - FAULT_BOSS_ENGINES : 0;
}

static inline void handler_fault(const struct plan *plan)
{
	if (boss_fault(plan) == FAULT_BOSS_CRASH_TWICE)
		__asm__ volatile("ud2");
}

#endif
