// SPDX-License-Identifier: MIT
#include "mm/phys.h"

#include "mm/table.h"

/*
 * A free page: word 0 links to the next one, and if pages are poisoned, word 1 is the link xor the pattern and
 * the rest the pattern. Words are reached as table entries are, so that the host twin sees every access.
 */
#define WORD_LINK	0
#define WORD_CHECK	1
#define WORD_FILL	2

void phys_init(struct phys *phys, bool poison)
{
	phys->range_count = 0;
	phys->free_list = 0;
	phys->free_pages = phys->listed_pages = phys->total_pages = 0;
	phys->poison_damage = 0;
	phys->poison = poison;
	phys->allocations = phys->fail_from = phys->fail_count = 0;
}

static void range_remove(struct phys *phys, unsigned at)
{
	phys->range_count--;
	for (; at < phys->range_count; at++)
		phys->untouched[at] = phys->untouched[at + 1];
}

/* Caller: range_count < PHYS_RANGES. */
static void range_insert(struct phys *phys, unsigned at, uint64_t base, uint64_t size)
{
	unsigned i;

	for (i = phys->range_count++; i > at; i--)
		phys->untouched[i] = phys->untouched[i - 1];
	phys->untouched[at] = (struct mm_range){ base, size };
}

enum status phys_add(struct phys *phys, uint64_t base, uint64_t size, struct problem *problem)
{
	uint64_t first = mm_page_up(base ? base : 1), end = mm_page_down(base + size);
	struct mm_range *r = phys->untouched;
	unsigned at;

	if (base + size < base || base > UINT64_MAX - MM_PAGE_BYTES)
		return problem_set(problem, E_MEMORY_MAP, "range 0x%llx+0x%llx: wraps", (unsigned long long)base,
				   (unsigned long long)size);
	if (first >= end)
		return OK;
	for (at = 0; at < phys->range_count && r[at].base + r[at].size < first; at++)
		;
	/* r[at] is the first range that ends at or after first. */
	if (at < phys->range_count && r[at].base < end && r[at].base + r[at].size > first)
		return problem_set(problem, E_MEMORY_MAP, "range 0x%llx+0x%llx: overlaps 0x%llx+0x%llx",
				   (unsigned long long)base, (unsigned long long)size,
				   (unsigned long long)r[at].base, (unsigned long long)r[at].size);
	if (at < phys->range_count && r[at].base + r[at].size == first) {
		if (at + 1 < phys->range_count && r[at + 1].base < end)
			return problem_set(problem, E_MEMORY_MAP, "range 0x%llx+0x%llx: overlaps 0x%llx+0x%llx",
					   (unsigned long long)base, (unsigned long long)size,
					   (unsigned long long)r[at + 1].base, (unsigned long long)r[at + 1].size);
		r[at].size += end - first;
		if (at + 1 < phys->range_count && r[at + 1].base == end) {
			r[at].size += r[at + 1].size;
			range_remove(phys, at + 1);
		}
	} else if (at < phys->range_count && r[at].base == end) {
		r[at].base = first;
		r[at].size += end - first;
	} else if (phys->range_count == PHYS_RANGES) {
		return problem_set(problem, E_NO_MEMORY, "range 0x%llx+0x%llx: more than %u separate ranges",
				   (unsigned long long)base, (unsigned long long)size, PHYS_RANGES);
	} else {
		range_insert(phys, at, first, end - first);
	}
	phys->free_pages += (end - first) / MM_PAGE_BYTES;
	phys->total_pages += (end - first) / MM_PAGE_BYTES;
	return OK;
}

static bool request_fails(struct phys *phys)
{
	phys->allocations++;
	return phys->fail_from && phys->allocations >= phys->fail_from &&
	       phys->allocations - phys->fail_from < phys->fail_count;
}

/* Is the free page as page_poison() left it? link_good: its link can be followed. */
static bool poison_intact(uint64_t page, bool *link_good)
{
	const struct page_table *words = table_at(page);
	uint64_t pattern = pte_load(words, WORD_LINK) ^ pte_load(words, WORD_CHECK);
	unsigned i;

	*link_good = pattern == PHYS_POISON_DATA || pattern == PHYS_POISON_TABLE;
	if (!*link_good)
		return false;
	for (i = WORD_FILL; i < PTE_COUNT; i++)
		if (pte_load(words, i) != pattern)
			return false;
	return true;
}

static enum status list_pop(struct phys *phys, uint64_t *page, struct problem *problem)
{
	uint64_t head = phys->free_list;
	bool link_good = true, intact = !phys->poison || poison_intact(head, &link_good);

	if (!link_good) {
		/* What lies behind is lost: a link that somebody wrote is not followed. */
		phys->free_pages -= phys->listed_pages;
		phys->listed_pages = 0;
		phys->free_list = 0;
	} else {
		phys->free_pages--;
		phys->listed_pages--;
		phys->free_list = pte_load(table_at(head), WORD_LINK);
	}
	if (!intact) {
		if (!phys->poison_damage)
			phys->poison_damage = head;
		return problem_set(problem, E_POISON, "page 0x%llx: written to after it was freed",
				   (unsigned long long)head);
	}
	*page = head;
	return OK;
}

enum status phys_alloc(struct phys *phys, uint64_t *page, struct problem *problem)
{
	struct mm_range *top;

	if (request_fails(phys))
		return problem_set(problem, E_NO_MEMORY, "allocation %llu: failed on request",
				   (unsigned long long)phys->allocations);
	if (phys->free_list)
		return list_pop(phys, page, problem);
	if (!phys->range_count)
		return problem_set(problem, E_NO_MEMORY, "no free page of %llu",
				   (unsigned long long)phys->total_pages);
	top = &phys->untouched[phys->range_count - 1];
	top->size -= MM_PAGE_BYTES;
	*page = top->base + top->size;
	if (!top->size)
		phys->range_count--;
	phys->free_pages--;
	return OK;
}

/* Takes [base, base + size) out of range i; false if that needs one range more than there is room for. */
static bool range_carve(struct phys *phys, unsigned i, uint64_t base, uint64_t size)
{
	struct mm_range *r = &phys->untouched[i];
	uint64_t below = base - r->base, above = r->base + r->size - (base + size);

	if (below && above) {
		if (phys->range_count == PHYS_RANGES)
			return false;
		r->size = below;
		range_insert(phys, i + 1, base + size, above);
	} else if (below) {
		r->size = below;
	} else if (above) {
		r->base = base + size;
		r->size = above;
	} else {
		range_remove(phys, i);
	}
	return true;
}

enum status phys_alloc_run(struct phys *phys, uint64_t count, uint64_t align, uint64_t limit, uint64_t *base,
			   struct problem *problem)
{
	uint64_t size = count * MM_PAGE_BYTES, end, at;
	unsigned i;

	if (!request_fails(phys) && count && count <= phys->free_pages) {
		for (i = phys->range_count; i-- > 0;) {
			end = phys->untouched[i].base + phys->untouched[i].size;
			if (limit && end > limit)
				end = limit;
			if (end < size)
				continue;
			at = (end - size) & ~(align - 1);
			if (at < phys->untouched[i].base || !range_carve(phys, i, at, size))
				continue;
			phys->free_pages -= count;
			*base = at;
			return OK;
		}
	}
	return problem_set(problem, E_NO_MEMORY, "no run of %llu pages aligned to 0x%llx below 0x%llx",
			   (unsigned long long)count, (unsigned long long)align, (unsigned long long)limit);
}

void phys_free(struct phys *phys, uint64_t page, bool table)
{
	uint64_t pattern = table ? PHYS_POISON_TABLE : PHYS_POISON_DATA;
	struct page_table *words = table_at(page);

	if (phys->poison) {
		table_fill(page, pattern);
		pte_store(words, WORD_CHECK, phys->free_list ^ pattern);
	}
	pte_store(words, WORD_LINK, phys->free_list);
	phys->free_list = page;
	phys->free_pages++;
	phys->listed_pages++;
}

void phys_free_run(struct phys *phys, uint64_t base, uint64_t count)
{
	while (count--)
		phys_free(phys, base + count * MM_PAGE_BYTES, false);
}
