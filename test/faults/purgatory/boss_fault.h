// SPDX-License-Identifier: MIT
/* Faults build: a boss that does not wake one CPU when it orders all into HLT, or forgets it altogether. */
#ifndef PURGATORY_BOSS_FAULT_H
#define PURGATORY_BOSS_FAULT_H

#include <stdbool.h>

#include "purgatory/report.h"
#include "purgatory/slot.h"

#define BOSS_FAULT_SKIPPED 6u		/* slot.fault, with kernel/faults.h */
#define BOSS_FAULT_ABSENT 9u

static inline bool boss_fault_skips(const struct slot *slot)
{
	return slot->fault == BOSS_FAULT_SKIPPED &&
	       slot_value(shared_load_relaxed_u64(&slot->control.command)) == COMMAND_HALT;
}

static inline bool boss_fault_absent(struct slot *slot)
{
	if (slot->fault != BOSS_FAULT_ABSENT)
		return false;
	slot->boss.verdict = VERDICT_HALTED;
	return true;
}

#endif
