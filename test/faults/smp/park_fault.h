// SPDX-License-Identifier: MIT
/* Faults build: a CPU that stays on the kernel's side of the lot's door, interrupts off, or says that it does not. */
#ifndef SMP_PARK_FAULT_H
#define SMP_PARK_FAULT_H

#include "kernel/faults.h"
#include "kernel/old_park.h"
#include "purgatory/slot.h"
#include "x86/cpu.h"

static inline void park_fault(struct slot *slot, uint64_t lot_enter)
{
	if (slot->fault == FAULT_KICK_OLD_PARK)
		old_park(slot, lot_enter);
	while (faults_no_park(slot->apic_id))
		cpu_hlt();
}

#endif
