// SPDX-License-Identifier: MIT
#include "mm/table.h"

#define NO_INDEX 8

/* Index in IA32_PAT of a memory type, NO_INDEX if the layout lacks it. */
static unsigned pat_index(uint64_t pat, enum mm_cache cache)
{
	unsigned i;

	for (i = 0; i < 8; i++)
		if ((pat >> 8 * i & 0xff) == cache)
			return i;
	return NO_INDEX;
}

uint64_t mm_pat_with_wc(uint64_t pat)
{
	const unsigned shift = 8 * 6;

	if (pat_index(pat, MM_WC) != NO_INDEX || pat_index(pat, (enum mm_cache)(pat >> shift & 0xff)) >= 6)
		return pat;
	return (pat & ~(0xffull << shift)) | (uint64_t)MM_WC << shift;
}

enum mm_cache mm_cache_or(const struct mm_features *features, enum mm_cache wanted, enum mm_cache fallback)
{
	return pat_index(features->pat, wanted) == NO_INDEX ? fallback : wanted;
}

void table_fill(uint64_t phys, uint64_t value)
{
	struct page_table *table = table_at(phys);
	unsigned i;

	for (i = 0; i < PTE_COUNT; i++)
		pte_store(table, i, value);
}

bool table_is_empty(uint64_t phys)
{
	const struct page_table *table = table_at(phys);
	unsigned i;

	for (i = 0; i < PTE_COUNT; i++)
		if (pte_load(table, i))
			return false;
	return true;
}

enum mm_page_size table_pick_size(uint64_t va, uint64_t pa, uint64_t last, enum mm_page_size max_size, bool page_1g)
{
	enum mm_page_size size = max_size;

	if (size == MM_PAGE_1G && !page_1g)
		size = MM_PAGE_2M;
	while (size > MM_PAGE_4K && (((va | pa) & (mm_size_bytes(size) - 1)) || last - va < mm_size_bytes(size) - 1))
		size--;
	return size;
}

enum status pte_check_prot(const struct mm_features *features, mm_prot prot, struct problem *problem)
{
	if (prot & MM_NONE)
		return problem_set(problem, E_MAPPING, "rights 0x%x: no mapping has no rights; unmap it", prot);
	if ((prot & (MM_WRITE | MM_EXEC | MM_HANDOVER_WX)) == (MM_WRITE | MM_EXEC))
		return problem_set(problem, E_MAPPING, "rights 0x%x: writable and executable", prot);
	if (pat_index(features->pat, mm_prot_cache(prot)) == NO_INDEX)
		return problem_set(problem, E_MAPPING, "memory type %u: not in the PAT 0x%llx",
				   (unsigned)mm_prot_cache(prot), (unsigned long long)features->pat);
	return OK;
}

uint64_t pte_leaf(const struct mm_features *features, uint64_t pa, unsigned level, mm_prot prot)
{
	unsigned pat = pat_index(features->pat, mm_prot_cache(prot));
	uint64_t pte = pa | PTE_PRESENT | PTE_ACCESSED;

	if (prot & MM_WRITE)
		pte |= PTE_WRITE | PTE_DIRTY;
	if (!(prot & MM_EXEC) && features->nx)
		pte |= PTE_NX;
	if (pat & 1)
		pte |= PTE_PWT;
	if (pat & 2)
		pte |= PTE_PCD;
	if (pat & 4)
		pte |= level == 1 ? PTE_PAT_4K : PTE_PAT_LARGE;
	return level == 1 ? pte : pte | PTE_LARGE;
}

uint64_t pte_leaf_phys(uint64_t pte, unsigned level)
{
	return pte & PTE_ADDRESS & ~(level_bytes(level) - 1);
}

mm_prot pte_leaf_prot(const struct mm_features *features, uint64_t pte, unsigned level)
{
	unsigned pat = (pte & PTE_PWT ? 1 : 0) | (pte & PTE_PCD ? 2 : 0) |
		       (pte & (level == 1 ? PTE_PAT_4K : PTE_PAT_LARGE) ? 4 : 0);
	mm_prot prot = MM_CACHE(features->pat >> 8 * pat & 7);

	if (pte & PTE_WRITE)
		prot |= MM_WRITE;
	if (!(pte & PTE_NX))
		prot |= MM_EXEC;
	return (prot & (MM_WRITE | MM_EXEC)) == (MM_WRITE | MM_EXEC) ? prot | MM_HANDOVER_WX : prot;
}

uint64_t pte_split(uint64_t pte, unsigned level, unsigned index)
{
	uint64_t child = (pte & ~PTE_ADDRESS) | (pte_leaf_phys(pte, level) + index * level_bytes(level - 1));

	if (level > 2)
		return child | (pte & PTE_PAT_LARGE);
	child &= ~PTE_LARGE;
	return pte & PTE_PAT_LARGE ? child | PTE_PAT_4K : child;
}
