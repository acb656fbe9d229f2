// SPDX-License-Identifier: MIT
/* What is damaged is found by whoever has to look there, and nobody jumps; and the fallback that follows. */
#include "purgatory/purgatory.h"
#include "test/hostile/platform.h"
#include "test/hostile/scenario/scenario.h"

static void committed(void)
{
	platform_committed(MODE_HLT);
}

static void flip(uint64_t phys)
{
	*(uint8_t *)platform_pointer(phys) ^= 1;
}

/* Chunks go round: the boss has the first, the next CPU the second. A machine check there is the other good answer. */
static void chunk_found(uint32_t damaged)
{
	bool by_mc;
	uint32_t chunk = platform_failed_chunk(&by_mc);

	EXPECT(platform_failed() == E_VERIFY && !platform_jumped() && (chunk == damaged ? true : by_mc));
}

static void first_damaged(void)
{
	committed();
	flip(PLATFORM_SEGMENTS);
}

static void first_found(void) { chunk_found(0); }

const struct scenario damaged_first_scenario = {
	.name = "damaged-first", .what = "a chunk of the boss's differs", .platform = true, .strays = STRAY_ALL,
	.setup = first_damaged, .program = { platform_hands_over, lot_program, lot_program }, .end = first_found,
};

static void second_damaged(void)
{
	committed();
	flip(PLATFORM_SEGMENTS + 64);
}

static void second_found(void) { chunk_found(1); }

const struct scenario damaged_second_scenario = {
	.name = "damaged-second", .what = "a chunk of a parked CPU's differs", .platform = true, .strays = STRAY_ALL,
	.setup = second_damaged, .program = { platform_hands_over, lot_program, lot_program }, .end = second_found,
};

static void tail_damaged(void)
{
	committed();
	flip(PLATFORM_SEGMENTS + 64 + 16 + 3);
}

static void nobody_jumped(void)
{
	EXPECT(platform_failed() == E_VERIFY && !platform_jumped());
}

const struct scenario damaged_tail_scenario = {
	.name = "damaged-tail", .what = "a byte behind a segment is not zero", .platform = true, .strays = STRAY_NMI | STRAY_WAKE,
	.setup = tail_damaged, .program = { platform_hands_over, lot_program, lot_program }, .end = nobody_jumped,
};

/* Without the plan nobody is told anything. */
static void nobody_told(void)
{
	unsigned i;

	EXPECT(platform_failed() == E_BLOCK_DAMAGED && !platform_jumped());
	for (i = 1; i < parameters.cpus; i++)
		EXPECT(slot_sequence(shared_load_relaxed_u64(&slot_of(i)->control.command)) == 0);
}

static void plan_damaged(void)
{
	committed();
	the_plan()->entry ^= 1;
}

const struct scenario damaged_plan_scenario = {
	.name = "damaged-plan", .what = "the plan differs from its digest", .platform = true, .strays = STRAY_NMI,
	.setup = plan_damaged, .program = { platform_hands_over, lot_program, lot_program }, .end = nobody_told,
};

static void header_damaged(void)
{
	committed();
	flip(PLATFORM_PLAN);
}

const struct scenario damaged_header_scenario = {
	.name = "damaged-header", .what = "the block's header is none", .platform = true, .strays = STRAY_NMI,
	.setup = header_damaged, .program = { platform_hands_over, lot_program, lot_program }, .end = nobody_told,
};

static void table_damaged(void)
{
	committed();
	flip(PLATFORM_TABLE);
}

const struct scenario damaged_table_scenario = {
	.name = "damaged-table", .what = "the digests differ from theirs", .platform = true, .strays = STRAY_NMI,
	.setup = table_damaged, .program = { platform_hands_over, lot_program, lot_program }, .end = nobody_told,
};

/* --- the fallback ---------------------------------------------------------------------------------------------- */

static void falls_back(void)
{
	purgatory_fall_back(the_plan());
}

static void fallback_quiet(void)
{
	committed();
	the_plan()->quiet = the_plan()->protected_mode = 1;
	platform_seal_plan();
}

static void all_halted(void)
{
	unsigned i;

	EXPECT(platform_jumped() && !platform_failed());
	for (i = 1; i < parameters.cpus; i++)
		EXPECT(platform_is_halted(i));
}

const struct scenario fallback_scenario = {
	.name = "fallback", .what = "the fallback entry, into protected mode", .platform = true, .strays = STRAY_NMI | STRAY_WAKE,
	.setup = fallback_quiet, .program = { falls_back, lot_program, lot_program }, .end = all_halted,
};

const struct scenario fallback_damaged_scenario = {
	.name = "fallback-damaged", .what = "its digests differ from theirs", .platform = true, .strays = STRAY_NMI,
	.setup = table_damaged, .program = { falls_back, lot_program, lot_program }, .end = nobody_told,
};

/* --- in xAPIC mode ------------------------------------------------------------------------------------------------ */

static void deaf_in_xapic(void)
{
	platform_xapic();
	committed();
	platform_deaf(1, false);
}

static void recalled(void)
{
	EXPECT(!platform_failed() && platform_jumped());
	EXPECT(slot_of(1)->boss.verdict == VERDICT_INIT_RECALLED && platform_is_halted(1));
}

const struct scenario recall_xapic_scenario = {
	.name = "recall-xapic", .what = "a deaf CPU, IPIs by the APIC's registers", .platform = true, .strays = STRAY_NMI,
	.setup = deaf_in_xapic, .program = { platform_hands_over, lot_program, lot_program }, .end = recalled,
};
