// SPDX-License-Identifier: MIT
/* A CPU that never answers; a reader past the caches; a pool. */
#include "mm/cache.h"
#include "test/hostile/scenario/scenario.h"
#include "x86/cpu.h"

static void user(void)
{
	unsigned round;

	for (round = 0; round < 2; round++) {
		stream(0);
		touch(1);
		touch(2);
		stream(2);
	}
}

/* Nothing that the lost CPU may reach is freed, not by this call and not by later ones. */
static void unmaps_twice(void)
{
	change_begin(3);
	EXPECT(space_unmap_free(&world->space[0], VA, 0x2000, &world->data, NULL) == E_CPU_LOST);
	change_end_lost(3);
	change_begin(4);
	EXPECT(space_unmap_free(&world->space[0], VA + MM_2M_BYTES, 0x1000, &world->data, NULL) == OK);
	change_end_lost(4);
}

static void quarantined(void)
{
	EXPECT(world->space[0].quarantined == 3 + 4);
	EXPECT(world->phys.total_pages - world->phys.free_pages == 8);
}

const struct scenario lost_unmap_scenario = {
	.name = "lost-unmap", .what = "a CPU never answers: nothing it may reach is freed",
	.setup = three_pages, .program = { unmaps_twice, user, user }, .end = quarantined, .deaf = 2,
	.capacities = { 1, 16 },
};

static void retype_is_taken_back(void)
{
	change_begin(3);
	EXPECT(space_protect(&world->space[0], VA, 0x2000, MM_WRITE | MM_CACHE(MM_UC), NULL) == E_CPU_LOST);
	change_end(3, true);
	change_begin(4);
	EXPECT(space_protect(&world->space[0], VA + MM_2M_BYTES, 0x1000, MM_READ, NULL) == OK);
	change_end_lost(4);
}

static void retype_taken_back(void)
{
	expect_pages(3);
	EXPECT(maps_to(0, VA, world->note[0], MM_WRITE));
	EXPECT(maps_to(0, VA + MM_2M_BYTES, world->note[2], MM_READ));
}

const struct scenario lost_retype_scenario = {
	.name = "lost-retype", .what = "a CPU never answers while a memory type changes: the old entry comes back",
	.setup = three_pages, .program = { retype_is_taken_back, user, user }, .end = retype_taken_back, .deaf = 2,
};

/* The rights are taken from everybody else. */
static void protects_lost(void)
{
	change_begin(3);
	EXPECT(space_protect(&world->space[0], VA, 0x2000, MM_READ, NULL) == E_CPU_LOST);
	change_end_lost(3);
	EXPECT(world->space[0].quarantine);
}

static void protected_end(void)
{
	expect_pages(3);
	EXPECT(maps_to(0, VA, world->note[0], MM_READ));
}

const struct scenario lost_protect_scenario = {
	.name = "lost-protect", .what = "a CPU never answers while rights are taken: the others have lost them",
	.setup = three_pages, .program = { protects_lost, user, user }, .end = protected_end, .deaf = 2,
};

#define LARGE (VA + MM_1G_BYTES)
#define FAR_MEMORY 0x200000000ull

static void one_large(void)
{
	world_start(24);
	world_space(0, 4);
	EXPECT(space_map(&world->space[0], LARGE, FAR_MEMORY, MM_2M_BYTES, MM_WRITE, MM_PAGE_2M, NULL) == OK);
	watch(LARGE);
	watch(LARGE + 0x1000);
	page_at_va(0, VA, MM_WRITE);
	all_in(0);
}

static void large_user(void)
{
	unsigned round;

	for (round = 0; round < 2; round++) {
		touch(0);
		touch(1);
	}
}

static void split_is_taken_back(void)
{
	change_begin(3);
	EXPECT(space_unmap(&world->space[0], LARGE + 0x1000, 0x1000, NULL) == E_CPU_LOST);
	change_end(3, true);
	change_begin(4);
	EXPECT(space_unmap_free(&world->space[0], VA, 0x1000, &world->data, NULL) == OK);
	change_end_lost(4);
}

static void split_taken_back(void)
{
	EXPECT(world->space[0].quarantined == 3);
	EXPECT(world->phys.total_pages - world->phys.free_pages == world->space[0].table_pages + 3);
	EXPECT(maps_to(0, LARGE + 0x1000, FAR_MEMORY + 0x1000, MM_WRITE));
}

const struct scenario lost_split_scenario = {
	.name = "lost-split", .what = "a CPU never answers while a page is split: the large page comes back",
	.setup = one_large, .program = { split_is_taken_back, large_user, large_user }, .end = split_taken_back, .deaf = 2,
};

/* --- past the caches ----------------------------------------------------------------------------------------------- */

static shared_u64 *word_at(unsigned line)
{
	return (shared_u64 *)((uint8_t *)cpu_phys_pointer(world->note[0]) + 64 * line);
}

static void one_data_page(void)
{
	unsigned line;

	world_start(24);
	world_space(0, 4);
	world->note[0] = data_page();
	for (line = 0; line < 3; line++) {
		shared_store_relaxed_u64(word_at(line), 1);
		device_word(world->note[0] + 64 * line);
	}
}

static void writes_back_and_tells(void)
{
	unsigned line;

	for (line = 0; line < 3; line++)
		shared_store_relaxed_u64(word_at(line), 2);
	cache_writeback((uint64_t)(uintptr_t)word_at(0), 2 * 64 + 8);
	shared_store_release_u32(&world->flag[0], 1);
}

static void reads_past_caches(void)
{
	unsigned line;

	flag_wait(&world->flag[0], 1);
	for (line = 0; line < 3; line++)
		read_past_caches(world->note[0] + 64 * line, 2);
}

const struct scenario write_back_scenario = {
	.name = "write-back", .what = "stores, write-back, fence, then the reader past the caches is told",
	.setup = one_data_page, .program = { writes_back_and_tells, reads_past_caches, reads_past_caches },
};
