// SPDX-License-Identifier: MIT
/* Rights, types, sizes; new tables; allocations that fail. */
#include "test/hostile/scenario/scenario.h"

static void writer(void)
{
	unsigned round;

	for (round = 0; round < 2; round++) {
		stream(0);
		touch(1);
		stream(1);
		touch(0);
		stream(2);
		touch(2);
	}
}

static void rights_down_and_up(void)
{
	protect(0, VA, 0x2000, MM_READ, 3);
	protect(0, VA + 0x1000, 0x1000, MM_EXEC, 2);
	protect(0, VA, 0x1000, MM_WRITE, 1);
	protect(0, VA + MM_2M_BYTES, 0x1000, MM_READ, 4);
}

static void rights_end(void)
{
	expect_pages(3);
	EXPECT(maps_to(0, VA, world->note[0], MM_WRITE));
	EXPECT(maps_to(0, VA + 0x1000, world->note[1], MM_EXEC));
}

const struct scenario protect_scenario = {
	.name = "protect", .what = "rights go and come while the others use the pages",
	.setup = three_pages, .program = { rights_down_and_up, writer, writer }, .end = rights_end,
};

static void retypes(void)
{
	change_begin(3);
	EXPECT(space_protect(&world->space[0], VA, 0x2000, MM_WRITE | MM_CACHE(MM_UC), NULL) == OK);
	change_end(3, true);
	expect_written_back(0);
	expect_written_back(1);
}

static void retype_user(void)
{
	unsigned round;

	for (round = 0; round < 2; round++) {
		stream(0);
		touch(1);
		cpu_lazy();
		cpu_busy();
		touch(0);
		stream(1);
	}
}

static void retype_end(void)
{
	expect_pages(3);
	EXPECT(maps_to(0, VA, world->note[0], MM_WRITE | MM_CACHE(MM_UC)));
}

const struct scenario retype_scenario = {
	.name = "retype", .what = "a memory type changes by break before make, then the lines are written back",
	.setup = three_pages, .program = { retypes, retype_user, writer }, .end = retype_end,
};

/* --- splitting ---------------------------------------------------------------------------------------------------- */

#define LARGE (VA + MM_1G_BYTES)
#define FAR_MEMORY 0x200000000ull

static void large_page(void)
{
	world_start(24);
	world_space(0, 4);
	EXPECT(space_map(&world->space[0], LARGE, FAR_MEMORY, MM_2M_BYTES, MM_WRITE, MM_PAGE_2M, NULL) == OK);
	watch(LARGE);
	watch(LARGE + 0x1000);
	watch(LARGE + MM_2M_BYTES - 0x1000);
	all_in(0);
}

static void large_user(void)
{
	unsigned round;

	for (round = 0; round < 2; round++) {
		touch(0);
		touch(1);
		stream(2);
		cpu_lazy();
		cpu_busy();
		touch(2);
		touch(0);
	}
}

/* The first page goes, the rest stays as small pages. */
static void splits(void)
{
	enum status status;

	change_begin(7);
	status = space_unmap(&world->space[0], LARGE, 0x1000, NULL);
	EXPECT(status == OK || (status == E_NO_MEMORY && parameters.fail_from));
	change_end(7, status != OK);
	change_begin(1);
	change_end(1, false);
	world->note[0] = status;
	if (status == OK)
		protect(0, LARGE + 0x1000, 0x1000, MM_READ, 2);
}

static void split_end(void)
{
	if (world->note[0]) {
		EXPECT(maps_to(0, LARGE, FAR_MEMORY, MM_WRITE));
	} else {
		EXPECT(maps_nothing(0, LARGE));
		EXPECT(maps_to(0, LARGE + 0x1000, FAR_MEMORY + 0x1000, MM_READ));
		EXPECT(maps_to(0, LARGE + 0x2000, FAR_MEMORY + 0x2000, MM_WRITE));
	}
	expect_pages(0);
}

const struct scenario split_scenario = {
	.name = "split", .what = "a large page is split while the others use it; the new table cannot be had",
	.setup = large_page, .program = { splits, large_user, large_user }, .end = split_end,
	.allocates = true,
};

/* --- mapping ------------------------------------------------------------------------------------------------------- */

static void map_setup(void)
{
	world_start(24);
	world_space(0, 4);
	page_at_va(0, VA, MM_WRITE);
	watch(VA + MM_2M_BYTES - 0x1000);
	watch(VA + MM_2M_BYTES);
	watch(VA + 2 * MM_1G_BYTES);
	world->note[4] = data_page();
	world->note[5] = data_page();
	all_in(0);
}

/* Tables for two regions; when one cannot be had, all that was linked leaves again. */
static void maps(void)
{
	enum status status;
	uint64_t page;

	change_begin(14);
	status = space_map(&world->space[0], VA + MM_2M_BYTES - 0x1000, world->note[4], 0x1000, MM_WRITE, MM_PAGE_4K, NULL);
	if (status == OK)
		status = space_map(&world->space[0], VA + MM_2M_BYTES, world->note[5], 0x1000, MM_WRITE, MM_PAGE_4K, NULL);
	EXPECT(status == OK || (status == E_NO_MEMORY && parameters.fail_from));
	if (status == OK)
		status = space_map(&world->space[0], VA + 2 * MM_1G_BYTES, world->note[0], 0x1000, MM_READ, MM_PAGE_4K, NULL);
	change_end(14, true);
	world->note[6] = status;
	/* What was freed is somebody else's at once. */
	if (status && world->tables.alloc(world->tables.context, &page, NULL) == OK)
		world->tables.free(world->tables.context, page);
}

static void map_user(void)
{
	unsigned round;

	for (round = 0; round < 2; round++) {
		touch(1);
		touch(2);
		stream(0);
		touch(3);
		cpu_lazy();
		cpu_busy();
		touch(2);
	}
}

static void map_end(void)
{
	expect_pages(3);
	EXPECT(world->note[6] ? maps_nothing(0, VA + 2 * MM_1G_BYTES) :
				maps_to(0, VA + 2 * MM_1G_BYTES, world->note[0], MM_READ));
}

const struct scenario map_scenario = {
	.name = "map", .what = "new tables are linked under walkers; any allocation fails and all of it leaves again",
	.setup = map_setup, .program = { maps, map_user, map_user }, .end = map_end, .allocates = true,
	.capacities = { 1, 16 },
};
