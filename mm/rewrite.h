// SPDX-License-Identifier: MIT
/*
 * A whole tree changes at once, types included, while nobody walks it: every other CPU waits in the lot, and this one
 * stands on another root meanwhile (rule 6 of mm.h).
 */
#ifndef MM_REWRITE_H
#define MM_REWRITE_H

#include "mm/load.h"
#include "mm/space.h"

/* The new rights and type for a mapping. Called twice for each leaf; the same answer both times. */
typedef mm_prot (*rewrite_fn)(void *context, uint64_t va, const struct mapping *old);

/* Gives every leaf of the space the rights and type that fn says; sizes and frames stay. other_cr3: a root under which
 * this code, its stack, the space's tables and the frames whose type changes are mapped (the last two identity). When
 * it returns, memory holds the new tables, and the lines cached under a type that changed are written back. Owner of
 * self, which has the space loaded, interrupts off. E53: rights that are not possible, or a CPU that has not left the
 * space; E61: a lost CPU may still walk it. Nothing changed then. */
enum status space_rewrite(struct mm_cpu *self, struct space *space, uint64_t other_cr3, rewrite_fn fn, void *context,
			  struct problem *problem);

#endif
