// SPDX-License-Identifier: MIT
#include "mm/plan.h"

#include "mm/table.h"

void table_plan_begin(struct table_plan *plan, unsigned levels, const struct mm_features *features)
{
	*plan = (struct table_plan){ .levels = levels, .page_1g = features->page_1g, .tables = 1 };
}

enum status table_plan_add(struct table_plan *plan, uint64_t va, uint64_t pa, uint64_t length,
			   enum mm_page_size max_size, struct problem *problem)
{
	uint64_t last = va + length - 1, bytes, region;
	enum mm_page_size size;
	unsigned level;

	if ((va | pa | length) & (MM_PAGE_BYTES - 1) || !length || last < va || va < plan->next_va)
		return problem_set(problem, E_MAPPING, "mapping 0x%llx+0x%llx: misaligned or not in ascending order",
				   (unsigned long long)va, (unsigned long long)length);
	for (;; va += bytes, pa += bytes) {
		size = table_pick_size(va, pa, last, max_size, plan->page_1g);
		bytes = mm_size_bytes(size);
		/* A leaf needs one table of its level and one of each level above; the root is counted. */
		for (level = size; level < plan->levels; level++) {
			region = va / level_bytes(level + 1) + 1;
			if (region != plan->last_region[level])
				plan->tables++;
			plan->last_region[level] = region;
		}
		if (last - va < bytes)
			break;
	}
	plan->next_va = last + 1 ? last + 1 : UINT64_MAX;
	return OK;
}
