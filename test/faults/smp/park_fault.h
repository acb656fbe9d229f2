// SPDX-License-Identifier: MIT
/* Faults build: a CPU that stays on the kernel's side of the lot's door, interrupts off. */
#ifndef SMP_PARK_FAULT_H
#define SMP_PARK_FAULT_H

#include "kernel/faults.h"
#include "purgatory/slot.h"
#include "x86/cpu.h"

static inline void park_fault(const struct slot *slot)
{
	while (faults_no_park(slot->apic_id))
		cpu_hlt();
}

#endif
