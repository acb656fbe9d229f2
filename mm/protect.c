// SPDX-License-Identifier: MIT
#include "mm/cache.h"
#include "mm/walk.h"

struct protect {
	struct space *space;
	struct gather gather;
	mm_prot prot;
	bool new_type;		/* at least one leaf has another memory type now */
	uint64_t hole;
};

static bool examine(void *context, const struct leaf *leaf)
{
	struct protect *p = context;
	const struct mm_features *features = &p->space->features;

	p->hole = leaf->va;
	if (!(leaf->pte & PTE_PRESENT))
		return false;
	if (mm_prot_cache(pte_leaf_prot(features, leaf->pte, leaf->level)) != mm_prot_cache(p->prot))
		p->new_type = true;
	return true;
}

static bool break_leaf(void *context, const struct leaf *leaf)
{
	struct protect *p = context;

	/* The rest of the entry stays for make_leaf(); walkers look no further than the present bit. */
	pte_store(leaf->table, leaf->index, leaf->pte & ~PTE_PRESENT);
	gather_leaf(&p->gather, leaf->va, level_bytes(leaf->level));
	return true;
}

/* The old entry again is safe for everybody, a CPU that kept its translation included. */
static bool restore_leaf(void *context, const struct leaf *leaf)
{
	(void)context;
	pte_store(leaf->table, leaf->index, leaf->pte | PTE_PRESENT);
	return true;
}

static bool make_leaf(void *context, const struct leaf *leaf)
{
	struct protect *p = context;

	pte_store(leaf->table, leaf->index, pte_leaf(&p->space->features,
						     pte_leaf_phys(leaf->pte, leaf->level), leaf->level, p->prot));
	/* After break_leaf() nothing is cached (SDM 3A 4.10.2.3). */
	if (leaf->pte & PTE_PRESENT)
		gather_leaf(&p->gather, leaf->va, level_bytes(leaf->level));
	return true;
}

enum status space_protect(struct space *space, uint64_t va, uint64_t length, mm_prot prot, struct problem *problem)
{
	struct protect p = { .space = space, .prot = prot };
	uint64_t last;
	enum status status = range_check(space, va, length, &last, problem);

	if (!status)
		status = pte_check_prot(&space->features, prot, problem);
	if (status)
		return status;
	if (!walk_range(space, va, last, examine, &p))
		return problem_set(problem, E_MAPPING, "range 0x%llx+0x%llx: 0x%llx is not mapped",
				   (unsigned long long)va, (unsigned long long)length, (unsigned long long)p.hole);
	status = split_ends(space, va, last, problem);
	if (status)
		return status;
	if (p.new_type) {
		/* Rule 5: not-present, flush, new entry; then the lines cached under the old type go (rule 6). */
		gather_begin(&p.gather, space, NULL);
		p.gather.everyone = true;
		walk_range(space, va, last, break_leaf, &p);
		status = gather_finish(&p.gather, problem);
		if (status) {
			walk_range(space, va, last, restore_leaf, NULL);
			return status;
		}
	}
	gather_begin(&p.gather, space, NULL);
	walk_range(space, va, last, make_leaf, &p);
	status = gather_finish(&p.gather, problem);
	if (!status && p.new_type)
		cache_writeback(va, length);
	return status;
}
