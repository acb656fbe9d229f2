// SPDX-License-Identifier: MIT
/*
 * The mini-kernel's memory: which pages are ours, our own W^X page tables, and the ranges that the next kernel
 * is told to leave alone.
 */
#ifndef KERNEL_MEMORY_H
#define KERNEL_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/boot_info.h"
#include "lib/status.h"
#include "mm/identity.h"
#include "mm/phys.h"
#include "mm/space.h"

#define MEMORY_RESERVED_MAX 32
#define MEMORY_DEVICES_MAX 96
#define MEMORY_AVOID_MAX 24

/* kept: the generation behind us must not take it back either. */
struct reserved_range { const char *what; uint64_t base, size; bool kept; };

struct kernel_memory {
	struct mm_features features;
	unsigned levels;			/* as found (protocol rule 5) */
	uint64_t ram_bytes;
	struct phys phys;			/* EFI type 7, 1 MiB to 4 GiB, minus reservations */
	struct page_source tables;
	struct space space;			/* the map every CPU of ours runs on */
	struct mm_range pinned[2];		/* the image, the CPUs' memory */
	unsigned reserved_count;
	struct reserved_range reserved[MEMORY_RESERVED_MAX];
	struct place_range avoid[MEMORY_AVOID_MAX];	/* free in the map, but not ours to use yet */
	unsigned avoid_count;
	unsigned device_count;
	struct identity_range devices[MEMORY_DEVICES_MAX];
};

extern struct kernel_memory kernel_memory;

/* Checks the door's map and registers what the door already reserved. Writes nothing but .bss and the map
 * buffer. Context: boss, first. E51: malformed map. */
enum status MUST_CHECK memory_open(struct boot_info *info, struct problem *problem);

/* Keeps a range that the map calls free out of every reservation and of the page allocator: somebody may still be in
 * it. Before memory_start(). E50: more than MEMORY_AVOID_MAX. */
enum status MUST_CHECK memory_avoid(uint64_t base, uint64_t size, struct problem *problem);

/* A place below 4 GiB for size bytes; nothing is reserved. Depends on the map and on the sizes asked for only (protocol
 * rule 18). compact: not across a border of 2 MiB, if any place
 * allows it (page tables cost one page more on each side). E52. */
enum status MUST_CHECK memory_find(const struct boot_info *info, uint64_t size, bool compact, uint64_t *base,
				   struct problem *problem);

/* Reserves a range for good: carved out of the EFI map as type 0, so that e820 and report follow. Before
 * memory_start(). E50, E51. */
enum status MUST_CHECK memory_reserve_at(struct boot_info *info, const char *what, uint64_t base, uint64_t size,
					 struct problem *problem);

/* Device registers to map uncached; a range already listed is taken once. */
void memory_add_device(const char *what, uint64_t base, uint64_t size, enum mm_cache cache);

/* Faults build: one page that is reserved and that nobody takes back. */
enum status MUST_CHECK memory_leak(struct boot_info *info, struct problem *problem);

/* Gives what is free to the page allocator. No reservation after this. E50: nothing is free. */
enum status MUST_CHECK memory_start(struct boot_info *info, struct problem *problem);

/* Builds our tables (identity, W^X, devices uncached, guards unmapped) and loads them on this CPU. cpus: the
 * CPUs' memory, mapped in 4 KiB pages. E50, E53: the old tables stay loaded. */
enum status MUST_CHECK memory_map(const struct boot_info *info, struct mm_range cpus, const uint64_t *guards,
				  unsigned guard_count, struct problem *problem);

/* Makes free memory of what this Baton uses and the next one will not: the image, and the loaded segments, which the
 * next kernel takes for its own anyway. The map is then the same in every generation. Before next_build(). E50, E51. */
enum status MUST_CHECK memory_settle(struct boot_info *info, struct problem *problem);

/* Kernel and initrd, written by nobody from here on, become read-only on every CPU: a stray write is to fault at its
 * instruction. As soon as they are placed and all CPUs are taken. E50, E53, E61. */
enum status MUST_CHECK memory_protect_placed(const struct boot_plan *plan, struct problem *problem);

#endif
