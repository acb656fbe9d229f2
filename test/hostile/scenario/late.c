// SPDX-License-Identifier: MIT
/* A boss that was in an SMI, CPUs that answer after their deadline or just before their INIT, SIPIs that get lost. */
#include "smp/park.h"
#include "test/hostile/platform.h"

static void committed(void)
{
	platform_committed(MODE_HLT);
}

/* Who is given up gets INIT and has answered a HALT of its own after it, or the jump is refused. */
static void halted_or_refused(void)
{
	unsigned i, lost = 0;

	for (i = 1; i < parameters.cpus; i++)
		lost += slot_of(i)->boss.verdict == VERDICT_LOST;
	EXPECT(platform_was_late() || !lost);
	EXPECT(platform_failed() == (lost ? E_HANDOVER_REFUSED : 0) && platform_jumped() == !lost);
	for (i = 1; i < parameters.cpus && !lost; i++)
		EXPECT(platform_is_halted(i));
}

/* The boss verifies alone: HALT is the first command, and the only one. */
static void halt_alone(void)
{
	committed();
	the_plan()->helper_limit = 0;
	platform_seal_plan();
}

const struct scenario halt_late_scenario = {
	.name = "halt-late", .what = "CPUs that answer HALT late, some of them just before their INIT", .platform = true,
	.strays = STRAY_NMI | STRAY_LATE, .setup = halt_alone, .program = { platform_hands_over, lot_program, lot_program },
	.end = halted_or_refused,
};

const struct scenario verify_late_scenario = {
	.name = "verify-late", .what = "CPUs that do not finish their share of VERIFY", .platform = true, .strays = STRAY_LATE,
	.setup = committed, .program = { platform_hands_over, lot_program, lot_program }, .end = halted_or_refused,
};

/* --- a deaf CPU -------------------------------------------------------------------------------------------------------- */

static void one_deaf(void)
{
	halt_alone();
	platform_deaf(1, false);
}

static void one_deaf_and_a_lost_sipi(void)
{
	one_deaf();
	platform_misses_sipi(1);
}

static void recalled(void)
{
	halted_or_refused();
	EXPECT(platform_was_late() || slot_of(1)->boss.verdict == VERDICT_INIT_RECALLED);
	EXPECT((platform_ivt() == 0) == (slot_of(1)->boss.verdict == VERDICT_INIT_RECALLED));
}

const struct scenario recall_late_scenario = {
	.name = "recall-late", .what = "a deaf CPU that comes back late, NMIs on their way meanwhile", .platform = true,
	.strays = STRAY_NMI | STRAY_LATE, .setup = one_deaf, .program = { platform_hands_over, lot_program, lot_program },
	.end = recalled,
};

const struct scenario second_sipi_scenario = {
	.name = "second-sipi", .what = "a deaf CPU that the first SIPI does not reach", .platform = true, .strays = STRAY_NMI,
	.setup = one_deaf_and_a_lost_sipi, .program = { platform_hands_over, lot_program, lot_program }, .end = recalled,
};

/* Its own BSP bit is set: INIT would reset the machine (rule 11). */
static void deaf_bsp(void)
{
	one_deaf();
	platform_bsp(1);
	slot_of(1)->no_init = 1;
}

static void refused_without_init(void)
{
	EXPECT(platform_failed() == E_HANDOVER_REFUSED && !platform_jumped());
	EXPECT(slot_of(1)->boss.verdict == VERDICT_LOST && slot_of(1)->boss.inits == 0);
}

const struct scenario deaf_bsp_scenario = {
	.name = "deaf-bsp", .what = "a deaf CPU that may be the BSP: no INIT", .platform = true, .strays = STRAY_NMI,
	.setup = deaf_bsp, .program = { platform_hands_over, lot_program, lot_program }, .end = refused_without_init,
};
