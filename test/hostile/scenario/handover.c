// SPDX-License-Identifier: MIT
/* From commit to the jump and after it: purgatory_main() as it is, CPUs in the lot, and what goes wrong there. */
#include "purgatory/purgatory.h"
#include "smp/park.h"
#include "test/hostile/platform.h"

static void committed_hlt(void) { platform_committed(MODE_HLT); }
static void committed_mwait(void) { platform_committed(MODE_MWAIT); }

/* Away once, the boss asks again. Twice, it gives a CPU up, which gets INIT and must have answered again after it. A
 * machine check in a chunk is a mismatch, reported as what it was. */
static void handed_over(void)
{
	unsigned i;
	bool by_mc;

	if (platform_failed()) {
		EXPECT(platform_failed() == E_VERIFY && platform_failed_chunk(&by_mc) < CHUNKS && by_mc);
		return;
	}
	EXPECT(platform_jumped());
	for (i = 1; i < parameters.cpus; i++)
		EXPECT(platform_is_halted(i) && (slot_of(i)->boss.verdict == VERDICT_HALTED ||
		       (platform_was_late() > 1 && slot_of(i)->boss.verdict == VERDICT_INIT_RECALLED)));
}

const struct scenario handover_hlt_scenario = {
	.name = "handover-hlt", .what = "VERIFY, HALT, jump, the next kernel's stores", .platform = true, .strays = STRAY_ALL,
	.setup = committed_hlt, .program = { platform_hands_over, lot_program, lot_program }, .end = handed_over,
};

const struct scenario handover_mwait_scenario = {
	.name = "handover-mwait", .what = "the same with MWAIT", .platform = true, .strays = STRAY_ALL, .all_mwaits = true,
	.setup = committed_mwait, .program = { platform_hands_over, lot_program, lot_program }, .end = handed_over,
};

/* --- a CPU that does not answer --------------------------------------------------------------------------------- */

static void one_deaf(void)
{
	committed_hlt();
	platform_deaf(1, false);
}

static void recalled(void)
{
	EXPECT(!platform_failed() && platform_jumped());
	EXPECT(slot_of(1)->boss.verdict == VERDICT_INIT_RECALLED && platform_is_halted(1));
	EXPECT(platform_ivt() == 0);
}

const struct scenario recall_scenario = {
	.name = "recall", .what = "a deaf CPU: INIT, SIPI, back in the lot", .platform = true, .strays = STRAY_NMI,
	.setup = one_deaf, .program = { platform_hands_over, lot_program, lot_program }, .end = recalled,
};

static void one_dead(void)
{
	committed_hlt();
	platform_deaf(1, true);
}

static void refused(void)
{
	EXPECT(platform_failed() == E_HANDOVER_REFUSED && !platform_jumped());
	EXPECT(slot_of(1)->boss.verdict == VERDICT_LOST);
}

const struct scenario dead_refused_scenario = {
	.name = "dead-refused", .what = "a CPU that answers neither HALT nor INIT: no jump", .platform = true, .strays = STRAY_NMI,
	.setup = one_dead, .program = { platform_hands_over, lot_program, lot_program }, .end = refused,
};

static void one_dead_goes_on(void)
{
	one_dead();
	the_plan()->lost_cpu = PLAN_LOST_CONTINUE;
	platform_seal_plan();
}

static void went_on(void)
{
	EXPECT(!platform_failed() && platform_jumped() && slot_of(1)->boss.verdict == VERDICT_LOST);
	/* It may wake between INIT and long mode at any time. */
	EXPECT(platform_ivt() == PLATFORM_LOW);
}

const struct scenario dead_goes_on_scenario = {
	.name = "dead-goes-on", .what = "the same under lost-cpu continue", .platform = true, .strays = STRAY_NMI,
	.setup = one_dead_goes_on, .program = { platform_hands_over, lot_program, lot_program }, .end = went_on,
};

static void one_held(void)
{
	one_deaf();
	the_plan()->init_policy = PLAN_INIT_HOLD;
	platform_seal_plan();
}

static void held(void)
{
	EXPECT(!platform_failed() && platform_jumped() && slot_of(1)->boss.verdict == VERDICT_INIT_HELD);
	EXPECT(platform_ivt() == PLATFORM_LOW);
}

const struct scenario held_scenario = {
	.name = "init-hold", .what = "a deaf CPU under init hold", .platform = true, .strays = STRAY_NMI,
	.setup = one_held, .program = { platform_hands_over, lot_program, lot_program }, .end = held,
};
