// SPDX-License-Identifier: MIT
#include "mm/space.h"

#include "mm/walk.h"

enum status space_init(struct space *space, unsigned levels, const struct mm_features *features,
		       struct page_source *tables, struct problem *problem)
{
	enum status status;

	if ((levels != 4 && levels != 5) || features->phys_bits < 32 || features->phys_bits > 52)
		return problem_set(problem, E_MAPPING, "%u levels with %u physical address bits", levels,
				   features->phys_bits);
	*space = (struct space){
		.levels = levels, .features = *features, .tables = tables, .table_pages = 1,
		.gather_capacity = GATHER_CAPACITY,
	};
	status = tables->alloc(tables->context, &space->root, problem);
	if (status)
		return status;
	table_fill(space->root, 0);
	return OK;
}

enum status space_destroy(struct space *space, struct problem *problem)
{
	uint64_t half = 1ull << (12 + 9 * space->levels - 1);
	struct gather gather;

	gather_begin(&gather, space, NULL);
	unlink_range(&gather, 0, half - 1);
	unlink_range(&gather, -half, UINT64_MAX);
	gather_table(&gather, space->root);
	return gather_finish(&gather, problem);
}

/* One walk, counted. */
static struct leaf walk_counted(struct space *space, uint64_t va)
{
	struct leaf leaf;

	/* order: the count before the first entry read. pairs with: walkers_under_way(). else: the table is freed under
	 * this walk, which no flush keeps off. */
	shared_add_seq_cst_u32(&space->walkers, 1);
	leaf = walk_find(space, va);
	/* order: the last entry read before the count. pairs with: walkers_under_way(). else: as above. */
	shared_add_seq_cst_u32(&space->walkers, (uint32_t)-1);
	return leaf;
}

bool space_query(struct space *space, uint64_t va, struct mapping *mapping)
{
	struct leaf leaf = walk_counted(space, va);

	if (!(leaf.pte & PTE_PRESENT))
		return false;
	mapping->phys = pte_leaf_phys(leaf.pte, leaf.level) + (va & (level_bytes(leaf.level) - 1));
	mapping->size = (enum mm_page_size)leaf.level;
	mapping->prot = pte_leaf_prot(&space->features, leaf.pte, leaf.level);
	return true;
}

struct map {
	struct space *space;
	uint64_t pa_minus_va;
	uint64_t last;			/* of the whole range, inclusive */
	mm_prot prot;
	enum mm_page_size max_size;
};

/* A zeroed table, linked at table[index]. */
static enum status link_new_table(struct space *space, struct page_table *table, unsigned index, uint64_t *child,
				  struct problem *problem)
{
	enum status status = space->tables->alloc(space->tables->context, child, problem);

	if (status)
		return status;
	space->table_pages++;
	table_fill(*child, 0);
	/* Not present before, and such entries are not cached (SDM 3A 4.10.2.3): no flush. */
	pte_store(table, index, *child | PTE_LINK);
	return OK;
}

static enum status map_table(const struct map *map, uint64_t table_phys, unsigned level, uint64_t va, uint64_t last,
			     struct problem *problem)
{
	struct page_table *table = table_at(table_phys);
	enum status status;
	uint64_t end, pa, pte, child;

	for (;; va = end + 1) {
		end = entry_last(va, level, last);
		pa = va + map->pa_minus_va;
		if (level == (unsigned)table_pick_size(va, pa, map->last, map->max_size,
						       map->space->features.page_1g)) {
			pte_store(table, pte_index(va, level), pte_leaf(&map->space->features, pa, level, map->prot));
		} else {
			pte = pte_load(table, pte_index(va, level));
			child = pte & PTE_ADDRESS;
			if (!(pte & PTE_PRESENT)) {
				status = link_new_table(map->space, table, pte_index(va, level), &child, problem);
				if (status)
					return status;
			}
			status = map_table(map, child, level - 1, va, end, problem);
			if (status)
				return status;
		}
		if (end == last)
			return OK;
	}
}

static bool is_hole(void *context, const struct leaf *leaf)
{
	uint64_t *taken = context;

	*taken = leaf->va;
	return !(leaf->pte & PTE_PRESENT);
}

enum status space_map(struct space *space, uint64_t va, uint64_t pa, uint64_t length, mm_prot prot,
		      enum mm_page_size max_size, struct problem *problem)
{
	struct map map = { .space = space, .pa_minus_va = pa - va, .prot = prot, .max_size = max_size };
	enum status status = range_check(space, va, length, &map.last, problem);
	struct gather gather;
	uint64_t taken;

	if (status)
		return status;
	status = pte_check_prot(&space->features, prot, problem);
	if (status)
		return status;
	if (pa & (MM_PAGE_BYTES - 1) || pa + length - 1 < pa || (pa + length - 1) >> space->features.phys_bits)
		return problem_set(problem, E_MAPPING, "physical 0x%llx+0x%llx: misaligned or beyond %u bits",
				   (unsigned long long)pa, (unsigned long long)length, space->features.phys_bits);
	if (!walk_range(space, va, map.last, is_hole, &taken))
		return problem_set(problem, E_MAPPING, "range 0x%llx+0x%llx: 0x%llx is mapped already",
				   (unsigned long long)va, (unsigned long long)length, (unsigned long long)taken);
	status = map_table(&map, space->root, space->levels, va, map.last, problem);
	if (status) {
		/* Walkers may have seen the new entries and tables: they leave like any other (rule 1). A CPU that
		 * does not acknowledge costs the tables (quarantined); the answer is the first problem. */
		gather_begin(&gather, space, NULL);
		unlink_range(&gather, va, map.last);
		gather_finish(&gather, NULL);
	}
	return status;
}
