// SPDX-License-Identifier: MIT
/*
 * The local APIC as x86/apic.c finds it in x2APIC mode: a WRMSR to the ICR sends the IPI and is ordered after nothing
 * (SDM 3A 11.12.3). The sender's earlier stores may still be in its store buffer when the IPI arrives. MFENCE makes
 * them visible before this CPU's next memory operation; WRMSR is none and waits for MFENCE only behind an LFENCE.
 */
#include "test/hostile/internal.h"
#include "x86/cpu.h"
#include "x86/regs.h"
#include "x86/tsc.h"

void fence_settle(void)
{
	if (!self()->fence_open)
		return;
	self()->fence_open = false;
	memory_drain(M->current);
}

void twin_cpu_lfence(void)
{
	if (!M->running)
		return;
	trace_event("LFENCE");
	fence_settle();
}

void twin_cpu_wrmsr(uint32_t msr, uint64_t value)
{
	unsigned target = (unsigned)(value >> 32);
	bool open = self()->fence_open;

	if (current_scenario->platform) {
		platform_wrmsr(msr, value);
		return;
	}
	if (msr != MSR_X2APIC_ICR || target >= parameters.cpus || target == M->current)
		broken("no-such-register", "CPU %u writes 0x%llx to MSR 0x%x", M->current, (unsigned long long)value, msr);
	self()->fence_open = false;
	visible();
	self()->fence_open = open;
	trace_event("IPI to CPU %u through the ICR", target);
	M->cpu[target].ipi |= (uint8_t)(1 << M->current);
}

/* Time passes when nobody can go on (search.c); without a platform then more than any deadline. */
uint64_t tsc_deadline(uint64_t us)
{
	return twin_cpu_rdtsc() + us;
}

bool tsc_passed(uint64_t deadline)
{
	bool passed = twin_cpu_rdtsc() >= deadline;

	/* The next wait for an ICR that stays busy is another one. */
	if (passed && M->icr_sticks)
		M->stuck = 0;
	return passed;
}
