// SPDX-License-Identifier: MIT
/* Into the lot, kicked in it, and back: smp/park.c, purgatory/lot.c and boss.c on the kernel's side of the door. */
#include "smp/call.h"
#include "smp/online.h"
#include "smp/park.h"
#include "test/hostile/platform.h"
#include "x86/cpu.h"

#define ALL UINT32_MAX
#define KICK_STEPS 160u		/* of the boss, for each parked CPU: accesses, IPIs and looks, within the bounds that are run */

static void online(enum slot_mode mode)
{
	platform_online();
	platform_block(mode);
	park_boss_init(&notes()->boss, slot_of(0));
}

static void online_hlt(void) { online(MODE_HLT); }
static void online_mwait(void) { online(MODE_MWAIT); }

static void parks(void)
{
	unsigned lost = park_all(&notes()->boss, &notes()->place, platform_lot_enter()), i;

	EXPECT(!lost || platform_was_late());
	for (i = 1; i < parameters.cpus; i++) {
		enum cpu_state state = cpu_state(smp_cpu(i));

		EXPECT(state == CPU_PARKED || (lost && state == CPU_LOST));
		/* Out of the mask when PARKED, and only then: a lost one may still walk the kernel's tables. */
		EXPECT((smp_cpu(i)->mm.space == NULL) == (state == CPU_PARKED));
		EXPECT(slot_of(i)->boss.verdict == (state == CPU_PARKED ? VERDICT_PARKED : VERDICT_LOST));
	}
}

/* Who is PARKED for the boss has said so itself, with nothing of the kernel's left. */
static void all_parked(void)
{
	unsigned i;

	for (i = 1; i < parameters.cpus; i++)
		if (cpu_state(smp_cpu(i)) == CPU_PARKED)
			EXPECT(slot_value(shared_load_relaxed_u64(&slot_of(i)->status)) == STATUS_PARKED);
}

const struct scenario park_hlt_scenario = {
	.name = "park-hlt", .what = "everybody into the lot, HLT", .platform = true, .strays = STRAY_ALL,
	.setup = online_hlt, .program = { parks, ap_program, ap_program }, .end = all_parked,
};

const struct scenario park_mwait_scenario = {
	.name = "park-mwait", .what = "everybody into the lot, MWAIT", .platform = true, .strays = STRAY_ALL, .all_mwaits = true,
	.setup = online_mwait, .program = { parks, ap_program, ap_program }, .end = all_parked,
};

/* --- kick --------------------------------------------------------------------------------------------------------- */

static void parked_hlt(void)
{
	online_hlt();
	platform_parked(false);
}

static void parked_mwait(void)
{
	online_mwait();
	platform_parked(false);
}

static void kicks(void)
{
	struct boss *boss = &notes()->boss;
	unsigned picked, silent, steps, i;

	picked = boss_pick_all(boss, ALL);
	EXPECT(picked == parameters.cpus - 1);
	platform_count_steps();
	silent = boss_order(boss, COMMAND_HALT, STATUS_HALTED);
	steps = platform_steps();
	if (!silent && !platform_was_late() && steps > KICK_STEPS * picked)
		broken("kick-too-long", "a kick of %u CPUs took the boss %u steps", picked, steps);
	EXPECT(!silent || platform_was_late());
	EXPECT(boss->kicks == picked && boss->answers == picked - silent);
	for (i = 1; i < parameters.cpus; i++) {
		const struct slot *slot = slot_of(i);

		EXPECT(slot->boss.pending || platform_is_halted(i));
		if (slot->boss.pending)
			platform_given_up(i);
		/* With its NMI, HLT answers at once; MWAIT by its store where that wakes it, else by the NMI after 50 us. */
		if (!platform_was_late())
			EXPECT(slot->boss.answer_us <= (slot->mode == MODE_HLT || parameters.mwait != MWAIT_DEAF ? 0 : 2 * 60));
	}
}

static void all_answered(void)
{
	unsigned i;

	for (i = 1; i < parameters.cpus; i++)
		EXPECT(platform_is_halted(i) && slot_sequence(shared_load_relaxed_u64(&slot_of(i)->status)) == 1);
}

const struct scenario kick_hlt_scenario = {
	.name = "kick-hlt", .what = "HALT to CPUs in HLT", .platform = true, .strays = STRAY_ALL,
	.setup = parked_hlt, .program = { kicks, lot_program, lot_program }, .end = all_answered,
};

const struct scenario kick_mwait_scenario = {
	.name = "kick-mwait", .what = "HALT to CPUs in MWAIT", .platform = true, .strays = STRAY_ALL, .all_mwaits = true,
	.setup = parked_mwait, .program = { kicks, lot_program, lot_program }, .end = all_answered,
};

/* Each of the three without one thing: what only that shows is not noticed here (bugs.txt). */
const struct scenario kick_on_time_scenario = {
	.name = "kick-on-time", .what = "kick-hlt without SMIs", .platform = true, .strays = STRAY_NMI | STRAY_MC | STRAY_WAKE,
	.setup = parked_hlt, .program = { kicks, lot_program, lot_program }, .end = all_answered,
};

const struct scenario kick_without_wakes_scenario = {
	.name = "kick-without-wakes", .what = "kick-hlt, and nothing wakes CPUs but NMIs and machine checks", .platform = true,
	.strays = STRAY_NMI | STRAY_MC | STRAY_LATE, .setup = parked_hlt, .program = { kicks, lot_program, lot_program },
	.end = all_answered,
};

const struct scenario kick_exact_scenario = {
	.name = "kick-exact", .what = "kick-mwait, and each store wakes", .platform = true, .strays = STRAY_ALL,
	.mwait = MWAIT_EXACT, .setup = parked_mwait, .program = { kicks, lot_program, lot_program }, .end = all_answered,
};

/* --- leave ---------------------------------------------------------------------------------------------------------- */

static void leaves(void)
{
	struct boss *boss = &notes()->boss;
	const struct park_lot lot = { .boss = boss, .place = &notes()->place, .lot_enter = platform_lot_enter() };
	uint64_t result = 0;
	enum online_way way;

	EXPECT(park_all(boss, &notes()->place, platform_lot_enter()) == 0 || platform_was_late());
	if (cpu_state(smp_cpu(1)) != CPU_PARKED)
		return;
	way = smp_online(&lot, smp_cpu(1));
	EXPECT(way == ONLINE_BY_WORD || platform_was_late());
	EXPECT(way == ONLINE_NEVER || cpu_state(smp_cpu(1)) == CPU_ONLINE);
	if (way == ONLINE_NEVER)
		return;
	EXPECT(call_start(smp_cpu(1), CALL_PING, 0, 0, 0));
	while (!call_answered(smp_cpu(1), &result))
		cpu_relax();
	EXPECT(result == 1);
}

const struct scenario leave_scenario = {
	.name = "leave", .what = "into the lot, back, and called again", .platform = true, .strays = STRAY_NMI | STRAY_LATE,
	.setup = online_hlt, .program = { leaves, ap_program, ap_program },
};

/* --- lost is lost ------------------------------------------------------------------------------------------------------- */

static void asks_the_lost(void)
{
	struct boss *boss = &notes()->boss;
	const struct park_lot lot = { .boss = boss, .place = &notes()->place, .lot_enter = platform_lot_enter() };
	unsigned lost = park_all(boss, &notes()->place, platform_lot_enter()), i;

	for (i = 1; lost && i < parameters.cpus; i++) {
		if (cpu_state(smp_cpu(i)) != CPU_LOST)
			continue;
		/* Whether it came late or not: its slot is its own for good. */
		EXPECT(!smp_offline(&lot, smp_cpu(i), MODE_HLT));
		EXPECT(smp_online(&lot, smp_cpu(i)) == ONLINE_REFUSED);
	}
	EXPECT(boss_pick_all(boss, ALL) == parameters.cpus - 1 - lost);
}

const struct scenario lost_stays_scenario = {
	.name = "lost-stays", .what = "a CPU that came too late is left alone", .platform = true, .strays = STRAY_LATE,
	.setup = online_hlt, .program = { asks_the_lost, ap_program, ap_program },
};

/* --- there and back ------------------------------------------------------------------------------------------------------ */

static void goes_and_comes(void)
{
	struct boss *boss = &notes()->boss;
	const struct park_lot lot = { .boss = boss, .place = &notes()->place, .lot_enter = platform_lot_enter() };
	unsigned i;

	EXPECT(!park_all(boss, &notes()->place, platform_lot_enter()));
	EXPECT(!smp_online_all(&lot));
	for (i = 1; i < parameters.cpus; i++)
		EXPECT(cpu_state(smp_cpu(i)) == CPU_ONLINE && slot_of(i)->boss.verdict == VERDICT_ONLINE);
	/* The slot is used again, in another way, and the old status says nothing. */
	EXPECT(smp_offline(&lot, smp_cpu(1), MODE_MWAIT));
	EXPECT(cpu_state(smp_cpu(1)) == CPU_PARKED && smp_cpu(1)->mm.space == NULL);
	EXPECT(slot_value(shared_load_relaxed_u64(&slot_of(1)->status)) == STATUS_PARKED);
	EXPECT(!smp_offline(&lot, smp_cpu(1), MODE_MWAIT) && !smp_offline(&lot, smp_boss(), MODE_HLT));
	/* Who is there already is not asked again. */
	EXPECT(!park_all(boss, &notes()->place, platform_lot_enter()) && cpu_state(smp_cpu(1)) == CPU_PARKED);
	EXPECT(smp_online(&lot, smp_boss()) == ONLINE_REFUSED);
	EXPECT(smp_online(&lot, smp_cpu(1)) == ONLINE_BY_WORD);
}

const struct scenario there_and_back_scenario = {
	.name = "there-and-back", .what = "all into the lot and back, then one", .platform = true, .strays = STRAY_NMI,
	.guest = true, .setup = online_hlt, .program = { goes_and_comes, ap_program, ap_program },
};
