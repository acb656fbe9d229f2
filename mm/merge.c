// SPDX-License-Identifier: MIT
#include "mm/flush.h"
#include "mm/walk.h"

/* The entry that holds the table of level below, on the way to va; false: va meets a leaf or a hole above it. */
static bool find_table(const struct space *space, uint64_t va, unsigned below, struct page_table **parent,
		       uint64_t *parent_phys, uint64_t *pte)
{
	unsigned level;

	*parent_phys = space->root;
	for (level = space->levels;; level--) {
		*parent = table_at(*parent_phys);
		*pte = pte_load(*parent, pte_index(va, level));
		if (!pte_is_table(*pte, level))
			return false;
		if (level == below + 1)
			return true;
		*parent_phys = *pte & PTE_ADDRESS;
	}
}

/* The large leaf that a split would turn into exactly this table; false: there is none. */
static bool large_leaf(const struct space *space, const struct page_table *child, unsigned level, uint64_t *large)
{
	uint64_t first = pte_load(child, 0);
	uint64_t phys = pte_leaf_phys(first, level - 1);
	unsigned i;

	if (!(first & PTE_PRESENT) || pte_is_table(first, level - 1) || phys & (level_bytes(level) - 1))
		return false;
	*large = pte_leaf(&space->features, phys, level, pte_leaf_prot(&space->features, first, level - 1));
	for (i = 0; i < PTE_COUNT; i++)
		if (pte_load(child, i) != pte_split(*large, level, i))
			return false;
	return true;
}

static enum status not_mergeable(uint64_t va, struct problem *problem)
{
	return problem_set(problem, E_MAPPING, "page 0x%llx: no whole page of equal small ones to be merged",
			   (unsigned long long)va);
}

enum status space_merge(struct space *space, uint64_t va, enum mm_page_size size, struct problem *problem)
{
	uint64_t bytes = mm_size_bytes(size), last, parent_phys, link, child, large;
	struct page_table *parent;
	enum status status = range_check(space, va, bytes, &last, problem);

	if (status)
		return status;
	if (size == MM_PAGE_4K || va & (bytes - 1) || (size == MM_PAGE_1G && !space->features.page_1g) ||
	    !find_table(space, va, size - 1, &parent, &parent_phys, &link))
		return not_mergeable(va, problem);
	child = link & PTE_ADDRESS;
	if (!large_leaf(space, table_at(child), size, &large))
		return not_mergeable(va, problem);
	status = may_vanish(space, va, bytes, parent_phys, "merged", problem);
	if (!status)
		status = may_vanish(space, va, bytes, child, "merged", problem);
	if (status)
		return status;
	/* Break before make (rule 5), and the table leaves by rule 1. */
	pte_store(parent, pte_index(va, size), 0);
	if (!flush_space(space, va, last, MM_PAGE_BYTES, true, true)) {
		space_quarantine(space);
		pte_store(parent, pte_index(va, size), link);
		return problem_set(problem, E_CPU_LOST, "merge of page 0x%llx: a CPU did not acknowledge the flush",
				   (unsigned long long)va);
	}
	pte_store(parent, pte_index(va, size), large);
	space->table_pages--;
	gather_free_flushed(space, child);
	return OK;
}
