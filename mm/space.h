// SPDX-License-Identifier: MIT
/*
 * An address space: one tree of page tables. Owns its table pages (from one page_source), never the pages it
 * maps. Rules 1, 2 and 5 of mm.h are kept inside; a caller never flushes.
 *
 * Virtual and physical addresses and lengths are multiples of 4 KiB; a range lies in one canonical half.
 */
#ifndef MM_SPACE_H
#define MM_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "mm/mm.h"
#include "mm/source.h"
#include "x86/atomic.h"

/*
 * Lifetime: space_destroy() only after every CPU has loaded another root.
 * Splitting a large page takes it out for a moment (rule 5). pinned names what must never vanish: the code that
 * splits, its stack, GDT and IDT, what the cross call touches. A split there is refused with E53; map those
 * ranges at the final granularity from the start.
 * Plain fields are touched only by whoever changes the space; the caller serialises that.
 */
struct space {
	uint64_t root;				/* physical address of the top table */
	unsigned levels;			/* 4 or 5 */
	struct mm_features features;
	struct page_source *tables;
	unsigned table_pages;			/* in use, root included */
	const struct mm_range *pinned;		/* virtual; may be NULL */
	unsigned pinned_count;
	bool quarantine;			/* a CPU that was lost may still walk these tables: nothing is freed */
	unsigned quarantined;			/* pages not freed because of it */
	unsigned gather_capacity;		/* pages freed per flush, 1..GATHER_CAPACITY; tests make it small */
	unsigned gathers;			/* open: a second one flushes for both (gather.c) */
	uint64_t limbo;				/* tables flushed but held back by software walkers: first, 0:
						 * none; each holds the next in its word 0 */
	unsigned limbo_pages;
	shared_u32 walkers;			/* W: space_query() on any CPU, locked. R: whoever frees, after its
						 * flush. One that never ends (its CPU died) costs tables, no wait */
	shared_u64 mode;			/* bits 61 and 62 of CR3 (lam.h). W: whoever changes the space, then a
						 * flush of everyone. R: each CPU that loads or flushes the space,
						 * after publishing itself (rule 4) */
	shared_u64 generation;			/* W: the CPU that changes the space, locked add before each flush.
						 * R: every CPU that loads or flushes the space, after publishing
						 * itself (rule 4) */
	shared_u64 cpus[MM_CPUS / 64];		/* W: each CPU its own bit, locked. R: the flusher, after the generation
						 * moved. load.h */
};

/* From now on nothing is freed that this space mapped or used as a table: a CPU that has it loaded was lost. Happens by
 * itself when a flush is not acknowledged. */
static inline void space_quarantine(struct space *space)
{
	space->quarantine = true;
}

/* What a virtual address maps to. */
struct mapping {
	uint64_t phys;			/* of this address, offset included */
	enum mm_page_size size;
	mm_prot prot;			/* WRITE, EXEC, cache type; HANDOVER_WX if both */
};

/* An empty space with its root table. E50 (source empty), E53 (levels or features make no sense). */
enum status space_init(struct space *space, unsigned levels, const struct mm_features *features,
		       struct page_source *tables, struct problem *problem);

/* Frees every table. Context: loaded by no CPU. Flushes before it frees all the same (rule 1). E61: as unmap. */
enum status space_destroy(struct space *space, struct problem *problem);

/* Maps length bytes at va to pa with pages of at most max_size. Nothing in the range may be mapped. On failure
 * nothing is changed. E53: misaligned, not canonical, beyond phys_bits, already mapped, writable and executable
 * without MM_HANDOVER_WX, memory type not in the PAT. E50: no table page. */
enum status space_map(struct space *space, uint64_t va, uint64_t pa, uint64_t length, mm_prot prot,
		      enum mm_page_size max_size, struct problem *problem);

/* Unmaps what is mapped in the range (holes are fine), splitting large pages at its ends; frees tables that
 * became empty. When it returns no CPU can use the old translations. On E50 and E53 (a split that is refused) no
 * address lost its mapping. E61: a CPU did not acknowledge the flush; the range is unmapped, but that CPU may still
 * use it, and nothing is freed that it could reach. */
enum status space_unmap(struct space *space, uint64_t va, uint64_t length, struct problem *problem);

/* As space_unmap(), and gives the unmapped pages to owner, each 4 KiB page once, after the flush. */
enum status space_unmap_free(struct space *space, uint64_t va, uint64_t length, struct page_source *owner,
			     struct problem *problem);

/* New rights (and memory type) for the range, which must be mapped throughout (E53 otherwise, nothing changed).
 * When it returns no CPU uses the old rights. A changed memory type goes through not-present and ends with the
 * range written back from the caches. E50 and E53: no rights changed. E61: as above; a changed memory
 * type is then taken back, changed rights stay. */
enum status space_protect(struct space *space, uint64_t va, uint64_t length, mm_prot prot, struct problem *problem);

/* Puts one page of size (2M or 1G) where its small pages stand, and frees their table. The reverse of a split, by
 * break-before-make too: va's page must not hold what is pinned or the tables concerned. E53: those; or the small
 * pages are not all there, not contiguous, misaligned, not alike. E61: a CPU did not acknowledge; nothing changed. */
enum status space_merge(struct space *space, uint64_t va, enum mm_page_size size, struct problem *problem);

/* Looks va up as a CPU would; false: not mapped. Lock-free: runs on any CPU, in any context, while another changes the
 * space; tables that it may look at are not freed before it ends. */
bool space_query(struct space *space, uint64_t va, struct mapping *mapping);

/* The value for CR3. A CPU that loads it has published itself before (rule 4). */
static inline uint64_t space_cr3(const struct space *space)
{
	/* order: the CPU's bit in the mask before the mode. pairs with: space_set_lam(). else: a CPU that is not
	 * called yet loads the old mode and keeps it. x86 keeps loads in order, and the bit was set by a locked or. */
	return space->root | shared_load_acquire_u64(&space->mode);
}

#endif
