// SPDX-License-Identifier: MIT
/* Translations and tables go while other CPUs run the space. */
#include "test/hostile/scenario/scenario.h"

/* Three pages under one table of level 1, one under another. All CPUs run the space. */
static void four_pages(void)
{
	world_start(24);
	world_space(0, 4);
	page_at_va(0, VA, MM_WRITE);
	page_at_va(0, VA + 0x1000, MM_WRITE);
	page_at_va(0, VA + 0x2000, MM_WRITE);
	page_at_va(0, VA + MM_2M_BYTES, MM_WRITE);
	watch(VA + 0x8000);	/* a hole: the way to it leads through the tables as well */
	all_in(0);
}

static void user(void)
{
	unsigned round;

	for (round = 0; round < 2; round++) {
		touch(0);
		stream(0);
		touch(1);
		stream(2);
		touch(3);
		stream(3);
	}
}

/* One leaf goes, its page is used again at once, somewhere else. */
static void unmap_leaf(void)
{
	uint64_t page;

	stream(0);
	unmap(0, VA, 0x1000, 1);
	EXPECT(world->data.alloc(world->data.context, &page, NULL) == OK && page == world->note[0]);
	EXPECT(space_map(&world->space[0], VA, page, 0x1000, MM_READ, MM_PAGE_4K, NULL) == OK);
	unmap(0, VA + 0x1000, 0x1000, 2);
}

static void one_leaf_end(void)
{
	expect_pages(3);
	EXPECT(maps_to(0, VA, world->note[0], MM_READ));
	EXPECT(maps_nothing(0, VA + 0x1000));
	EXPECT(maps_to(0, VA + 0x2000, world->note[2], MM_WRITE));
}

const struct scenario unmap_leaf_scenario = {
	.name = "unmap-leaf", .what = "a page is unmapped, freed, and mapped again at once",
	.setup = four_pages, .program = { unmap_leaf, user, user }, .end = one_leaf_end,
};

/* Everything goes, tables included. */
static void unmap_all(void)
{
	unmap(0, VA, 2 * MM_2M_BYTES, 15);
}

static void all_gone(void)
{
	expect_pages(0);
	EXPECT(world->space[0].table_pages == 1);
}

const struct scenario unmap_tables_scenario = {
	.name = "unmap-tables", .what = "tables go with their last page; full batches of 1 and 2",
	.setup = four_pages, .program = { unmap_all, user, user }, .end = all_gone,
	.capacities = { 1, 2, 16 },
};

/* A table goes and is a table again at once, for other addresses. */
static void table_again(void)
{
	uint64_t page = world->note[3];

	unmap(0, VA + MM_2M_BYTES, 0x1000, 8);
	EXPECT(space_map(&world->space[0], VA + 2 * MM_2M_BYTES, page, 0x1000, MM_READ, MM_PAGE_4K, NULL) == OK);
	protect(0, VA, 0x3000, MM_READ, 7);
}

static void table_again_setup(void)
{
	four_pages();
	watch(VA + 2 * MM_2M_BYTES);
}

static void table_again_user(void)
{
	unsigned round;

	for (round = 0; round < 2; round++) {
		stream(3);
		touch(5);
		stream(0);
		touch(3);
		touch(1);
	}
}

static void table_again_end(void)
{
	EXPECT(maps_to(0, VA + 0x2000, world->note[2], MM_READ));
	EXPECT(maps_nothing(0, VA + MM_2M_BYTES));
	EXPECT(world->space[0].table_pages == 5);
	expect_pages(3);
}

const struct scenario table_reuse_scenario = {
	.name = "table-reuse", .what = "a freed table is linked again elsewhere while the others walk",
	.setup = table_again_setup, .program = { table_again, table_again_user, table_again_user },
	.end = table_again_end,
};

/* Two CPUs change one space, one after the other. */
static void changer_low(void)
{
	lock_take();
	unmap(0, VA, 0x2000, 3);
	lock_give();
	touch(3);
	touch(2);
}

static void changer_high(void)
{
	touch(0);
	lock_take();
	unmap(0, VA + 0x2000, MM_2M_BYTES, 12);
	lock_give();
	touch(1);
}

const struct scenario two_changers_scenario = {
	.name = "two-changers", .what = "two CPUs unmap parts of one space, serialised by a lock",
	.setup = four_pages, .program = { changer_low, changer_high, user }, .end = all_gone,
	.capacities = { 1, 16 },
};
