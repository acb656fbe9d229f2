// SPDX-License-Identifier: MIT
#include "mm/source.h"

#include "mm/table.h"

static enum status phys_source_alloc(void *context, uint64_t *page, struct problem *problem)
{
	return phys_alloc(context, page, problem);
}

static void phys_source_free(void *context, uint64_t page)
{
	phys_free(context, page, true);
}

static void phys_source_free_data(void *context, uint64_t page)
{
	phys_free(context, page, false);
}

struct page_source page_source_phys(struct phys *phys)
{
	return (struct page_source){ phys_source_alloc, phys_source_free, phys };
}

struct page_source page_source_phys_data(struct phys *phys)
{
	return (struct page_source){ phys_source_alloc, phys_source_free_data, phys };
}

void page_pool_init(struct page_pool *pool, uint64_t base, unsigned count)
{
	*pool = (struct page_pool){ .base = base, .count = count };
}

static enum status pool_alloc(void *context, uint64_t *page, struct problem *problem)
{
	struct page_pool *pool = context;

	if (pool->free_list) {
		*page = pool->free_list;
		pool->free_list = pte_load(table_at(*page), 0);
	} else if (pool->fresh < pool->count) {
		*page = pool->base + MM_PAGE_BYTES * pool->fresh++;
	} else {
		return problem_set(problem, E_NO_MEMORY, "all %u pages of the pool at 0x%llx are in use", pool->count,
				   (unsigned long long)pool->base);
	}
	pool->used++;
	if (pool->used > pool->peak)
		pool->peak = pool->used;
	return OK;
}

static void pool_free(void *context, uint64_t page)
{
	struct page_pool *pool = context;

	/* A stale walk faults on the reserved bit, as with phys_free(). Entry 0 has the present bit clear. */
	table_fill(page, PHYS_POISON_TABLE);
	pte_store(table_at(page), 0, pool->free_list);
	pool->free_list = page;
	pool->used--;
}

struct page_source page_source_pool(struct page_pool *pool)
{
	return (struct page_source){ pool_alloc, pool_free, pool };
}
