// SPDX-License-Identifier: MIT
/* Defaults of the seam's hooks (x86/cpu.h, x86/atomic.h in this folder). Weak: test programs replace them. */
#include <stdio.h>
#include <stdlib.h>

#include "x86/atomic.h"
#include "x86/cpu.h"

#define HOOK __attribute__((weak))

struct twin_state twin;

static struct twin_msr *msr_find(uint32_t number)
{
	for (unsigned i = 0; i < twin.msr_count; i++)
		if (twin.msr[i].number == number)
			return &twin.msr[i];
	return NULL;
}

void twin_msr_set(uint32_t number, uint64_t value)
{
	struct twin_msr *m = msr_find(number);

	if (!m) {
		if (twin.msr_count == sizeof(twin.msr) / sizeof(twin.msr[0])) {
			fprintf(stderr, "twin: no room for MSR 0x%x\n", number);
			abort();
		}
		m = &twin.msr[twin.msr_count++];
		m->number = number;
	}
	m->value = value;
}

HOOK void twin_shared_access(enum twin_access access, const void *p, memory_order order)
{
	(void)access;
	(void)p;
	(void)order;
}

HOOK struct cpuid_regs twin_cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_regs r;

	__asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
	return r;
}

HOOK uint64_t twin_cpu_rdtsc(void)
{
	return __builtin_ia32_rdtsc();
}

HOOK uint64_t twin_cpu_rdmsr(uint32_t msr)
{
	struct twin_msr *m = msr_find(msr);

	if (!m) {
		fprintf(stderr, "twin: rdmsr 0x%x: a real CPU without it raises #GP\n", msr);
		abort();
	}
	return m->value;
}

HOOK void twin_cpu_wrmsr(uint32_t msr, uint64_t value) { twin_msr_set(msr, value); }
HOOK uint64_t twin_cpu_read_cr0(void) { return twin.cr0; }
HOOK uint64_t twin_cpu_read_cr2(void) { return twin.cr2; }
HOOK uint64_t twin_cpu_read_cr3(void) { return twin.cr3; }
HOOK uint64_t twin_cpu_read_cr4(void) { return twin.cr4; }
HOOK void twin_cpu_write_cr0(uint64_t v) { twin.cr0 = v; }
HOOK void twin_cpu_write_cr2(uint64_t v) { twin.cr2 = v; }
HOOK void twin_cpu_write_cr3(uint64_t v) { twin.cr3 = v; }
HOOK void twin_cpu_write_cr4(uint64_t v) { twin.cr4 = v; }
HOOK void twin_cpu_invlpg(uint64_t va) { (void)va; twin.invlpgs++; }
HOOK void twin_cpu_clflush(const void *p) { (void)p; twin.clflushes++; }
HOOK void twin_cpu_mfence(void) { twin.mfences++; }
HOOK void twin_cpu_sfence(void) { twin.sfences++; }
HOOK void twin_cpu_relax(void) { twin.relaxes++; }
HOOK void twin_cpu_hlt(void) { twin.hlts++; }
HOOK void twin_cpu_triple_fault(void) { twin.triple_faults++; }
HOOK void twin_cpu_irq_off(void) { twin.irq_on = false; }
HOOK void twin_cpu_irq_on(void) { twin.irq_on = true; }

HOOK bool twin_cpu_irq_save(void)
{
	bool on = twin.irq_on;

	twin_cpu_irq_off();
	return on;
}

HOOK void twin_cpu_monitor(const void *p) { (void)p; twin.monitors++; }
HOOK void twin_cpu_mwait(void) { twin.mwaits++; }
HOOK void twin_cpu_lfence(void) { twin.lfences++; }
HOOK void twin_cpu_wait_irq(void) { twin.hlts++; }
HOOK void twin_cpu_poll_irq(void) { }
HOOK uint32_t twin_cpu_index(void) { return twin.index; }
HOOK void *twin_cpu_phys_pointer(uint64_t phys) { return (void *)(uintptr_t)phys; }

HOOK uint32_t twin_cpu_in(uint16_t port, unsigned bits)
{
	(void)port;
	return UINT32_MAX >> (32 - bits);
}

HOOK void twin_cpu_out(uint16_t port, unsigned bits, uint32_t value)
{
	(void)port;
	(void)bits;
	(void)value;
}
