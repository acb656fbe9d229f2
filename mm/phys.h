// SPDX-License-Identifier: MIT
/*
 * Physical pages. Owns the ranges it was given; writes into a free page only when that page was handed out
 * before and came back (protocol rule 9: nothing outside our own allocations is written). Pages that come
 * back go to a LIFO list inside the pages themselves, so that a page is reused at once and a stale user shows.
 * Not thread-safe: the boss only.
 */
#ifndef MM_PHYS_H
#define MM_PHYS_H

#include <stdbool.h>
#include <stdint.h>

#include "mm/mm.h"

#define PHYS_RANGES	512

/* Fill of free pages. Data: never a valid address. Table: present with reserved bit 51, so that a walk through
 * a freed table faults with RSVD instead of succeeding (where the CPU has fewer than 52 address bits). */
#define PHYS_POISON_DATA	0xaaaaaaaaaaaaaaaaull
#define PHYS_POISON_TABLE	0x000aaaaaaaaaa001ull

struct phys {
	struct mm_range untouched[PHYS_RANGES];	/* never handed out yet; sorted, disjoint, page aligned */
	unsigned range_count;
	uint64_t free_list;			/* physical address of the first page, 0: empty */
	uint64_t free_pages;			/* untouched and listed */
	uint64_t listed_pages;
	uint64_t total_pages;			/* ever added */
	uint64_t poison_damage;			/* first page found written to while free, 0: none */
	bool poison;				/* fill on free, check on allocation */
	uint64_t allocations;			/* requests so far; counts towards fail_from */
	uint64_t fail_from, fail_count;		/* tests: requests fail_from .. +fail_count - 1 fail, from 1; 0: none */
};

/* Starts empty. poison as in struct phys. */
void phys_init(struct phys *phys, bool poison);

/* Gives [base, base + size) to the allocator, rounded inward to pages; page 0 is left out. Touches no memory.
 * Before the first allocation. E51: overlaps memory already added or wraps. E50: more than PHYS_RANGES separate
 * ranges. */
enum status phys_add(struct phys *phys, uint64_t base, uint64_t size, struct problem *problem);

/* One page, contents undefined (poison if set). From the list first, then the highest untouched page.
 * E50: none left. E54: a free page was written to; that page is kept out of use. */
enum status phys_alloc(struct phys *phys, uint64_t *page, struct problem *problem);

/* count pages in a row, aligned to align bytes (power of two, >= 4096), ending at or below limit (0: none),
 * from untouched memory, as high as possible. E50: no such run. */
enum status phys_alloc_run(struct phys *phys, uint64_t count, uint64_t align, uint64_t limit, uint64_t *base,
			   struct problem *problem);

/* Give back one page, or the pages of a run. table: it held page-table entries (poison pattern only).
 * The caller has unmapped and flushed it (rule 1). */
void phys_free(struct phys *phys, uint64_t page, bool table);
void phys_free_run(struct phys *phys, uint64_t base, uint64_t count);

#endif
