// SPDX-License-Identifier: MIT
/*
 * Rule 1 of mm.h as an object: pages on their way out. Lives on the caller's stack. The queue begins there and grows
 * into one page from the space's table source; when that cannot be had, what is queued is flushed and freed at
 * once. So it cannot fail, and it never frees before the flush.
 *
 * Use: gather_begin(); per page: clear its entry, then gather_leaf() / gather_page() / gather_table();
 * gather_finish().
 */
#ifndef MM_GATHER_H
#define MM_GATHER_H

#include <stdbool.h>
#include <stdint.h>

#include "mm/mm.h"
#include "mm/source.h"
#include "mm/space.h"

#define GATHER_ON_STACK	32		/* 256 bytes */
#define GATHER_CAPACITY	512		/* pages freed per flush; a word each fills the batch page */

struct gather {
	struct space *space;
	struct page_source *owner;	/* takes the leaf pages; may be NULL if there are none to be freed */
	bool pending;			/* something was unlinked since the last flush */
	bool tables;			/* a table among it */
	bool everyone;			/* set by the caller: lazy CPUs too, although nothing is freed (flush.h) */
	uint64_t first, last;		/* covers all leaves unlinked, inclusive */
	uint64_t stride;		/* smallest of them */
	bool lost;			/* a CPU did not acknowledge */
	unsigned count, capacity;
	uint64_t batch;			/* page with the words from GATHER_ON_STACK on, 0: none */
	uint64_t slot[GATHER_ON_STACK];	/* page address, bit 0: a table */
};

void gather_begin(struct gather *gather, struct space *space, struct page_source *owner);

/* A leaf of bytes at va was unlinked or lost rights; nothing is freed for it. */
void gather_leaf(struct gather *gather, uint64_t va, uint64_t bytes);

/* A page whose entry was unlinked (and told by gather_leaf()) goes to the owner after the flush. */
void gather_page(struct gather *gather, uint64_t page);

/* A table that was unlinked from its parent goes back to the space's source after the flush, and after the software
 * walkers that were under way then (space_query()). */
void gather_table(struct gather *gather, uint64_t table);

/* Flushes what is pending, then frees the queue. E61: a CPU did not acknowledge; it may still use what was
 * unlinked, and all that is unlinked later, so from then on the space frees nothing (space->quarantined counts). */
enum status gather_finish(struct gather *gather, struct problem *problem);

/* For a table that was unlinked and whose flush has returned: to the space's source, held back as gather_table()'s. */
void gather_free_flushed(struct space *space, uint64_t table);

#endif
