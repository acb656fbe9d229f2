// SPDX-License-Identifier: MIT
#include "smp/layout.h"

#include "smp/cpu.h"
#include "x86/entry/trampoline.h"

static uint64_t pages_up(uint64_t bytes)
{
	return (bytes + SMP_PAGE - 1) / SMP_PAGE * SMP_PAGE;
}

struct smp_common smp_common(uint64_t base, unsigned cpu_count)
{
	struct smp_common common = { .cpus = base };

	common.table = common.cpus + pages_up(cpu_count * sizeof(struct cpu));
	common.scratch_top = common.table + pages_up(cpu_count * sizeof(struct trampoline_cpu)) + SMP_PAGE;
	return common;
}

uint64_t smp_memory_needed(unsigned cpu_count)
{
	return smp_common(0, cpu_count).scratch_top + (uint64_t)cpu_count * SMP_SLICE_PAGES * SMP_PAGE;
}

struct smp_slice smp_slice(uint64_t base, unsigned cpu_count, unsigned index)
{
	uint64_t first = smp_common(base, cpu_count).scratch_top + (uint64_t)index * SMP_SLICE_PAGES * SMP_PAGE;
	uint64_t after_stack = first + (1 + SMP_STACK_PAGES) * SMP_PAGE;

	return (struct smp_slice){
		.guard = { first, after_stack, after_stack + 2 * SMP_PAGE, after_stack + 4 * SMP_PAGE },
		.stack_bottom = first + SMP_PAGE,
		.stack_top = after_stack,
		.ist_df = after_stack + 2 * SMP_PAGE,
		.ist_nmi = after_stack + 4 * SMP_PAGE,
		.ist_mc = after_stack + 6 * SMP_PAGE,
		.percpu = after_stack + 6 * SMP_PAGE,
	};
}
