// SPDX-License-Identifier: MIT
#include "mm/gather.h"

#include <stddef.h>

#include "mm/flush.h"
#include "mm/table.h"

#define QUEUED_TABLE 1ull

static void range_reset(struct gather *gather)
{
	gather->pending = gather->tables = false;
	gather->first = UINT64_MAX;
	gather->last = 0;
	gather->stride = MM_1G_BYTES;
}

void gather_begin(struct gather *gather, struct space *space, struct page_source *owner)
{
	gather->space = space;
	gather->owner = owner;
	gather->everyone = gather->lost = false;
	gather->count = 0;
	gather->capacity = space->gather_capacity;
	gather->batch = 0;
	range_reset(gather);
	space->gathers++;
}

static uint64_t queue_get(const struct gather *gather, unsigned i)
{
	return i < GATHER_ON_STACK ? gather->slot[i] : pte_load(table_at(gather->batch), i);
}

/* Room for word i; false: the batch page cannot be had. */
static bool queue_reach(struct gather *gather, unsigned i)
{
	struct page_source *source = gather->space->tables;

	return i < GATHER_ON_STACK || gather->batch || source->alloc(source->context, &gather->batch, NULL) == OK;
}

static void table_free(struct space *space, uint64_t table)
{
	space->tables->free(space->tables->context, table);
}

/* Nobody walks who began before now: what limbo holds was unlinked before that. */
static void limbo_free(struct space *space)
{
	while (space->limbo) {
		uint64_t table = space->limbo;

		space->limbo = pte_load(table_at(table), 0);
		space->limbo_pages--;
		table_free(space, table);
	}
}

/* Is a software walker under way that may hold a pointer to what was unlinked? */
static bool walkers_under_way(const struct space *space)
{
	/* order: the cleared links (and flush_space()'s locked add) before the count. pairs with: walk_counted().
	 * else: a walker that is not counted yet follows the old link into a freed table. */
	return shared_load_acquire_u32(&space->walkers) != 0;
}

static void limbo_add(struct space *space, uint64_t table)
{
	/* A page's address has the present bit clear: a walker finds a hole. */
	pte_store(table_at(table), 0, space->limbo);
	space->limbo = table;
	space->limbo_pages++;
}

/* Flushed; frees unless somebody may still look. */
static void queue_free(struct gather *gather, uint64_t word, bool walkers)
{
	struct space *space = gather->space;
	uint64_t page = word & ~QUEUED_TABLE;

	/* A lost CPU keeps what it cached, and its walker goes on: later rounds are lost to it as well. */
	if (space->quarantine)
		space->quarantined++;
	else if (!(word & QUEUED_TABLE))
		gather->owner->free(gather->owner->context, page);
	else if (walkers)
		limbo_add(space, page);
	else
		table_free(space, page);
}

/* One round: everything queued was unlinked before; it is freed after the flush, never before (rule 1). */
static void gather_flush(struct gather *gather)
{
	struct space *space = gather->space;
	/* Another gather is open: it may have cleared what this one then found to be a hole, and not flushed it yet. */
	bool nested = space->gathers > 1;
	bool walkers;
	unsigned i;

	if ((gather->pending || nested) &&
	    !flush_space(space, gather->first, gather->last, gather->stride, gather->tables || nested,
			 gather->everyone || gather->count > 0 || nested)) {
		gather->lost = true;
		space_quarantine(space);
	}
	walkers = walkers_under_way(space);
	if (!walkers && !space->quarantine)
		limbo_free(space);
	for (i = 0; i < gather->count; i++)
		queue_free(gather, queue_get(gather, i), walkers);
	gather->count = 0;
	range_reset(gather);
}

void gather_leaf(struct gather *gather, uint64_t va, uint64_t bytes)
{
	gather->pending = true;
	if (va < gather->first)
		gather->first = va;
	if (va + bytes - 1 > gather->last)
		gather->last = va + bytes - 1;
	if (bytes < gather->stride)
		gather->stride = bytes;
}

static void queue_add(struct gather *gather, uint64_t word)
{
	if (!queue_reach(gather, gather->count))
		gather_flush(gather);
	if (gather->count < GATHER_ON_STACK)
		gather->slot[gather->count] = word;
	else
		pte_store(table_at(gather->batch), gather->count, word);
	gather->count++;
	if (gather->count == gather->capacity)
		gather_flush(gather);
}

void gather_page(struct gather *gather, uint64_t page)
{
	queue_add(gather, page);
}

void gather_table(struct gather *gather, uint64_t table)
{
	gather->pending = gather->tables = true;
	gather->space->table_pages--;
	queue_add(gather, table | QUEUED_TABLE);
}

enum status gather_finish(struct gather *gather, struct problem *problem)
{
	struct space *space = gather->space;

	gather_flush(gather);
	space->gathers--;
	/* Never a table, reached by nobody else. */
	if (gather->batch)
		table_free(space, gather->batch);
	if (gather->lost)
		return problem_set(problem, E_CPU_LOST, "flush of root 0x%llx: a CPU did not acknowledge",
				   (unsigned long long)space->root);
	return OK;
}

void gather_free_flushed(struct space *space, uint64_t table)
{
	if (walkers_under_way(space))
		limbo_add(space, table);
	else
		table_free(space, table);
}
