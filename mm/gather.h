// SPDX-License-Identifier: MIT
/*
 * Rule 1 of mm.h as an object: pages on their way out. Lives on the caller's stack and has a fixed capacity, so
 * it cannot fail: a full batch is flushed and freed at once.
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

#define GATHER_CAPACITY	64		/* 1 KiB of stack */

struct gather {
	struct space *space;
	bool pending;			/* something was unlinked since the last flush */
	bool tables;			/* a table among it */
	bool everyone;			/* set by the caller: lazy CPUs too, although nothing is freed (flush.h) */
	uint64_t first, last;		/* covers all leaves unlinked, inclusive */
	uint64_t stride;		/* smallest of them */
	bool lost;			/* a CPU did not acknowledge */
	unsigned count, capacity;
	struct { uint64_t page; struct page_source *source; } queue[GATHER_CAPACITY];
};

void gather_begin(struct gather *gather, struct space *space);

/* A leaf of bytes at va was unlinked or lost rights; nothing is freed for it. */
void gather_leaf(struct gather *gather, uint64_t va, uint64_t bytes);

/* A page whose entry was unlinked (and told by gather_leaf()) goes to source after the flush. */
void gather_page(struct gather *gather, uint64_t page, struct page_source *source);

/* A table that was unlinked from its parent goes back to the space's source after the flush. */
void gather_table(struct gather *gather, uint64_t table);

/* Flushes what is pending, then frees the queue. E61: a CPU did not acknowledge; it may still use what was
 * unlinked, and all that is unlinked later, so from then on the space frees nothing (space->quarantined counts). */
enum status gather_finish(struct gather *gather, struct problem *problem);

#endif
