// SPDX-License-Identifier: MIT
/* The machine's own test: each of these breaks the promise that it is named after, and must be caught by that name. */
#include "test/hostile/scenario/scenario.h"

static void one_page(void)
{
	world_start(16);
	world_space(0, 4);
	page_at_va(0, VA, MM_WRITE);
	all_in(0);
}

static void waits_for_nobody(void)
{
	if (parameters.cpus > 1)
		flag_wait(&world->flag[0], 1);
}

static void waits_for_the_other(void)
{
	flag_wait(&world->flag[1], 1);
	shared_store_release_u32(&world->flag[0], 1);
}

const struct scenario self_wait_scenario = {
	.name = "self:wait-never-ends", .what = "two CPUs wait for each other",
	.setup = one_page, .program = { waits_for_nobody, waits_for_the_other },
};

static void frees_twice(void)
{
	uint64_t page = data_page();

	world->data.free(world->data.context, page);
	world->data.free(world->data.context, page);
}

const struct scenario self_twice_scenario = {
	.name = "self:freed-twice", .what = "a page is freed twice",
	.setup = one_page, .program = { frees_twice },
};

static void frees_what_is_mapped(void)
{
	world->data.free(world->data.context, world->note[0]);
}

const struct scenario self_mapped_scenario = {
	.name = "self:freed-while-reachable", .what = "a page is freed that is mapped",
	.setup = one_page, .program = { frees_what_is_mapped },
};

static void keeps_a_page(void)
{
	data_page();
}

static void one_page_left(void)
{
	expect_pages(1);
}

const struct scenario self_leak_scenario = {
	.name = "self:leak", .what = "a page is never freed",
	.setup = one_page, .program = { keeps_a_page }, .end = one_page_left,
};

/* Two plain flags: each CPU stores its own and looks at the other's. Both may see nothing. */
static void store_then_look(unsigned mine, unsigned other)
{
	shared_store_relaxed_u32(&world->flag[mine], 1);
	world->note[mine + 2] = shared_load_relaxed_u32(&world->flag[other]);
}

static void first_looks(void) { store_then_look(0, 1); }
static void second_looks(void) { store_then_look(1, 0); }

static void one_saw_the_other(void)
{
	EXPECT(world->note[2] || world->note[3]);
}

const struct scenario self_buffer_scenario = {
	.name = "self:wrong-answer", .what = "the store buffer lets two CPUs miss each other",
	.setup = one_page, .program = { first_looks, second_looks }, .end = one_saw_the_other,
};

static void store_fence_look(unsigned mine, unsigned other)
{
	shared_store_relaxed_u32(&world->flag[mine], 1);
	shared_fence_seq_cst();
	world->note[mine + 2] = shared_load_relaxed_u32(&world->flag[other]);
}

static void first_fences(void) { store_fence_look(0, 1); }
static void second_fences(void) { store_fence_look(1, 0); }

const struct scenario self_fence_scenario = {
	.name = "self:good", .what = "with fences one of them sees the other",
	.setup = one_page, .program = { first_fences, second_fences }, .end = one_saw_the_other,
};
