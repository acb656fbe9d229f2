// SPDX-License-Identifier: MIT
/* CPUs load, leave, idle and come back while another one changes the space. */
#include "test/hostile/scenario/scenario.h"
#include "x86/cpu.h"

/* Two spaces with two pages each. CPU 0 runs the first, the others none. */
static void two_spaces(void)
{
	world_start(24);
	world_space(0, 4);
	world_space(1, 4);
	page_at_va(0, VA, MM_WRITE);
	page_at_va(0, VA + MM_2M_BYTES, MM_WRITE);
	page_at_va(1, VA + MM_1G_BYTES, MM_WRITE);
	starts_in(0, 0);
}

static void comes_and_goes(void)
{
	unsigned round;

	for (round = 0; round < 2; round++) {
		cpu_load(0);
		stream(0);
		touch(1);
		cpu_leave();
		cpu_leave();	/* nothing is loaded */
		cpu_load(0);
		touch(0);
		stream(1);
	}
}

static void protect_then_unmap(void)
{
	protect(0, VA, 0x1000, MM_READ, 1);
	unmap(0, VA + MM_2M_BYTES, 0x1000, 2);
}

static void half_left(void)
{
	expect_pages(2);
	EXPECT(maps_to(0, VA, world->note[0], MM_READ));
	EXPECT(maps_nothing(0, VA + MM_2M_BYTES));
}

const struct scenario load_scenario = {
	.name = "load-and-leave", .what = "CPUs load and leave a space that loses rights and tables",
	.setup = two_spaces, .program = { protect_then_unmap, comes_and_goes, comes_and_goes }, .end = half_left,
};

static void switches(void)
{
	unsigned round;

	for (round = 0; round < 2; round++) {
		cpu_load(0);
		touch(0);
		cpu_load(1);
		touch(2);
		cpu_load(0);
		stream(1);
		cpu_load(1);
		touch(2);
	}
}

/* The generations of the two are none of each other's business. */
static void changes_both(void)
{
	protect(0, VA, 0x1000, MM_READ, 1);
	protect(1, VA + MM_1G_BYTES, 0x1000, MM_READ, 4);
	unmap(0, VA + MM_2M_BYTES, 0x1000, 2);
}

static void both_changed(void)
{
	half_left();
	EXPECT(maps_to(1, VA + MM_1G_BYTES, world->note[2], MM_READ));
}

const struct scenario switch_scenario = {
	.name = "switch", .what = "CPUs switch between two spaces against changes in both",
	.setup = two_spaces, .program = { changes_both, switches, switches }, .end = both_changed,
};

/* All load at the same time: their bits lie in one word. */
static void load_then_unmap(void)
{
	cpu_load(1);
	lock_take();
	if (!maps_nothing(0, VA + MM_2M_BYTES))
		unmap(0, VA + MM_2M_BYTES, 0x1000, 2);
	lock_give();
	cpu_load(0);
	touch(1);
	lock_take();
	protect(0, VA, 0x1000, MM_READ, 1);
	lock_give();
}

static void loads_and_uses(void)
{
	unsigned round;

	for (round = 0; round < 2; round++) {
		cpu_load(0);
		touch(0);
		stream(1);
		cpu_leave();
		cpu_load(0);
		stream(0);
	}
}

const struct scenario both_load_scenario = {
	.name = "both-load", .what = "CPUs publish themselves at the same time, then one changes the space",
	.setup = two_spaces, .program = { load_then_unmap, loads_and_uses, loads_and_uses }, .end = half_left,
};

/* --- lazy -------------------------------------------------------------------------------------------------------- */

static void idles(void)
{
	unsigned round;

	for (round = 0; round < 2; round++) {
		stream(0);
		cpu_lazy();
		cpu_busy();
		stream(1);
		cpu_lazy();
		cpu_busy();
		touch(0);
		stream(2);
	}
}

/* Nothing is freed: lazy CPUs are left out and catch up. */
static void takes_rights(void)
{
	protect(0, VA, 0x1000, MM_READ, 1);
	protect(0, VA + 0x1000, 0x1000, MM_READ, 2);
	change_begin(4);
	EXPECT(space_unmap(&world->space[0], VA + MM_2M_BYTES - 0x1000, 0x1000, NULL) == OK);
	change_end(4, false);
}

static void rights_taken(void)
{
	expect_pages(3);
	EXPECT(maps_to(0, VA, world->note[0], MM_READ));
	EXPECT(maps_to(0, VA + 0x1000, world->note[1], MM_READ));
}

const struct scenario lazy_scenario = {
	.name = "lazy", .what = "idle CPUs are left out of flushes that free nothing, and catch up",
	.setup = three_pages, .program = { takes_rights, idles, idles }, .end = rights_taken,
};

static void frees(void)
{
	protect(0, VA + 0x1000, 0x1000, MM_READ, 2);
	unmap(0, VA + MM_2M_BYTES, 0x1000, 4);
	unmap(0, VA, 0x1000, 1);
}

static void lazy_user(void)
{
	stream(2);
	cpu_lazy();
	cpu_busy();
	touch(1);
	cpu_lazy();
	cpu_leave();
	cpu_busy();
	cpu_load(0);
	touch(1);
}

static void freed(void)
{
	expect_pages(1);
	EXPECT(maps_to(0, VA + 0x1000, world->note[1], MM_READ));
}

/* The last change frees, so its flush reaches a CPU that no store wakes; what else may wake it is the machine's choice. */
static void frees_and_ends(void)
{
	unmap(0, VA + MM_2M_BYTES, 0x1000, 4);
	shared_store_release_u32(&world->flag[0], 1);
	unmap(0, VA, 0x1000, 1);
}

static void sleeps_to_the_end(void)
{
	stream(0);
	cpu_lazy();
	while (shared_load_acquire_u32(&world->flag[0]) != 1) {
		cpu_monitor(&world->flag[0]);
		if (shared_load_acquire_u32(&world->flag[0]) != 1)
			cpu_mwait();
	}
	cpu_busy();
	touch(1);
	stream(2);
}

static void slept(void)
{
	expect_pages(1);
	EXPECT(maps_to(0, VA + 0x1000, world->note[1], MM_WRITE));
}

const struct scenario lazy_mwait_scenario = {
	.name = "lazy-mwait", .what = "idle CPUs wait in MWAIT, which only an interrupt ends, or which never sleeps",
	.setup = three_pages, .program = { frees_and_ends, sleeps_to_the_end, sleeps_to_the_end }, .end = slept,
	.capacities = { 1 }, .all_mwaits = true,
};

const struct scenario lazy_free_scenario = {
	.name = "lazy-free", .what = "idle CPUs are called when pages or tables are freed",
	.setup = three_pages, .program = { frees, lazy_user, lazy_user }, .end = freed,
	.capacities = { 1, 16 },
};

/* --- destroy ----------------------------------------------------------------------------------------------------- */

static void destroys(void)
{
	unsigned i;

	for (i = 1; i < parameters.cpus; i++)
		flag_wait(&world->flag[i], 1);
	cpu_leave();
	EXPECT(space_unmap_free(&world->space[0], VA, 0x1000, &world->data, NULL) == OK);
	EXPECT(space_destroy(&world->space[0], NULL) == OK);
}

static void leaves_one(void)
{
	stream(0);
	touch(1);
	cpu_leave();
	shared_store_release_u32(&world->flag[1], 1);
}

static void leaves_two(void)
{
	cpu_lazy();
	cpu_leave();
	shared_store_release_u32(&world->flag[2], 1);
}

static void destroyed(void)
{
	EXPECT(world->space[0].table_pages == 0);
	expect_pages(2);
}

const struct scenario destroy_scenario = {
	.name = "destroy", .what = "a space is destroyed after everybody said that it has left",
	.setup = three_pages, .program = { destroys, leaves_one, leaves_two }, .end = destroyed,
	.capacities = { 1, 16 },
};
