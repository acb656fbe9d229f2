// SPDX-License-Identifier: MIT
/*
 * Where table pages come from and go to: the physical allocator for the kernel's own spaces, a fixed array of
 * pages for tables that must lie inside the block.
 */
#ifndef MM_SOURCE_H
#define MM_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "mm/mm.h"
#include "mm/phys.h"

/* Owned by the caller; outlives every space that uses it. */
struct page_source {
	enum status (*alloc)(void *context, uint64_t *page, struct problem *problem);
	void (*free)(void *context, uint64_t page);
	void *context;
};

/* Pages from a physical allocator: for tables, and for pages that spaces map (they differ in the poison). */
struct page_source page_source_phys(struct phys *phys);
struct page_source page_source_phys_data(struct phys *phys);

/* count pages at base, handed out upwards, reused LIFO. Peak use is what the block has to reserve next time. */
struct page_pool {
	uint64_t base;
	unsigned count;
	unsigned fresh;		/* pages handed out at least once: base .. base + fresh pages */
	unsigned used, peak;
	uint64_t free_list;	/* 0: empty */
};

void page_pool_init(struct page_pool *pool, uint64_t base, unsigned count);
struct page_source page_source_pool(struct page_pool *pool);

#endif
