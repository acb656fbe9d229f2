// SPDX-License-Identifier: MIT
#include "mm/rewrite.h"

#include "mm/cache.h"
#include "mm/walk.h"

struct rewrite {
	struct space *space;
	rewrite_fn fn;
	void *context;
	struct problem *problem;
	enum status status;
};

static mm_prot ask(const struct rewrite *r, const struct leaf *leaf, struct mapping *old)
{
	*old = (struct mapping){
		.phys = pte_leaf_phys(leaf->pte, leaf->level),
		.size = (enum mm_page_size)leaf->level,
		.prot = pte_leaf_prot(&r->space->features, leaf->pte, leaf->level),
	};
	return r->fn(r->context, leaf->va, old);
}

static bool examine(void *context, const struct leaf *leaf)
{
	struct rewrite *r = context;
	struct mapping old;

	if (leaf->pte & PTE_PRESENT)
		r->status = pte_check_prot(&r->space->features, ask(r, leaf, &old), r->problem);
	return r->status == OK;
}

static bool replace(void *context, const struct leaf *leaf)
{
	struct rewrite *r = context;
	struct mapping old;
	mm_prot prot;

	if (!(leaf->pte & PTE_PRESENT))
		return true;
	prot = ask(r, leaf, &old);
	pte_store(leaf->table, leaf->index, pte_leaf(&r->space->features, old.phys, leaf->level, prot));
	/* Nobody loads lines under the old type any more: what there is of them goes. */
	if (mm_prot_cache(prot) != mm_prot_cache(old.prot))
		cache_writeback((uint64_t)(uintptr_t)cpu_phys_pointer(old.phys), level_bytes(leaf->level));
	return true;
}

/* The tables themselves: a walker that does not look into this CPU's caches sees them from here on. */
static void write_back_tables(uint64_t table_phys, unsigned level)
{
	const struct page_table *table = table_at(table_phys);
	unsigned i;

	for (i = 0; i < PTE_COUNT; i++) {
		uint64_t pte = pte_load(table, i);

		if (pte_is_table(pte, level))
			write_back_tables(pte & PTE_ADDRESS, level - 1);
	}
	cache_writeback((uint64_t)(uintptr_t)table, MM_PAGE_BYTES);
}

/* Every leaf and hole of both halves. */
static bool walk_all(const struct space *space, leaf_fn fn, void *context)
{
	uint64_t half = 1ull << (12 + 9 * space->levels - 1);

	return walk_range(space, 0, half - 1, fn, context) && walk_range(space, -half, UINT64_MAX, fn, context);
}

static enum status check_alone(const struct mm_cpu *self, const struct space *space, struct problem *problem)
{
	unsigned word;

	if (space->quarantine)
		return problem_set(problem, E_CPU_LOST, "rewrite of root 0x%llx: a lost CPU may walk it",
				   (unsigned long long)space->root);
	for (word = 0; word < MM_CPUS / 64; word++) {
		/* order: a CPU's other CR3 before its cleared bit. pairs with: mask_clear(). else: it still walks. */
		uint64_t others = shared_load_acquire_u64(&space->cpus[word]);

		if (word == self->index / 64)
			others &= ~(1ull << self->index % 64);
		if (others)
			return problem_set(problem, E_MAPPING, "rewrite of root 0x%llx: CPUs 0x%llx of %u.. have it",
					   (unsigned long long)space->root, (unsigned long long)others, 64 * word);
	}
	return OK;
}

enum status space_rewrite(struct mm_cpu *self, struct space *space, uint64_t other_cr3, rewrite_fn fn, void *context,
			  struct problem *problem)
{
	struct rewrite r = { .space = space, .fn = fn, .context = context, .problem = problem };
	enum status status = check_alone(self, space, problem);

	if (status)
		return status;
	if (!walk_all(space, examine, &r))
		return r.status;
	/* Nobody walks these tables from here on, so an entry may get a new type in one store (rule 5 asks for no
	 * more); a flush is not owed, the load at the end has none of the old entries. */
	space_leave(self, other_cr3);
	walk_all(space, replace, &r);
	write_back_tables(space->root, space->levels);
	space_load(self, space);
	return OK;
}
