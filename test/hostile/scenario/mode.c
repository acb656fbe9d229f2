// SPDX-License-Identifier: MIT
/* Address masking, merging, and the rewriting of a live tree. */
#include "mm/lam.h"
#include "mm/rewrite.h"
#include "test/hostile/scenario/scenario.h"
#include "x86/cpu.h"

static void two_spaces(void)
{
	world_start(24);
	world_space(0, 4);
	world_space(1, 4);
	page_at_va(0, VA, MM_WRITE);
	page_at_va(1, VA + MM_1G_BYTES, MM_WRITE);
	starts_in(0, 0);
}

static void masks(void)
{
	change_begin(CHANGE_MODE);
	EXPECT(space_set_lam(&world->space[0], MM_LAM_U57, NULL) == OK);
	change_end(CHANGE_MODE, false);
	protect(0, VA, 0x1000, MM_READ, 1);
	change_begin(CHANGE_MODE);
	EXPECT(space_set_lam(&world->space[0], MM_LAM_U48, NULL) == OK);
	change_end(CHANGE_MODE, false);
}

static void masked_user(void)
{
	unsigned round;

	for (round = 0; round < 2; round++) {
		cpu_load(0);
		touch(0);
		cpu_lazy();
		cpu_busy();
		touch(0);
		cpu_load(1);
		touch(1);
		cpu_load(0);
		touch(0);
	}
}

static void masked_end(void)
{
	expect_pages(2);
	EXPECT(shared_load_relaxed_u64(&world->space[0].mode) == 2ull << 61);
}

const struct scenario lam_scenario = {
	.name = "lam", .what = "address masking is switched while CPUs load, idle and switch",
	.setup = two_spaces, .program = { masks, masked_user, masked_user }, .end = masked_end,
};

static void masks_lost(void)
{
	change_begin(CHANGE_MODE);
	EXPECT(space_set_lam(&world->space[0], MM_LAM_U57, NULL) == E_CPU_LOST);
	change_end_lost(CHANGE_MODE);
	change_begin(1);
	EXPECT(space_unmap_free(&world->space[0], VA, 0x1000, &world->data, NULL) == OK);
	change_end_lost(1);
	EXPECT(world->space[0].quarantined == 4);
}

static void all_in_setup(void)
{
	two_spaces();
	all_in(0);
}

static void just_uses(void)
{
	unsigned round;

	for (round = 0; round < 2; round++) {
		touch(0);
		stream(0);
		touch(0);
	}
}

const struct scenario lost_lam_scenario = {
	.name = "lost-lam", .what = "a CPU never answers while address masking is switched",
	.setup = all_in_setup, .program = { masks_lost, just_uses, just_uses }, .deaf = 2,
};

/* --- merging ------------------------------------------------------------------------------------------------------- */

#define LARGE (VA + MM_1G_BYTES)
#define FAR_MEMORY 0x200000000ull

static void small_pages(void)
{
	world_start(24);
	world_space(0, 4);
	EXPECT(space_map(&world->space[0], LARGE, FAR_MEMORY, MM_2M_BYTES, MM_WRITE, MM_PAGE_4K, NULL) == OK);
	page_at_va(0, VA, MM_WRITE);
	watch(LARGE);
	watch(LARGE + MM_2M_BYTES - 0x1000);
	all_in(0);
}

static void merges(void)
{
	static const struct mm_range pinned = { LARGE + 0x3000, 0x1000 };
	uint64_t page;

	/* Not canonical, and pinned. */
	EXPECT(space_merge(&world->space[0], LARGE | 1ull << 48, MM_PAGE_2M, NULL) == E_MAPPING);
	world->space[0].pinned = &pinned;
	world->space[0].pinned_count = 1;
	EXPECT(space_merge(&world->space[0], LARGE, MM_PAGE_2M, NULL) == E_MAPPING);
	world->space[0].pinned_count = 0;
	change_begin(6);
	EXPECT(space_merge(&world->space[0], LARGE, MM_PAGE_2M, NULL) == OK);
	change_end(6, true);
	if (world->tables.alloc(world->tables.context, &page, NULL) == OK)
		world->tables.free(world->tables.context, page);
	unmap(0, VA, 0x1000, 1);
}

static void merge_user(void)
{
	struct mapping mapping;

	touch(1);
	stream(2);
	if (space_query(&world->space[0], LARGE + 0x1000, &mapping))
		EXPECT(mapping.phys == FAR_MEMORY + 0x1000);
	cpu_lazy();
	cpu_busy();
	touch(2);
	stream(0);
	touch(1);
}

static void merge_end(void)
{
	struct mapping mapping;

	limbo_empties(0);
	expect_pages(0);
	EXPECT(space_query(&world->space[0], LARGE + 0x1000, &mapping) && mapping.size == MM_PAGE_2M &&
	       mapping.phys == FAR_MEMORY + 0x1000);
}

const struct scenario merge_scenario = {
	.name = "merge", .what = "small pages become a large one under walkers of both kinds",
	.setup = small_pages, .program = { merges, merge_user, merge_user }, .end = merge_end,
};

static void merge_is_taken_back(void)
{
	change_begin(6);
	EXPECT(space_merge(&world->space[0], LARGE, MM_PAGE_2M, NULL) == E_CPU_LOST);
	change_end(6, true);
	change_begin(1);
	EXPECT(space_unmap_free(&world->space[0], VA, 0x1000, &world->data, NULL) == OK);
	change_end_lost(1);
}

static void merge_taken_back(void)
{
	EXPECT(maps_to(0, LARGE, FAR_MEMORY, MM_WRITE));
	EXPECT(world->space[0].quarantined == 3);
}

const struct scenario lost_merge_scenario = {
	.name = "lost-merge", .what = "a CPU never answers while pages are merged: the small ones come back",
	.setup = small_pages, .program = { merge_is_taken_back, just_uses, just_uses }, .end = merge_taken_back, .deaf = 2,
};

/* --- rewriting ------------------------------------------------------------------------------------------------------- */

#define UPPER_HALF 0xffff800000000000ull

static void rewrite_setup(void)
{
	world_start(24);
	world_space(0, 4);
	page_at_va(0, VA, MM_WRITE);
	page_at_va(0, VA + MM_2M_BYTES, MM_WRITE);
	page_at_va(0, UPPER_HALF, MM_WRITE);
	all_in(0);
}

static mm_prot uncached(void *context, uint64_t va, const struct mapping *old)
{
	(void)context;
	return va == VA ? (old->prot & MM_WRITE) | MM_CACHE(MM_UC) : MM_READ;
}

static mm_prot impossible(void *context, uint64_t va, const struct mapping *old)
{
	(void)old;
	return va == *(const uint64_t *)context ? MM_WRITE | MM_EXEC : MM_READ;
}

/* Rights that cannot be, in the lower half or in the upper; a CPU that was lost. Nothing is changed. */
static void rewrites_refused(void)
{
	static const uint64_t places[] = { VA + MM_2M_BYTES, UPPER_HALF };
	struct space *space = &world->space[0];
	unsigned i;

	for (i = 0; i < 2; i++)
		EXPECT(space_rewrite(&world->cpu[0], space, HOSTILE_PARK, impossible, (void *)&places[i], NULL) == E_MAPPING);
	space->quarantine = true;
	EXPECT(space_rewrite(&world->cpu[0], space, HOSTILE_PARK, uncached, NULL, NULL) == E_CPU_LOST);
	space->quarantine = false;
}

/* Refused as long as somebody has the space; done once all wait elsewhere. */
static void rewrites(void)
{
	enum status status;
	unsigned i;

	cpu_irq_off();
	for (i = 1; i < parameters.cpus; i++) {
		cpu_irq_on();
		flag_wait(&world->flag[i], 1);
		cpu_irq_off();
	}
	rewrites_refused();
	change_begin(7);
	status = space_rewrite(&world->cpu[0], &world->space[0], HOSTILE_PARK, uncached, NULL, NULL);
	change_end(7, true);
	EXPECT(status == OK);
	expect_written_back(0);
	expect_tables_written_back(0);
	cpu_irq_on();
	shared_store_release_u32(&world->flag[0], 1);
	touch(0);
}

static void waits_elsewhere(unsigned flag)
{
	stream(0);
	touch(1);
	cpu_leave();
	shared_store_release_u32(&world->flag[flag], 1);
	flag_wait(&world->flag[0], 1);
	cpu_load(0);
	touch(0);
	touch(1);
}

static void first_waits(void) { waits_elsewhere(1); }
static void second_waits(void) { waits_elsewhere(2); }

static void rewrite_end(void)
{
	expect_pages(3);
	EXPECT(maps_to(0, VA, world->note[0], MM_WRITE | MM_CACHE(MM_UC)));
	EXPECT(maps_to(0, VA + MM_2M_BYTES, world->note[1], MM_READ));
	EXPECT(maps_to(0, UPPER_HALF, world->note[2], MM_READ));
}

const struct scenario rewrite_scenario = {
	.name = "rewrite", .what = "a whole tree changes while everybody else waits elsewhere",
	.setup = rewrite_setup, .program = { rewrites, first_waits, second_waits }, .end = rewrite_end,
};

const struct scenario rewrite_past_caches_scenario = {
	.name = "rewrite-past-caches", .what = "the same where page walkers look past the caches",
	.setup = rewrite_setup, .program = { rewrites, first_waits, second_waits }, .end = rewrite_end, .past_caches = true,
};

/* Nobody is asked to leave: it is refused unless all have left already, and nobody loads again. */
static void rewrites_if_alone(void)
{
	enum status status;

	cpu_irq_off();
	change_begin(7);
	status = space_rewrite(&world->cpu[0], &world->space[0], HOSTILE_PARK, uncached, NULL, NULL);
	change_end(7, false);
	cpu_irq_on();
	EXPECT(status == OK || status == E_MAPPING);
	world->note[6] = status;
}

static void leaves(void)
{
	touch(0);
	stream(1);
	cpu_leave();
}

static void refused_end(void)
{
	expect_pages(3);
	EXPECT(maps_to(0, VA, world->note[0], world->note[6] ? MM_WRITE : MM_WRITE | MM_CACHE(MM_UC)));
}

const struct scenario rewrite_refused_scenario = {
	.name = "rewrite-refused", .what = "a tree that somebody may walk is not rewritten",
	.setup = rewrite_setup, .program = { rewrites_if_alone, leaves, leaves }, .end = refused_end,
};
