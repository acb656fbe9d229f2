// SPDX-License-Identifier: MIT
#include "mm/walk.h"

static void unlink_leaf(struct gather *gather, struct page_table *table, unsigned level, uint64_t va, uint64_t pte)
{
	uint64_t phys = pte_leaf_phys(pte, level), offset;

	pte_store(table, pte_index(va, level), 0);
	gather_leaf(gather, va, level_bytes(level));
	if (!gather->owner)
		return;
	for (offset = 0; offset < level_bytes(level); offset += MM_PAGE_BYTES)
		gather_page(gather, phys + offset);
}

static void unlink_table(struct gather *gather, uint64_t table_phys, unsigned level, uint64_t va, uint64_t last)
{
	struct page_table *table = table_at(table_phys);
	uint64_t end, pte, child;

	for (;; va = end + 1) {
		end = entry_last(va, level, last);
		pte = pte_load(table, pte_index(va, level));
		if (pte_is_table(pte, level)) {
			child = pte & PTE_ADDRESS;
			unlink_table(gather, child, level - 1, va, end);
			if (table_is_empty(child)) {
				pte_store(table, pte_index(va, level), 0);
				gather_table(gather, child);
			}
		} else if (pte & PTE_PRESENT) {
			unlink_leaf(gather, table, level, va, pte);
		}
		if (end == last)
			return;
	}
}

void unlink_range(struct gather *gather, uint64_t va, uint64_t last)
{
	unlink_table(gather, gather->space->root, gather->space->levels, va, last);
}

enum status space_unmap_free(struct space *space, uint64_t va, uint64_t length, struct page_source *owner,
			     struct problem *problem)
{
	struct gather gather;
	uint64_t last;
	enum status status = range_check(space, va, length, &last, problem);

	if (!status)
		status = split_ends(space, va, last, problem);
	if (status)
		return status;
	gather_begin(&gather, space, owner);
	unlink_range(&gather, va, last);
	return gather_finish(&gather, problem);
}

enum status space_unmap(struct space *space, uint64_t va, uint64_t length, struct problem *problem)
{
	return space_unmap_free(space, va, length, NULL, problem);
}
