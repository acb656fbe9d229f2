// SPDX-License-Identifier: MIT
/* Software walkers without a lock, two gathers at once, a batch that outgrows the stack. */
#include "mm/walk.h"
#include "test/hostile/scenario/scenario.h"

static void pages_and_holes(void)
{
	three_pages();
	watch(VA + 2 * MM_2M_BYTES);
	watch(VA + 0x8000);
}

/* The tables go, and are tables and data again at once. */
static void takes_tables(void)
{
	uint64_t page, again;

	unmap(0, VA + MM_2M_BYTES, 0x1000, 4);
	EXPECT(world->data.alloc(world->data.context, &page, NULL) == OK);
	change_begin(8);
	EXPECT(space_map(&world->space[0], VA + 2 * MM_2M_BYTES, page, 0x1000, MM_READ, MM_PAGE_4K, NULL) == OK);
	change_end(8, true);
	unmap(0, VA, 2 * MM_2M_BYTES, 7);
	EXPECT(world->data.alloc(world->data.context, &again, NULL) == OK);
	world->data.free(world->data.context, again);
}

/* What it finds was there before or is there now. */
static void looks_up(unsigned number, uint64_t va)
{
	struct mapping mapping;

	if (space_query(&world->space[0], va, &mapping))
		EXPECT(mapping.phys == world->note[number] && mapping.size == MM_PAGE_4K);
}

static void walks(void)
{
	unsigned round;

	for (round = 0; round < 2; round++) {
		looks_up(2, VA + MM_2M_BYTES);
		looks_up(0, VA);
		looks_up(2, VA + MM_2M_BYTES);
		looks_up(1, VA + 0x1000);
	}
}

static void limbo_end(void)
{
	limbo_empties(0);
	expect_pages(1);
	EXPECT(world->space[0].table_pages == 4);
}

const struct scenario walkers_scenario = {
	.name = "walkers", .what = "lock-free walkers hold back the free of tables",
	.setup = pages_and_holes, .program = { takes_tables, walks, walks }, .end = limbo_end,
	.capacities = { 1, 16 },
};

/* A fault dump: it may come between any two steps, on the changing CPU too. */
static void dump(void)
{
	looks_up(2, VA + MM_2M_BYTES);
	looks_up(0, VA);
}

static void user(void)
{
	unsigned round;

	for (round = 0; round < 2; round++) {
		touch(2);
		stream(0);
		touch(1);
	}
}

const struct scenario nmi_walker_scenario = {
	.name = "nmi-walker", .what = "a fault dump walks the tables from an NMI, anywhere",
	.setup = pages_and_holes, .program = { takes_tables, user, user }, .end = limbo_end, .nmi = true, .on_nmi = dump,
	.capacities = { 1, 16 },
};

/* --- two gathers --------------------------------------------------------------------------------------------------- */

static void gathers_setup(void)
{
	pages_and_holes();
	page_at_va(0, VA + 0x9000, MM_WRITE);
}

/* The second finds holes that the first has made and not flushed: it may not return before that is done. */
static void second_gather(void)
{
	struct gather first;

	change_begin(3);
	gather_begin(&first, &world->space[0], &world->data);
	unlink_range(&first, VA, VA + 0xfff);
	EXPECT(space_unmap_free(&world->space[0], VA, 0x2000, &world->data, NULL) == OK);
	change_end(3, false);
	EXPECT(gather_finish(&first, NULL) == OK);
	change_begin(4);
	gather_begin(&first, &world->space[0], NULL);
	unlink_range(&first, VA + MM_2M_BYTES, VA + MM_2M_BYTES + 0xfff);
	EXPECT(space_unmap(&world->space[0], VA + MM_2M_BYTES, 0x1000, NULL) == OK);
	change_end(4, false);
	EXPECT(gather_finish(&first, NULL) == OK);
}

static void gather_user(void)
{
	unsigned round;

	for (round = 0; round < 2; round++) {
		stream(0);
		touch(1);
		cpu_lazy();
		cpu_busy();
		touch(0);
		stream(2);
		touch(2);
	}
}

static void gathers_end(void)
{
	limbo_empties(0);
	expect_pages(2);
	EXPECT(world->space[0].gathers == 0);
}

const struct scenario two_gathers_scenario = {
	.name = "two-gathers", .what = "a gather begins while another on the same range is open",
	.setup = gathers_setup, .program = { second_gather, gather_user, gather_user }, .end = gathers_end,
	.capacities = { 1, 16 },
};

/* --- a batch beyond the stack ---------------------------------------------------------------------------------------- */

#define MANY (GATHER_ON_STACK + 3u)

static void many_pages(void)
{
	unsigned i;

	world_start(HOSTILE_PAGES - 2);
	world_space(0, 4);
	for (i = 0; i < MANY; i++)
		EXPECT(space_map(&world->space[0], VA + i * 0x1000, data_page(), 0x1000, MM_WRITE, MM_PAGE_4K, NULL) == OK);
	watch(VA);
	watch(VA + (GATHER_ON_STACK - 1) * 0x1000);
	watch(VA + (MANY - 1) * 0x1000);
	all_in(0);
}

static void unmaps_many(void)
{
	unmap(0, VA, MANY * 0x1000, 7);
}

static void many_user(void)
{
	unsigned round;

	for (round = 0; round < 2; round++) {
		stream(0);
		touch(1);
		stream(2);
		touch(0);
	}
}

static void many_gone(void)
{
	expect_pages(0);
	EXPECT(world->space[0].table_pages == 1);
}

const struct scenario batch_page_scenario = {
	.name = "batch-page", .what = "a batch grows into a page, or cannot: what is queued is then flushed and freed",
	.setup = many_pages, .program = { unmaps_many, many_user, many_user }, .end = many_gone, .allocates = true,
};
