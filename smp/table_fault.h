// SPDX-License-Identifier: MIT
/* The faults build has its own file of this name earlier in the include path; here every IPI arrives. */
#ifndef SMP_TABLE_FAULT_H
#define SMP_TABLE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "smp/cpu.h"

/* True if that INIT or SIPI does not reach that CPU. */
static inline bool table_fault_no_ipi(uint32_t apic_id, uint32_t icr)
{
	(void)apic_id;
	(void)icr;
	return false;
}

/* For whom they were held back until then. */
static inline void table_fault_page_closed(uint64_t page)
{
	(void)page;
}

/* True while a CPU that is past the gate does not get on. */
static inline bool table_fault_stuck(const struct cpu *cpu)
{
	(void)cpu;
	return false;
}

#endif
