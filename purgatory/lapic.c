// SPDX-License-Identifier: MIT
/* The local APIC as found: xAPIC by memory, x2APIC by MSR (SDM 3A 11.6, 11.12). */
#include "purgatory/purgatory.h"
#include "x86/cpu.h"
#include "x86/regs.h"

#define ICR_WAIT_READS	100000u		/* delivery takes microseconds; a read of the APIC some 50 ns at least */
#define EOI_LIMIT	256u		/* vectors */
#define CPUID1_ECX_TSC_DEADLINE	(1u << 24)

static uint32_t lapic_read(const struct plan *plan, uint32_t offset)
{
	if (plan->lapic_x2apic)
		return (uint32_t)cpu_rdmsr(MSR_X2APIC + offset / 16);
	return *(volatile uint32_t *)cpu_phys_pointer(plan->lapic_base + offset);
}

static void lapic_write(const struct plan *plan, uint32_t offset, uint32_t value)
{
	if (plan->lapic_x2apic)
		cpu_wrmsr(MSR_X2APIC + offset / 16, value);
	else
		*(volatile uint32_t *)cpu_phys_pointer(plan->lapic_base + offset) = value;
}

bool lapic_idle(void *context)
{
	const struct plan *plan = context;
	uint32_t reads;

	if (plan->lapic_x2apic)			/* no delivery status there (SDM 3A 11.12.9) */
		return true;
	for (reads = 0; lapic_read(plan, APIC_ICR_LOW) & ICR_BUSY; reads++) {
		if (reads == ICR_WAIT_READS)
			return false;
		cpu_relax();
	}
	return true;
}

bool lapic_send(void *context, uint32_t apic_id, uint32_t icr_low)
{
	const struct plan *plan = context;

	if (plan->lapic_x2apic) {
		/* order: the command's store before the IPI. pairs with: lot_turn(). else: WRMSR of the ICR passes the
		 * store and the CPU wakes to the old command (protocol rule 12). LFENCE: SDM 3A 11.12.3 */
		cpu_mfence();
		cpu_lfence();
		cpu_wrmsr(MSR_X2APIC_ICR, (uint64_t)apic_id << 32 | icr_low);
		return true;
	}
	if (apic_id > 254)
		return false;			/* a truncated ID would hit somebody else */
	if (!lapic_idle(context))
		return false;
	lapic_write(plan, APIC_ICR_HIGH, apic_id << 24);
	lapic_write(plan, APIC_ICR_LOW, icr_low);
	return true;
}

static void mask(const struct plan *plan, uint32_t entry)
{
	lapic_write(plan, entry, APIC_LVT_MASKED | lapic_read(plan, entry));
}

void lapic_quiet(const struct plan *plan)
{
	uint32_t last = lapic_read(plan, APIC_VERSION) >> 16 & 0xff, i, eois;

	/* The error entry first, with a valid vector: masking others with a zero vector may raise it. */
	lapic_write(plan, APIC_LVT_ERROR, APIC_LVT_MASKED | VECTOR_ERROR);
	mask(plan, APIC_LVT_TIMER);
	lapic_write(plan, APIC_TIMER_INITIAL, 0);
	if (cpu_cpuid(1, 0).ecx & CPUID1_ECX_TSC_DEADLINE)
		cpu_wrmsr(MSR_TSC_DEADLINE, 0);
	mask(plan, APIC_LVT_LINT0);
	mask(plan, APIC_LVT_LINT1);	/* an NMI in the next kernel's first instructions would find no gate */
	if (last >= 4)
		mask(plan, APIC_LVT_PMC);
	if (last >= 5)
		mask(plan, APIC_LVT_THERMAL);
	if (last >= 6)
		mask(plan, APIC_LVT_CMCI);
	for (eois = 0; eois < EOI_LIMIT; eois++) {
		uint32_t in_service = 0;

		for (i = 0; i < 8; i++)
			in_service |= lapic_read(plan, APIC_ISR + 0x10 * i);
		if (!in_service)
			break;
		lapic_write(plan, APIC_EOI, 0);
	}
	lapic_write(plan, APIC_ESR, 0);
	/* The virtual wire as found, behind masked interrupt controllers: a kernel that uses neither this APIC nor an
	 * I/O APIC needs it, every other sets up its own. Off in SVR forces LINT0's mask, so it comes last. */
	lapic_write(plan, APIC_LVT_LINT0, plan->lapic_lint0);
	lapic_write(plan, APIC_SVR, plan->lapic_svr);
}
