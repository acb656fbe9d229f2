// SPDX-License-Identifier: MIT
/*
 * Steps that the changes of a space share. Internal to mm/.
 */
#ifndef MM_WALK_H
#define MM_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mm/gather.h"
#include "mm/space.h"
#include "mm/table.h"

/* An entry that is no link to a table: a leaf, or a hole (not present). */
struct leaf {
	struct page_table *table;
	uint64_t table_phys;
	unsigned index, level;
	uint64_t pte;
	uint64_t va;		/* first address of the entry that lies in the walked range */
};

/* Returns false to stop the walk. May change the entry. */
typedef bool (*leaf_fn)(void *context, const struct leaf *leaf);

/* Calls fn for every leaf and hole that the range va .. last (inclusive) touches; false if fn stopped it. */
bool walk_range(const struct space *space, uint64_t va, uint64_t last, leaf_fn fn, void *context);

/* The leaf or hole at va. */
struct leaf walk_find(const struct space *space, uint64_t va);

/* E53: misaligned, empty, or not within one canonical half. *last: the range's last byte. */
enum status range_check(const struct space *space, uint64_t va, uint64_t length, uint64_t *last,
			struct problem *problem);

/* After it no large page straddles the ends of va .. last. E50; E53: pinned; E61. */
enum status split_ends(struct space *space, uint64_t va, uint64_t last, struct problem *problem);

/* Unlinks every leaf in the range (none straddles its ends) and every table that is empty then. The pages that the
 * leaves pointed to go to the gather's owner, if it has one. */
void unlink_range(struct gather *gather, uint64_t va, uint64_t last);

/* Break-before-make takes [va, va + bytes) away for a moment. E53: something there must not vanish: what is pinned, or
 * the table that is written meanwhile. what: for the message. */
enum status may_vanish(const struct space *space, uint64_t va, uint64_t bytes, uint64_t table, const char *what,
		       struct problem *problem);

#endif
