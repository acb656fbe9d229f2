// SPDX-License-Identifier: MIT
/*
 * Faults build: a parked CPU that ignores its next command, in the way that slot.fault names. It behaves again once
 * the boss has sent it INIT, so that the recall (protocol rule 14) can be seen to work; FAULT_DEAD never does.
 */
#ifndef PURGATORY_LOT_FAULT_H
#define PURGATORY_LOT_FAULT_H

#include "purgatory/slot.h"
#include "x86/cpu.h"

enum slot_fault { FAULT_NONE, FAULT_SPIN = 1, FAULT_NMI_STUCK = 2, FAULT_COUNTING = 3, FAULT_DEAD = 4,
		  FAULT_SPUN = 5,	/* spun once, and an NMI's restart of the loop ended it */
		  FAULT_SKIPPED = 6,	/* boss_fault.h: not this CPU's doing */
		  FAULT_RUNS_ON = 7,	/* says HALTED and does not halt */
		  FAULT_LOST_STORE = 8,	/* its MWAIT is a HLT */
		  FAULT_TWICE = 10 };	/* 9: boss_fault.h */

/* HALTED before the loop says it: once more (FAULT_TWICE), or for good. */
static inline void lot_fault_early(struct slot *slot)
{
	uint64_t command = shared_load_relaxed_u64(&slot->control.command);

	if (slot_value(command) != COMMAND_HALT)
		return;
	cpu_write_cr3(slot->park_root);
	/* order: none, nothing is published with it. pairs with: boss_answered(). else: nothing */
	shared_store_release_u64(&slot->status, slot_word(slot_sequence(command), STATUS_HALTED));
	while (slot->fault == FAULT_RUNS_ON)
		/* order: none: a counter */
		shared_add_seq_cst_u32(&slot->wakeups, 1);
}

static inline void lot_fault(struct slot *slot)
{
	if (slot->fault == FAULT_RUNS_ON || slot->fault == FAULT_TWICE)
		lot_fault_early(slot);
	if (slot->fault == FAULT_NONE || slot->fault >= FAULT_SPUN || (slot->boss.inits && slot->fault != FAULT_DEAD))
		return;
	for (;;) {
		switch (slot->fault) {
		case FAULT_NMI_STUCK:
			cpu_hlt();		/* until the NMI that gate_fault.h never leaves */
			break;
		case FAULT_COUNTING:
			shared_add_seq_cst_u32(&slot->wakeups, 1);
			break;
		case FAULT_SPIN:
			slot->fault = FAULT_SPUN;	/* plain: only the owner looks at it once it is in the lot */
			for (;;)
				cpu_relax();
		default:
			cpu_relax();		/* takes NMIs, comes back here after each */
		}
	}
}

/* Also makes Bochs 2.7 monitor what it is told to: on a TLB hit it would take the address that it translated last. */
static inline bool lot_fault_slept(struct slot *slot)
{
	if (slot->fault == FAULT_LOST_STORE) {
		cpu_hlt();
		return true;
	}
	cpu_invlpg((uint64_t)(uintptr_t)&slot->control);
	return false;
}

#endif
