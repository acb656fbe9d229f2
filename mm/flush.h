// SPDX-License-Identifier: MIT
/*
 * Translations leave every CPU: rules 2 and 3 of mm.h. All flushes of mm/ pass here. The other CPUs are
 * reached through one hook that smp/ installs; without it this CPU is the only one.
 */
#ifndef MM_FLUSH_H
#define MM_FLUSH_H

#include <stdbool.h>
#include <stdint.h>

#include "mm/mm.h"

struct space;

/* More pages than this: reload CR3 instead (Linux's estimate, about 100 ns per INVLPG). */
#define FLUSH_RANGE_PAGES	33

/* Owned by the flusher's stack; valid until the hook returns. */
struct flush_request {
	const struct space *space;
	uint64_t first, last;		/* bytes, inclusive; whole: ignored */
	uint64_t stride;		/* smallest page in the range: one INVLPG each */
	bool whole;			/* everything of the space: reload CR3 */
	bool everyone;			/* lazy CPUs are not skipped: pages or tables are freed after this (rule 2), or
					 * a size or type changes, which a lazy CPU's walker could meet (rule 5) */
	uint64_t generation;		/* the space's, after the change */
};

/* Runs flush_here(request) on every other CPU that has the space loaded, lazy or not, and returns only after
 * each of them has acknowledged or missed the hook's deadline. false: at least one did not acknowledge; what the
 * flush was to protect is then quarantined, never freed. */
typedef bool (*mm_flush_others_fn)(const struct flush_request *request);

/* NULL: there are no other CPUs (yet). Context: boss, before or after no flush is under way. */
void mm_set_flush_others(mm_flush_others_fn fn);

/* Makes a request from a range, increments the space's generation, flushes here and on all others. tables: a table
 * was unlinked, everything goes. Returns false as the hook does. */
bool flush_space(struct space *space, uint64_t first, uint64_t last, uint64_t stride, bool tables, bool everyone);

/* The receiving half: flush on this CPU, write-combining buffers drained. smp/ acknowledges after it returns.
 * Context: any CPU, also from the cross call's handler. */
void flush_here(const struct flush_request *request);

#endif
