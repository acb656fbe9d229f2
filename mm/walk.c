// SPDX-License-Identifier: MIT
#include "mm/walk.h"

static bool walk_table(uint64_t table_phys, unsigned level, uint64_t va, uint64_t last, leaf_fn fn, void *context)
{
	struct leaf leaf = { .table = table_at(table_phys), .table_phys = table_phys, .level = level };
	uint64_t end;

	for (;; va = end + 1) {
		end = entry_last(va, level, last);
		leaf.va = va;
		leaf.index = pte_index(va, level);
		leaf.pte = pte_load(leaf.table, leaf.index);
		if (pte_is_table(leaf.pte, level)) {
			if (!walk_table(leaf.pte & PTE_ADDRESS, level - 1, va, end, fn, context))
				return false;
		} else if (!fn(context, &leaf)) {
			return false;
		}
		if (end == last)
			return true;
	}
}

bool walk_range(const struct space *space, uint64_t va, uint64_t last, leaf_fn fn, void *context)
{
	return walk_table(space->root, space->levels, va, last, fn, context);
}

struct leaf walk_find(const struct space *space, uint64_t va)
{
	struct leaf leaf = { .table_phys = space->root, .level = space->levels, .va = va };

	for (;;) {
		leaf.table = table_at(leaf.table_phys);
		leaf.index = pte_index(va, leaf.level);
		leaf.pte = pte_load(leaf.table, leaf.index);
		if (!pte_is_table(leaf.pte, leaf.level))
			return leaf;
		leaf.table_phys = leaf.pte & PTE_ADDRESS;
		leaf.level--;
	}
}

static bool is_canonical(const struct space *space, uint64_t va)
{
	unsigned unused_bits = 64 - (12 + 9 * space->levels);

	return (uint64_t)((int64_t)(va << unused_bits) >> unused_bits) == va;
}

enum status range_check(const struct space *space, uint64_t va, uint64_t length, uint64_t *last,
			struct problem *problem)
{
	*last = va + length - 1;
	if ((va | length) & (MM_PAGE_BYTES - 1) || !length)
		return problem_set(problem, E_MAPPING, "range 0x%llx+0x%llx: not whole pages", (unsigned long long)va,
				   (unsigned long long)length);
	if (*last < va || !is_canonical(space, va) || !is_canonical(space, *last) || va >> 63 != *last >> 63)
		return problem_set(problem, E_MAPPING, "range 0x%llx+0x%llx: not canonical at %u levels",
				   (unsigned long long)va, (unsigned long long)length, space->levels);
	return OK;
}
