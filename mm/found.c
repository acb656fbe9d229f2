// SPDX-License-Identifier: MIT
#include "mm/found.h"

#include <stddef.h>

#include "mm/table.h"

struct walk {
	found_fn *identity, *table;
	void *context;
	struct problem *problem;
};

/* Where a leaf points to, without the PAT bit of a large page. */
static uint64_t leaf_target(uint64_t pte, unsigned level)
{
	return pte & PTE_ADDRESS & ~(level_bytes(level) - 1);
}

static enum status walk_table(const struct walk *w, uint64_t phys, unsigned level, uint64_t va, unsigned entries)
{
	enum status s = w->table ? w->table(w->context, phys, MM_PAGE_BYTES, w->problem) : OK;

	for (unsigned i = 0; s == OK && i < entries; i++, va += level_bytes(level)) {
		uint64_t pte = pte_load(table_at(phys), i);

		if (pte_is_table(pte, level))
			s = walk_table(w, pte & PTE_ADDRESS, level - 1, va, PTE_COUNT);
		else if ((pte & PTE_PRESENT) && leaf_target(pte, level) == va && w->identity)
			s = w->identity(w->context, va, level_bytes(level), w->problem);
	}
	return s;
}

enum status found_walk(uint64_t cr3, unsigned levels, found_fn *identity, found_fn *table, void *context,
		       struct problem *problem)
{
	struct walk w = { identity, table, context, problem };

	return walk_table(&w, cr3 & PTE_ADDRESS, levels, 0, PTE_COUNT / 2);
}
