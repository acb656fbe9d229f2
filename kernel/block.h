// SPDX-License-Identifier: MIT
/*
 * Builds the block (purgatory/plan.h) in its reserved range: blob, plan, slots, IDTs, the three roots of protocol
 * rule 6, digest table. Writes only the range, the digest table and struct block. Nothing here prints.
 *
 * Order for the caller: block_size_needed() at reservation time; then, with the segments and the report in place,
 * block_build(), block_protect(), park_all() (smp/park.h), block_roll_call(), block_commit().
 */
#ifndef KERNEL_BLOCK_H
#define KERNEL_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/efimap.h"
#include "boot/segment.h"
#include "lib/status.h"
#include "mm/identity.h"
#include "mm/source.h"
#include "mm/space.h"
#include "purgatory/boss.h"
#include "purgatory/plan.h"
#include "purgatory/slot.h"

#define BLOCK_TABLES_HIGH	5u	/* table pages for an entry's segments above 4 GiB, where there is RAM */
#define BLOCK_RAM_MAX		128u

/* One slot, index = the CPU's index in smp's table. */
struct block_cpu {
	uint32_t apic_id;
	uint32_t mode;			/* enum slot_mode */
	uint32_t no_init;		/* 1: its BSP bit was not read by itself (rule 11) */
	uint32_t fault;			/* faults build only, else 0 */
};

struct block_config {
	uint64_t base, size;		/* the reserved range, below 4 GiB */
	uint64_t digest_table, digest_bytes;	/* reserved memory outside it */
	const struct block_cpu *cpus;
	uint32_t cpu_count, boss;
	uint64_t generation;
	const struct block_range *ranges;	/* sorted: what was reserved for this handover, the block among it */
	uint32_t range_count;		/* at most BLOCK_RANGES */
	bool quiet;
	uint64_t tsc_khz, tsc_at_door;
	bool x2apic, hypervisor;
	uint64_t lapic_base;
	uint32_t lapic_svr, lapic_lint0;	/* as found on the boss */
	unsigned levels;		/* as found */
	const struct mm_features *features;
	const struct boot_plan *fallback;	/* to start instead, on-failure fallback; NULL: none */
	uint64_t fallback_params;	/* its RSI */
	const struct boot_plan *segments;	/* placed, digests known; chunks in plan order */
	const struct mm_range *ram;	/* block_list_ram() */
	unsigned ram_count;		/* at most BLOCK_RAM_MAX */
	uint64_t entry, boot_params;	/* jump target (kernel + 0x200) and RSI */
	bool protected_mode;		/* enter with 32 bits, EBX instead of RSI, and this in EAX */
	uint32_t magic;
	uint64_t report, report_bytes;	/* struct report_header, written by the block; may lie in any reserved page */
	uint64_t low_page;		/* trampoline for the recall stub, 0: none */
	uint32_t on_failure, lost_cpu, init_policy, reset_after_s;	/* enum plan_* */
	struct plan_uart uart;
	struct plan_framebuffer framebuffer;
	struct plan_reset reset;
	struct plan_watchdog watchdog;
};

/* What was built. Owned by the caller; valid until commit. */
struct block {
	uint64_t base, size;		/* size: used */
	struct block_header *header;
	struct plan *plan;
	struct slot *slots;
	uint32_t cpu_count, boss;
	uint64_t table_bytes;		/* page tables used, reported apart (rule 19) */
	uint64_t plain_bytes;		/* everything else but the slots: budget 96 KiB */
	uint64_t low_page;
	struct boss_place place;	/* what evidence is judged by */
	uint64_t lot_enter, lot_recall, boss_entry, scratch_top;
	struct page_pool pool;
	struct space park, verify, handover;
	struct page_source tables;
};

/* What the hand-over root maps: memory of every kind below 4 GiB but type 0, sorted and merged. An end inside a 2 MiB
 * page moves to that page's if all between is listed as memory (reserved or not): then no 4 KiB table is needed there,
 * and nothing is mapped cacheable that the map calls MMIO or does not mention. Pure. E50. */
enum status MUST_CHECK block_list_ram(const struct efi_map *map, struct mm_range *ram, unsigned capacity,
				      unsigned *count, struct problem *problem);

/* Table pages of the three roots for a block (with the report behind it) that lies in spans pages of 2 MiB: 11, one
 * for each GiB with RAM below 4 GiB and for each with devices, three more with five levels, one for each end of RAM
 * that block_list_ram() could not move. Rule 19 allows 12 and one for each GiB. Of config: levels, features, ram,
 * x2apic, lapic_base, uart, framebuffer, reset, whether there is a fallback. Pure. */
enum status MUST_CHECK block_tables_needed(const struct block_config *config, uint64_t ram_bytes, unsigned spans,
					   unsigned *pages, struct problem *problem);

/* Bytes to reserve. Depends on its arguments and this build only (rule 18). */
uint64_t block_size_needed(unsigned cpu_count, unsigned table_pages);

/* Fills the range. Context: boss, range mapped writable, no CPU in the lot. E50: the range or the table pool is too
 * small; E53: an address cannot be mapped; E62: too many segments or ranges. */
enum status MUST_CHECK block_build(struct block *block, const struct block_config *config, struct problem *problem);

/* The block's rights in the kernel's own space (rule 2): code R-X, header, tables, rodata R, the rest RW. */
enum status MUST_CHECK block_protect(const struct block *block, struct space *kernel, struct problem *problem);

/* Puts the recall stub into the low page (rule 14). Context: every bring-up is over, no CPU on its way in. */
enum status MUST_CHECK block_arm_recall(const struct block *block, struct problem *problem);

/* Every CPU of must_park (by index) PARKED, its evidence inside the block; the block's read-only part and the digest
 * table as built (rule 15.1). Reversible, changes nothing. E80 names the CPU and the register, E82. */
enum status MUST_CHECK block_roll_call(const struct block *block, const bool *must_park, struct problem *problem);

/* Commit: the boss enters the block and never comes back. Interrupts off, all CPUs parked. */
_Noreturn void block_commit(const struct block *block);

#endif
