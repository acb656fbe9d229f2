// SPDX-License-Identifier: MIT
/* Faults build: INIT and SIPI that do not reach a CPU, or late, and one that passes the gate and does not get on. */
#ifndef SMP_TABLE_FAULT_H
#define SMP_TABLE_FAULT_H

#include "kernel/faults.h"
#include "smp/cpu.h"
#include "x86/apic.h"

static inline bool table_fault_no_ipi(uint32_t apic_id, uint32_t icr)
{
	if ((icr & ICR_SIPI) == ICR_SIPI)
		faults_start_unlisted(icr);
	return faults_left(apic_id) || faults_late(apic_id) || (faults_deaf(apic_id) && (icr & ICR_SIPI) == ICR_SIPI);
}

static inline void table_fault_page_closed(uint64_t page)
{
	faults_page_closed(page);
}

static inline bool table_fault_stuck(const struct cpu *cpu)
{
	return faults_slow(cpu->apic_id) && cpu_state(cpu) == CPU_STARTING;
}

#endif
