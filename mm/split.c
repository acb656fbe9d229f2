// SPDX-License-Identifier: MIT
#include "mm/flush.h"
#include "mm/walk.h"

static bool overlaps(uint64_t base, uint64_t size, uint64_t va, uint64_t bytes)
{
	return size && (base - va < bytes || va - base < size);
}

enum status may_vanish(const struct space *space, uint64_t va, uint64_t bytes, uint64_t table, const char *what,
		       struct problem *problem)
{
	unsigned i;

	for (i = 0; i < space->pinned_count; i++)
		if (overlaps(space->pinned[i].base, space->pinned[i].size, va, bytes))
			return problem_set(problem, E_MAPPING, "page 0x%llx: to be %s but pinned by 0x%llx+0x%llx",
					   (unsigned long long)va, what, (unsigned long long)space->pinned[i].base,
					   (unsigned long long)space->pinned[i].size);
	/* The table is written through the identity map, which may be this very page. */
	if (table - va < bytes)
		return problem_set(problem, E_MAPPING, "page 0x%llx: to be %s but holds its own table 0x%llx",
				   (unsigned long long)va, what, (unsigned long long)table);
	return OK;
}

/* Break before make (rule 5): not-present, flush, new entry. */
static enum status split_leaf(struct space *space, const struct leaf *leaf, struct problem *problem)
{
	uint64_t bytes = level_bytes(leaf->level), va = leaf->va & ~(bytes - 1), child;
	enum status status = may_vanish(space, va, bytes, leaf->table_phys, "split", problem);
	unsigned i;

	if (status)
		return status;
	status = space->tables->alloc(space->tables->context, &child, problem);
	if (status)
		return status;
	for (i = 0; i < PTE_COUNT; i++)
		pte_store(table_at(child), i, pte_split(leaf->pte, leaf->level, i));
	pte_store(leaf->table, leaf->index, 0);
	if (!flush_space(space, va, va + bytes - 1, bytes, false, true)) {
		/* The old entry again is safe for everybody; the new table was never linked, so it is no part of
		 * the quarantine. */
		space_quarantine(space);
		pte_store(leaf->table, leaf->index, leaf->pte);
		space->tables->free(space->tables->context, child);
		return problem_set(problem, E_CPU_LOST, "split of page 0x%llx: a CPU did not acknowledge the flush",
				   (unsigned long long)va);
	}
	pte_store(leaf->table, leaf->index, child | PTE_LINK);
	space->table_pages++;
	return OK;
}

/* Makes at the first address of a page, or of a hole. */
static enum status split_at(struct space *space, uint64_t at, struct problem *problem)
{
	struct leaf leaf = walk_find(space, at);
	enum status status = OK;

	while (!status && leaf.pte & PTE_PRESENT && at & (level_bytes(leaf.level) - 1)) {
		status = split_leaf(space, &leaf, problem);
		leaf = walk_find(space, at);
	}
	return status;
}

enum status split_ends(struct space *space, uint64_t va, uint64_t last, struct problem *problem)
{
	enum status status = split_at(space, va, problem);

	return status ? status : split_at(space, last + 1, problem);
}
