// SPDX-License-Identifier: MIT
/* What is refused changes nothing under anybody's feet; then the largest page is split all the way down. */
#include "mm/lam.h"
#include "test/hostile/scenario/scenario.h"

#define HUGE_VA		(VA + 4 * MM_1G_BYTES)
#define HUGE_AT		0x2000000000ull
#define FIRST_HOLE	(VA + MM_2M_BYTES)
#define ONE_ONLY	(FIRST_HOLE + MM_2M_BYTES)		/* an aligned frame, but no neighbours */
#define OVER_TABLES	(HOSTILE_BASE & ~(MM_2M_BYTES - 1))	/* the tables' own addresses, mapped elsewhere */
#define WC		(MM_WRITE | MM_CACHE(MM_WC))

static void refuse_setup(void)
{
	struct space *space = &world->space[0];

	world_start(40);
	world_space(0, 4);
	EXPECT(mm_cache_or(&space->features, MM_WC, MM_UC_MINUS) == MM_UC_MINUS);
	space->features.pat = mm_pat_with_wc(space->features.pat);
	EXPECT(mm_cache_or(&space->features, MM_WC, MM_UC_MINUS) == MM_WC);
	EXPECT(mm_pat_with_wc(space->features.pat) == space->features.pat);
	page_at_va(0, VA, MM_WRITE);
	watch(HUGE_VA);
	watch(HUGE_VA + 0x1000);
	watch(OVER_TABLES);
	page_at_va(0, FIRST_HOLE + 0x1000, MM_WRITE);
	EXPECT(space_map(space, HUGE_VA, HUGE_AT, MM_1G_BYTES, WC, MM_PAGE_1G, NULL) == OK);
	EXPECT(space_map(space, OVER_TABLES, HUGE_AT, MM_2M_BYTES, MM_WRITE, MM_PAGE_2M, NULL) == OK);
	EXPECT(space_map(space, ONE_ONLY, HUGE_AT, 0x1000, MM_WRITE, MM_PAGE_4K, NULL) == OK);
	all_in(0);
	world->note[6] = space->table_pages;
}

static bool map_refused(uint64_t va, uint64_t pa, uint64_t length, mm_prot prot)
{
	return space_map(&world->space[0], va, pa, length, prot, MM_PAGE_4K, NULL) == E_MAPPING;
}

static void maps_refused(void)
{
	EXPECT(map_refused(VA + 0x1001, HUGE_AT, 0x1000, MM_READ));
	EXPECT(map_refused(VA + 0x1000, HUGE_AT, 0, MM_READ));
	EXPECT(map_refused(VA | 1ull << 48, HUGE_AT, 0x1000, MM_READ));
	EXPECT(map_refused((1ull << 47) - 0x1000, HUGE_AT, 0x2000, MM_READ));
	EXPECT(map_refused((1ull << 47) - 0x1000, HUGE_AT, 0xffff000000002000ull, MM_READ));
	EXPECT(map_refused(-0x1000ull, HUGE_AT, 0x2000, MM_READ));
	EXPECT(map_refused(VA + 0x1000, HUGE_AT + 1, 0x1000, MM_READ));
	EXPECT(map_refused(VA + 0x1000, 1ull << 40, 0x1000, MM_READ));
	EXPECT(map_refused(VA + 0x1000, -0x1000ull, 0x2000, MM_READ));
	EXPECT(map_refused(VA, HUGE_AT, 0x1000, MM_READ));
	EXPECT(map_refused(VA + 0x1000, HUGE_AT, 0x1000, MM_NONE));
	EXPECT(map_refused(VA + 0x1000, HUGE_AT, 0x1000, MM_CACHE(5)));	/* WP: not in the PAT */
}

static void merges_refused(void)
{
	struct space *space = &world->space[0];
	struct space without = *space;

	without.features.page_1g = false;
	EXPECT(space_merge(&without, VA, MM_PAGE_1G, NULL) == E_MAPPING);
	EXPECT(space_merge(space, VA, MM_PAGE_4K, NULL) == E_MAPPING);
	EXPECT(space_merge(space, VA, MM_PAGE_1G, NULL) == E_MAPPING);
	EXPECT(space_merge(space, VA, MM_PAGE_2M, NULL) == E_MAPPING);
	EXPECT(space_merge(space, FIRST_HOLE, MM_PAGE_2M, NULL) == E_MAPPING);
	EXPECT(space_merge(space, ONE_ONLY, MM_PAGE_2M, NULL) == E_MAPPING);
	EXPECT(space_merge(space, VA + 0x1000, MM_PAGE_2M, NULL) == E_MAPPING);
	EXPECT(space_merge(space, HUGE_VA, MM_PAGE_2M, NULL) == E_MAPPING);
	EXPECT(space_merge(space, VA + 2 * MM_1G_BYTES, MM_PAGE_2M, NULL) == E_MAPPING);
}

/* What is pinned lies above, across the start, nowhere near. */
static void splits_refused(void)
{
	static const struct mm_range within = { HUGE_VA + 0x3000, 0x1000 }, across = { HUGE_VA - 0x1000, 0x2000 };
	static const struct mm_range below = { VA, 0x1000 };
	struct space *space = &world->space[0], other;

	space->pinned_count = 1;
	space->pinned = &within;
	EXPECT(space_unmap(space, HUGE_VA, 0x1000, NULL) == E_MAPPING);
	space->pinned = &across;
	EXPECT(space_unmap(space, HUGE_VA, 0x1000, NULL) == E_MAPPING);
	space->pinned = &below;
	EXPECT(space_unmap(space, OVER_TABLES, 0x1000, NULL) == E_MAPPING);
	world->phys.fail_from = world->phys.allocations + 1;
	world->phys.fail_count = 1;
	EXPECT(space_protect(space, HUGE_VA + 0x1000, 0x1000, MM_CACHE(MM_WC), NULL) == E_NO_MEMORY);
	world->phys.fail_from = world->phys.allocations + 1;
	EXPECT(space_init(&other, 4, &space->features, &world->tables, NULL) == E_NO_MEMORY);
	world->phys.fail_from = 0;
}

/* CPUs that cannot mask addresses are refused any mode but none. */
static void modes_refused(void)
{
	struct space without = world->space[0];

	without.features.lam = false;
	EXPECT(space_set_lam(&without, MM_LAM_U48, NULL) == E_MAPPING);
	EXPECT(space_set_lam(&without, MM_LAM_OFF, NULL) == OK);
}

static void refused_then_splits(void)
{
	change_begin(31);
	maps_refused();
	merges_refused();
	splits_refused();
	modes_refused();
	change_end(31, true);
	EXPECT(world->space[0].table_pages == world->note[6]);
	change_begin(6);
	EXPECT(space_protect(&world->space[0], HUGE_VA + 0x1000, 0x1000, MM_CACHE(MM_WC), NULL) == OK);
	change_end(6, true);
}

static void uses_all(void)
{
	touch(0);
	touch(1);
	touch(2);
	stream(4);
	touch(3);
	touch(2);
	touch(1);
}

static void refuse_end(void)
{
	expect_pages(2);
	EXPECT(world->space[0].table_pages == world->note[6] + 2);
	EXPECT(maps_to(0, HUGE_VA, HUGE_AT, WC));
	EXPECT(maps_to(0, HUGE_VA + 0x1000, HUGE_AT + 0x1000, MM_CACHE(MM_WC)));
	EXPECT(maps_to(0, HUGE_VA + MM_1G_BYTES - 0x1000, HUGE_AT + MM_1G_BYTES - 0x1000, WC));
	EXPECT(maps_to(0, OVER_TABLES, HUGE_AT, MM_WRITE));
}

const struct scenario refuse_scenario = {
	.name = "refused", .what = "what is refused changes nothing; a 1 GiB page is split into all three sizes",
	.setup = refuse_setup, .program = { refused_then_splits, uses_all, uses_all }, .end = refuse_end,
};
