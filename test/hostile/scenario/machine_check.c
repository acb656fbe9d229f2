// SPDX-License-Identifier: MIT
/* Machine checks: they come anywhere, into an NMI's handler too, and may be the CPU's end, in the middle of a walk or of a
 * flush that others wait for. */
#include "test/hostile/scenario/scenario.h"
#include "x86/cpu.h"

/* What it finds was there before or is there now. */
static void looks_up(unsigned number, uint64_t va)
{
	struct mapping mapping;

	if (space_query(&world->space[0], va, &mapping))
		EXPECT(mapping.phys == world->note[number] && mapping.size == MM_PAGE_4K);
}

static void dump(void)
{
	looks_up(2, VA + MM_2M_BYTES);
}

static void takes_tables(void)
{
	unmap(0, VA + MM_2M_BYTES, 0x1000, 4);
}

/* A walk of its own, too: unlike a handler's it may serve the flush half way, and then its count is all that keeps the table. */
static void user(void)
{
	dump();
	stream(0);
	touch(1);
}

static void survived(void)
{
	limbo_empties(0);
	expect_pages(2);
	EXPECT(maps_to(0, VA + 0x1000, world->note[1], MM_WRITE));
}

const struct scenario mc_walker_scenario = {
	.name = "mc-walker", .what = "a machine check's dump walks the tables, from a walk and from an NMI's dump too",
	.setup = three_pages, .program = { takes_tables, user, user }, .end = survived, .nmi = true, .on_nmi = dump,
	.on_mc = dump, .capacities = { 16 },		/* one round: an early IPI leaves a machine check in the run's two */
};

/* --- the end of a CPU ------------------------------------------------------------------------------------------------------- */

/* Of any CPU but the one that changes the space. Its walker stays counted, and it answers nobody any more. */
static void dump_and_die(void)
{
	dump();
	if (cpu_index() != 0)
		cpu_dies();
}

static void dies_while_it_walks(void)
{
	dump();
	touch(1);
	dump();
}

static void unmap_beside_the_dead(uint64_t va, unsigned mask)
{
	enum status status;

	change_begin(mask);
	status = space_unmap_free(&world->space[0], va, 0x1000, &world->data, NULL);
	if (status == OK && !world->space[0].quarantine) {
		change_end(mask, true);
		return;
	}
	EXPECT((cpu_is_dead(1) || cpu_is_dead(2)) && (status == OK || status == E_CPU_LOST));
	change_end_lost(mask);
}

static void takes_from_the_dead(void)
{
	unmap_beside_the_dead(VA + MM_2M_BYTES, 4);
	unmap_beside_the_dead(VA, 1);
}

/* Somebody who died in a walk costs what waits for its end; who died otherwise, what it was to acknowledge. */
static void buried(void)
{
	if (!cpu_is_dead(1) && !cpu_is_dead(2))
		limbo_empties(0);
	expect_pages(1 + world->space[0].quarantined);
	EXPECT(maps_to(0, VA + 0x1000, world->note[1], MM_WRITE));
	EXPECT(maps_nothing(0, VA));
}

const struct scenario mc_dies_scenario = {
	.name = "mc-dies", .what = "a machine check ends a CPU, in a walk or before it acknowledges: nobody waits for it",
	.setup = three_pages, .program = { takes_from_the_dead, dies_while_it_walks, dies_while_it_walks }, .end = buried,
	.on_mc = dump_and_die, .capacities = { 1 },
};
