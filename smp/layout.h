// SPDX-License-Identifier: MIT
/*
 * Memory of the CPUs: one contiguous block from the caller, the same slice for each CPU of the table. Below 4 GiB and
 * page aligned; zeroed by nobody but smp_init(), which clears what needs it.
 *
 * A slice, in pages: guard, 4 stack, guard, #DF stack, guard, NMI stack, guard, #MC stack, percpu (read-write).
 */
#ifndef SMP_LAYOUT_H
#define SMP_LAYOUT_H

#include <stdint.h>

#define SMP_PAGE		4096u
#define SMP_STACK_PAGES		4u
#define SMP_SLICE_PAGES		12u
#define SMP_SLICE_GUARDS	4u

/* Before the slices: struct cpu[], struct trampoline_cpu[], one page for the trampoline's NMI frames. */
struct smp_common { uint64_t cpus, table, scratch_top; };

struct smp_slice {
	uint64_t guard[SMP_SLICE_GUARDS];	/* pages to leave unmapped */
	uint64_t stack_bottom, stack_top;
	uint64_t ist_df, ist_nmi, ist_mc;	/* tops */
	uint64_t percpu;
};

/* Bytes for cpu_count CPUs, a multiple of the page size. Pure. */
uint64_t smp_memory_needed(unsigned cpu_count);

struct smp_common smp_common(uint64_t base, unsigned cpu_count);

/* Addresses of CPU index's slice in a block at base. Pure. */
struct smp_slice smp_slice(uint64_t base, unsigned cpu_count, unsigned index);

#endif
