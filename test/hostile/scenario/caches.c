// SPDX-License-Identifier: MIT
/* Page walkers that look past the caches: they see a change only once its lines are written back, in the order of
 * rule 6. The self-made walk is the smallest case; the rewriting of a whole tree is the one that Baton has. */
#include "mm/cache.h"
#include "mm/walk.h"
#include "test/hostile/scenario/scenario.h"

static void table_for_others(void)
{
	world_start(24);
	world_space(0, 4);
	page_at_va(0, VA, MM_WRITE);
	page_at_va(0, VA + 0x1000, MM_WRITE);
}

static void takes_write(struct leaf leaf)
{
	pte_store(leaf.table, leaf.index, leaf.pte & ~(PTE_WRITE | PTE_DIRTY));
}

/* Nobody has the space loaded, so no flush is owed, and none stands between the stores and the write-back. */
static void changes_cleans_tells(void)
{
	struct leaf leaf = walk_find(&world->space[0], VA);

	change_begin(3);
	takes_write(walk_find(&world->space[0], VA + 0x1000));
	takes_write(leaf);
	cache_writeback((uint64_t)(uintptr_t)leaf.table, MM_PAGE_BYTES);
	change_end(3, true);
	shared_store_release_u32(&world->flag[0], 1);
}

static void is_told_and_walks(void)
{
	flag_wait(&world->flag[0], 1);
	cpu_load(0);
	touch(0);
	touch(1);
	cpu_leave();
}

static void told_end(void)
{
	expect_pages(2);
	EXPECT(maps_to(0, VA, world->note[0], MM_READ));
}

const struct scenario walker_past_caches_scenario = {
	.name = "walker-past-caches", .what = "a table is changed, written back, told of; walkers look past the caches",
	.setup = table_for_others, .program = { changes_cleans_tells, is_told_and_walks, is_told_and_walks },
	.end = told_end, .past_caches = true,
};
