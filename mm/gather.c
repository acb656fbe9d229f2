// SPDX-License-Identifier: MIT
#include "mm/gather.h"

#include "mm/flush.h"

void gather_begin(struct gather *gather, struct space *space)
{
	gather->space = space;
	gather->pending = gather->tables = gather->everyone = gather->lost = false;
	gather->first = UINT64_MAX;
	gather->last = 0;
	gather->stride = MM_1G_BYTES;
	gather->count = 0;
	gather->capacity = space->gather_capacity;
}

/* One round: everything queued was unlinked before; it is freed after the flush, never before (rule 1). */
static void gather_flush(struct gather *gather)
{
	struct space *space = gather->space;
	unsigned i;

	if (gather->pending && !flush_space(space, gather->first, gather->last, gather->stride, gather->tables,
					    gather->everyone || gather->count > 0)) {
		gather->lost = true;
		space_quarantine(space);
	}
	for (i = 0; i < gather->count; i++) {
		/* A lost CPU keeps what it cached, and its walker goes on: later rounds are lost to it as well. */
		if (space->quarantine)
			space->quarantined++;
		else
			gather->queue[i].source->free(gather->queue[i].source->context, gather->queue[i].page);
	}
	gather->count = 0;
	gather->pending = gather->tables = false;
	gather->first = UINT64_MAX;
	gather->last = 0;
	gather->stride = MM_1G_BYTES;
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

void gather_page(struct gather *gather, uint64_t page, struct page_source *source)
{
	gather->queue[gather->count].page = page;
	gather->queue[gather->count].source = source;
	gather->count++;
	if (gather->count == gather->capacity)
		gather_flush(gather);
}

void gather_table(struct gather *gather, uint64_t table)
{
	gather->pending = gather->tables = true;
	gather->space->table_pages--;
	gather_page(gather, table, gather->space->tables);
}

enum status gather_finish(struct gather *gather, struct problem *problem)
{
	gather_flush(gather);
	if (gather->lost)
		return problem_set(problem, E_CPU_LOST, "flush of root 0x%llx: a CPU did not acknowledge",
				   (unsigned long long)gather->space->root);
	return OK;
}
