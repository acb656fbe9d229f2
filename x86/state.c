// SPDX-License-Identifier: MIT
#include "x86/state.h"

#include <stdbool.h>

#include "x86/cpu.h"
#include "x86/regs.h"

#define CPUID1_EDX_MTRR		(1u << 12)
#define CPUID1_EDX_PAT		(1u << 16)
#define CPUID1_ECX_XSAVE	(1u << 26)
#define MTRR_ENABLE		0x800u
#define MTRR_CAP_FIXED		0x100u
#define MSR_SPEC_CTRL		0x48

static const uint32_t fixed_msr[MTRR_FIXED_COUNT] = {
	MSR_MTRR_FIX64K, MSR_MTRR_FIX16K, MSR_MTRR_FIX16K + 1,
	MSR_MTRR_FIX4K, MSR_MTRR_FIX4K + 1, MSR_MTRR_FIX4K + 2, MSR_MTRR_FIX4K + 3,
	MSR_MTRR_FIX4K + 4, MSR_MTRR_FIX4K + 5, MSR_MTRR_FIX4K + 6, MSR_MTRR_FIX4K + 7,
};

static uint64_t xcr0_read(void)
{
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (uint64_t)high << 32 | low;
}

static void xcr0_write(uint64_t v)
{
	__asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}

static void caches_flush(void)
{
	__asm__ volatile("wbinvd" : : : "memory");
}

static bool is_intel(void)
{
	return cpu_cpuid(0, 0).ebx == 0x756e6547;	/* "Genu" */
}

static void mtrr_capture(struct mtrr_state *m)
{
	unsigned i;

	*m = (struct mtrr_state){ .present = !!(cpu_cpuid(1, 0).edx & CPUID1_EDX_MTRR) };
	if (!m->present)
		return;
	m->cap = cpu_rdmsr(MSR_MTRR_CAP);
	m->def_type = cpu_rdmsr(MSR_MTRR_DEF_TYPE);
	m->variable_count = m->cap & 0xff;
	if (m->variable_count > MTRR_VARIABLE_MAX)
		m->variable_count = MTRR_VARIABLE_MAX;
	for (i = 0; i < m->variable_count; i++) {
		m->base[i] = cpu_rdmsr(MSR_MTRR_PHYS_BASE0 + 2 * i);
		m->mask[i] = cpu_rdmsr(MSR_MTRR_PHYS_BASE0 + 2 * i + 1);
	}
	if (m->cap & MTRR_CAP_FIXED)
		for (i = 0; i < MTRR_FIXED_COUNT; i++)
			m->fixed[i] = cpu_rdmsr(fixed_msr[i]);
}

void state_capture(struct cpu_features_state *state)
{
	struct cpuid_regs features = cpu_cpuid(1, 0);

	*state = (struct cpu_features_state){
		.cr0 = cpu_read_cr0(),
		.cr4 = cpu_read_cr4(),
		.efer = cpu_rdmsr(MSR_EFER),
		.has_pat = !!(features.edx & CPUID1_EDX_PAT),
		.has_misc_enable = is_intel(),
	};
	state->has_xsave = !!(state->cr4 & CR4_OSXSAVE);
	if (state->has_pat)
		state->pat = cpu_rdmsr(MSR_PAT);
	if (state->has_xsave)
		state->xcr0 = xcr0_read();
	if (state->has_misc_enable)
		state->misc_enable = cpu_rdmsr(MSR_MISC_ENABLE);
	mtrr_capture(&state->mtrr);
}

/* SDM 3A 12.11.7.2. CR4.PGE is never set here; NMIs that hit find code that is only slow without caches. */
static void mtrr_replay(const struct mtrr_state *boss)
{
	uint64_t cr0 = cpu_read_cr0();
	unsigned i;

	cpu_write_cr0((cr0 | CR0_CD) & ~(uint64_t)CR0_NW);
	caches_flush();
	cpu_write_cr3(cpu_read_cr3());
	cpu_wrmsr(MSR_MTRR_DEF_TYPE, cpu_rdmsr(MSR_MTRR_DEF_TYPE) & ~(uint64_t)MTRR_ENABLE);
	for (i = 0; i < boss->variable_count; i++) {
		cpu_wrmsr(MSR_MTRR_PHYS_BASE0 + 2 * i, boss->base[i]);
		cpu_wrmsr(MSR_MTRR_PHYS_BASE0 + 2 * i + 1, boss->mask[i]);
	}
	if (boss->cap & MTRR_CAP_FIXED)
		for (i = 0; i < MTRR_FIXED_COUNT; i++)
			cpu_wrmsr(fixed_msr[i], boss->fixed[i]);
	cpu_wrmsr(MSR_MTRR_DEF_TYPE, boss->def_type);
	caches_flush();
	cpu_write_cr3(cpu_read_cr3());
	cpu_write_cr0(cr0);
}

void state_replay(const struct cpu_features_state *boss)
{
	struct cpu_features_state own;
	uint32_t differs;

	cpu_write_cr4(boss->cr4);
	state_capture(&own);		/* XCR0 can be read only now */
	differs = state_compare(boss, &own);
	if (differs & STATE_EFER)
		cpu_wrmsr(MSR_EFER, boss->efer);
	if (differs & STATE_PAT)
		cpu_wrmsr(MSR_PAT, boss->pat);
	if (differs & STATE_XCR0)
		xcr0_write(boss->xcr0);
	if (differs & STATE_MISC_ENABLE)
		cpu_wrmsr(MSR_MISC_ENABLE, boss->misc_enable);
	if (differs & STATE_CR0)
		cpu_write_cr0(boss->cr0);
	/* A different number of ranges cannot be made equal: left for the comparison to report. */
	if ((differs & STATE_MTRR_ANY) && !(differs & STATE_MTRR_COUNT))
		mtrr_replay(&boss->mtrr);
	if (differs & STATE_PAT)
		cpu_write_cr3(cpu_read_cr3());
}

static bool has_spec_ctrl(void)
{
	if (cpu_cpuid(0, 0).eax >= 7 && cpu_cpuid(7, 0).edx & 1u << 26)
		return true;
	/* AMD: IBRS, STIBP or SSBD by SPEC_CTRL */
	return cpu_cpuid(0x80000000, 0).eax >= 0x80000008 &&
	       cpu_cpuid(0x80000008, 0).ebx & (1u << 14 | 1u << 15 | 1u << 24);
}

void state_save_found(struct state_found *found)
{
	struct cpuid_regs features = cpu_cpuid(1, 0);
	uint64_t cr4 = cpu_read_cr4();

	*found = (struct state_found){
		.has_pat = !!(features.edx & CPUID1_EDX_PAT),
		.has_xsave = !!(features.ecx & CPUID1_ECX_XSAVE),
		.has_misc_enable = is_intel(),
		.has_debugctl = 1,	/* every 64-bit processor */
		.has_perf = is_intel() && cpu_cpuid(0, 0).eax >= 10 && (cpu_cpuid(10, 0).eax & 0xff) >= 2,
		.has_spec_ctrl = has_spec_ctrl(),
	};
	if (found->has_pat)
		found->pat = cpu_rdmsr(MSR_PAT);
	if (found->has_xsave) {
		cpu_write_cr4(cr4 | CR4_OSXSAVE);
		found->xcr0 = xcr0_read();
		cpu_write_cr4(cr4);
	}
	if (found->has_misc_enable)
		found->misc_enable = cpu_rdmsr(MSR_MISC_ENABLE);
	found->debugctl = cpu_rdmsr(MSR_DEBUGCTL);
	if (found->has_perf)
		found->perf_global_ctrl = cpu_rdmsr(MSR_PERF_GLOBAL_CTRL);
	if (found->has_spec_ctrl)
		found->spec_ctrl = cpu_rdmsr(MSR_SPEC_CTRL);
}

void state_restore_found(const struct state_found *found)
{
	uint64_t cr4 = cpu_read_cr4();

	if (found->has_perf)
		cpu_wrmsr(MSR_PERF_GLOBAL_CTRL, found->perf_global_ctrl);
	if (found->has_misc_enable && cpu_rdmsr(MSR_MISC_ENABLE) != found->misc_enable)
		cpu_wrmsr(MSR_MISC_ENABLE, found->misc_enable);
	if (found->has_debugctl)
		cpu_wrmsr(MSR_DEBUGCTL, found->debugctl);
	if (found->has_spec_ctrl)
		cpu_wrmsr(MSR_SPEC_CTRL, found->spec_ctrl);
	if (found->has_xsave) {
		cpu_write_cr4(cr4 | CR4_OSXSAVE);
		xcr0_write(found->xcr0);
		cpu_write_cr4(cr4);
	}
	if (found->has_pat && cpu_rdmsr(MSR_PAT) != found->pat) {
		cpu_wrmsr(MSR_PAT, found->pat);
		cpu_write_cr3(cpu_read_cr3());
	}
}
