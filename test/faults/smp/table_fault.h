// SPDX-License-Identifier: MIT
/* Faults build: a deaf CPU is one that the trampoline does not find in its table; it halts there. */
#ifndef SMP_TABLE_FAULT_H
#define SMP_TABLE_FAULT_H

#include "kernel/faults.h"

#define NOBODY 0xfffffffeu

static inline uint32_t table_fault_id(uint32_t apic_id)
{
	return faults_deaf(apic_id) ? NOBODY : apic_id;
}

static inline bool table_fault_left(uint32_t apic_id)
{
	return faults_left(apic_id);
}

#endif
