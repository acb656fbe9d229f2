// SPDX-License-Identifier: MIT
/*
 * The last chapter on the kernel's side: the block is reserved, built and protected, every CPU parked in it and
 * called by name, then the boss commits. Everything up to handover_commit() is reversible or stops with a reason.
 */
#ifndef KERNEL_HANDOVER_H
#define KERNEL_HANDOVER_H

#include "boot/boot_info.h"
#include "kernel/block.h"
#include "kernel/machine.h"
#include "kernel/next.h"
#include "kernel/platform.h"
#include "lib/status.h"
#include "smp/cpu.h"
#include "smp/park.h"

struct handover {
	uint64_t base, size;			/* the block's reservation */
	struct block block;
	struct boss boss;			/* roll call's side of the protocol */
	struct block_cpu cpus[SMP_CPUS_MAX];	/* by index */
	bool must_park[SMP_CPUS_MAX];
	struct mm_range ram[BLOCK_RAM_MAX];
	unsigned ram_count;
};

/* Sizes and reserves the block, and next right behind it: one table of 4 KiB pages then holds both. Before
 * memory_start(). E50, E52. */
enum status MUST_CHECK handover_reserve(struct boot_info *info, const struct machine *machine, struct next *next,
					struct handover *h, struct problem *problem);

/* Builds the block from info->plan and makes it read-only where it is on all CPUs. */
enum status MUST_CHECK handover_prepare(struct boot_info *info, const struct machine *machine,
					const struct platform *platform, struct next *next, struct handover *h,
					struct problem *problem);

/* The built block as a lot for CPUs that go and come back. h: stays where it is until commit. */
struct park_lot handover_lot(struct handover *h);

/* Nobody goes online any more: the low page leads into the lot, and the report gets its CPU, segment and reservation
 * tables. */
enum status MUST_CHECK handover_describe(const struct boot_info *info, struct next *next, struct handover *h,
					 struct problem *problem);

/* Sends every online CPU into the lot. E61 if one does not get there, under each lost-cpu policy. */
enum status MUST_CHECK handover_park(struct handover *h, struct problem *problem);

/* Proof that each is there, by name; the last step that may fail (protocol rule 15.1). E80, E82. */
enum status MUST_CHECK handover_roll_call(struct handover *h, struct problem *problem);

/* Devices quiet, interrupts masked, then into the block. */
_Noreturn void handover_commit(const struct machine *machine, struct handover *h);

#endif
