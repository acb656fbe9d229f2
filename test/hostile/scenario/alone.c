// SPDX-License-Identifier: MIT
/* One CPU changes the space before there is a hook; refusals that change nothing; sizes that differ in one gather. */
#include "test/hostile/scenario/scenario.h"

#define LARGE (VA + MM_1G_BYTES)
#define FAR_MEMORY 0x200000000ull

static void refuses_to_begin(void)
{
	struct mm_features features = world->space[0].features;
	struct space other;

	EXPECT(space_init(&other, 3, &features, &world->tables, NULL) == E_MAPPING);
	EXPECT(space_init(&other, 6, &features, &world->tables, NULL) == E_MAPPING);
	features.phys_bits = 31;
	EXPECT(space_init(&other, 4, &features, &world->tables, NULL) == E_MAPPING);
	features.phys_bits = 53;
	EXPECT(space_init(&other, 4, &features, &world->tables, NULL) == E_MAPPING);
}

static void alone_setup(void)
{
	world_start(24);
	world_space(0, 4);
	refuses_to_begin();
	page_at_va(0, VA, MM_WRITE);
	page_at_va(0, VA + 0x1000, MM_WRITE);
	EXPECT(space_map(&world->space[0], LARGE, FAR_MEMORY, MM_2M_BYTES, MM_WRITE, MM_PAGE_2M, NULL) == OK);
	watch(LARGE);
	starts_in(0, 0);
	mm_set_flush_others(NULL);
}

/* A table that nobody walks does not wait. */
static void merges_back(void)
{
	struct space *space = &world->space[0];
	unsigned tables = space->table_pages;

	space->pinned_count = 0;
	change_begin(4);
	EXPECT(space_map(space, LARGE, FAR_MEMORY, 0x1000, MM_WRITE, MM_PAGE_4K, NULL) == OK);
	EXPECT(space_merge(space, LARGE, MM_PAGE_2M, NULL) == OK);
	change_end(4, true);
	EXPECT(space->table_pages == tables - 1 && space->limbo_pages == 0);
}

static void alone(void)
{
	static const struct mm_range nothing = { LARGE + 0x5000, 0 };
	struct space *space = &world->space[0];

	change_begin(7);
	EXPECT(space_protect(space, VA + 1, 0x1000, MM_READ, NULL) == E_MAPPING);
	EXPECT(space_protect(space, VA, 0x1000, MM_WRITE | MM_EXEC, NULL) == E_MAPPING);
	EXPECT(space_protect(space, VA, 0x3000, MM_READ, NULL) == E_MAPPING);
	EXPECT(space_unmap(space, VA + 1, 0x1000, NULL) == E_MAPPING);
	EXPECT(space_merge(space, VA + 1, MM_PAGE_2M, NULL) == E_MAPPING);
	EXPECT(space_merge(space, VA, MM_PAGE_2M, NULL) == E_MAPPING);
	change_end(7, true);
	/* Nothing is pinned by a range without bytes. */
	space->pinned = &nothing;
	space->pinned_count = 1;
	change_begin(4);
	EXPECT(space_unmap(space, LARGE, 0x1000, NULL) == OK);
	change_end(4, true);
	unmap(0, VA, 0x1000, 1);
	merges_back();
}

static void alone_end(void)
{
	expect_pages(1);
	EXPECT(maps_to(0, VA + 0x1000, world->note[1], MM_WRITE));
	EXPECT(maps_to(0, LARGE + 0x1000, FAR_MEMORY + 0x1000, MM_WRITE));
	EXPECT(maps_nothing(0, VA));
	EXPECT(maps_to(0, LARGE, FAR_MEMORY, MM_WRITE));
}

const struct scenario alone_scenario = {
	.name = "alone", .what = "one CPU, no hook yet; refusals change nothing",
	.setup = alone_setup, .program = { alone }, .end = alone_end,
};

/* --- sizes that differ --------------------------------------------------------------------------------------------------- */

static void mixed_setup(void)
{
	unsigned i;

	world_start(24);
	world_space(0, 4);
	/* Small, large, small, and a neighbour that keeps each table. */
	page_at_va(0, LARGE - 0x2000, MM_WRITE);
	page_at_va(0, LARGE - 0x1000, MM_WRITE);
	for (i = 0; i < 3; i++)
		watch(LARGE + (i == 0 ? 0 : MM_2M_BYTES + (i - 1) * 0x1000));
	EXPECT(space_map(&world->space[0], LARGE, FAR_MEMORY, MM_2M_BYTES, MM_WRITE, MM_PAGE_2M, NULL) == OK);
	EXPECT(space_map(&world->space[0], LARGE + MM_2M_BYTES, FAR_MEMORY, 0x3000, MM_WRITE, MM_PAGE_4K, NULL) == OK);
	EXPECT(space_map(&world->space[0], LARGE - 0x3000, FAR_MEMORY, 0x1000, MM_WRITE, MM_PAGE_4K, NULL) == OK);
	all_in(0);
}

static void takes_mixed_rights(void)
{
	protect(0, LARGE - 0x2000, 0x2000 + MM_2M_BYTES, MM_READ, 7);
	protect(0, LARGE, MM_2M_BYTES + 0x2000, MM_EXEC, 28);
}

static void unmaps_mixed(void)
{
	takes_mixed_rights();
	unmap(0, LARGE - 0x2000, 0x2000, 3);
}

static void mixed_user(void)
{
	unsigned w;

	for (w = 0; w < 5; w++)
		touch(w);
	for (w = 0; w < 5; w++)
		touch(w);
}

static void mixed_end(void)
{
	EXPECT(maps_to(0, LARGE, FAR_MEMORY, MM_EXEC));
	EXPECT(maps_to(0, LARGE + MM_2M_BYTES + 0x1000, FAR_MEMORY + 0x1000, MM_EXEC));
	EXPECT(maps_to(0, LARGE + MM_2M_BYTES + 0x2000, FAR_MEMORY + 0x2000, MM_WRITE));
	expect_pages(0);
}

const struct scenario mixed_scenario = {
	.name = "mixed-sizes", .what = "one range holds small and large pages",
	.setup = mixed_setup, .program = { unmaps_mixed, mixed_user, mixed_user }, .end = mixed_end,
};
