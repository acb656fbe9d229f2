// SPDX-License-Identifier: MIT
/* Firmware and hardware that are not as usual: CPUs that are not where they should be, an ICR that stays busy, the mailbox, no
 * page 0, no page for a recall. Everybody still gets a verdict. */
#include "purgatory/purgatory.h"
#include "smp/call.h"
#include "smp/online.h"
#include "smp/park.h"
#include "test/hostile/platform.h"
#include "x86/entry/ivt.h"

static struct online_config config(void)
{
	return (struct online_config){ .low_page = PLATFORM_LOW, .space = &world->space[0], .boot_page_mapped = true };
}

static void judged(void)
{
	unsigned i;

	for (i = 1; i < parameters.cpus; i++) {
		enum cpu_state state = cpu_state(smp_cpu(i));

		EXPECT(state == CPU_ONLINE || state == CPU_PARKED || state == CPU_NO_ANSWER || state == CPU_LOST);
	}
}

/* --- evidence ------------------------------------------------------------------------------------------------------------ */

static void online(void)
{
	platform_online();
	platform_block(MODE_HLT);
	park_boss_init(&notes()->boss, slot_of(0));
}

static void liars(void)
{
	online();
	platform_liars();
}

/* Whoever shows one register that is not the block's is LOST, and stays in the space's mask. */
static void believes_nobody(void)
{
	unsigned lost = park_all(&notes()->boss, &notes()->place, platform_lot_enter()), i, lies = 0;

	for (i = 1; i < parameters.cpus; i++) {
		lies += platform_lied(i);
		EXPECT(cpu_state(smp_cpu(i)) == (platform_lied(i) ? CPU_LOST : CPU_PARKED));
		EXPECT((smp_cpu(i)->mm.space == NULL) == !platform_lied(i));
	}
	EXPECT(lost == lies && boss_pick_all(&notes()->boss, UINT32_MAX) == parameters.cpus - 1 - lost);
}

const struct scenario not_there_scenario = {
	.name = "not-there", .what = "CPUs that say PARKED and show a register that is not the block's", .platform = true,
	.strays = STRAY_NMI, .setup = liars, .program = { believes_nobody, ap_program, ap_program }, .end = judged,
};

/* --- an ICR that stays busy ---------------------------------------------------------------------------------------------- */

static void in_xapic(void)
{
	platform_xapic();
	platform_smp();
	platform_block(MODE_HLT);
	park_boss_init(&notes()->boss, slot_of(0));
}

static void sends_while_it_can(void)
{
	const struct online_config with = config();
	struct problem problem = { .code = OK };
	struct online_result result;

	platform_icr_sticks(platform_choose(4));
	smp_hold(&platform_madt, &with);
	EXPECT(smp_bring_up(&with, &result, &problem) == OK);
	if (!result.low_page_busy)
		platform_free_low_page();
	judged();
	if (platform_choose(2))
		/* Those who were lost before count, too. */
		EXPECT(park_all(&notes()->boss, &notes()->place, platform_lot_enter()) == result.online - 1 + result.lost);
	else
		EXPECT(call_all(CALL_PING, 0, 0, 0, call_deadline_us()) == result.online - 1);
}

const struct scenario icr_sticks_scenario = {
	.name = "icr-sticks", .what = "from some IPI on the ICR stays busy", .platform = true, .strays = STRAY_NMI,
	.setup = in_xapic, .program = { sends_while_it_can }, .end = judged,
};

/* --- what is not there --------------------------------------------------------------------------------------------------- */

static void with_a_mailbox(void)
{
	platform_madt.mp_wakeup = true;
	platform_smp();
}

static void sends_nothing(void)
{
	const struct online_config with = config();
	struct problem problem = { .code = OK };
	struct online_result result;
	unsigned i;

	smp_hold(&platform_madt, &with);
	EXPECT(smp_bring_up(&with, &result, &problem) == OK && result.mp_wakeup);
	for (i = 1; i < parameters.cpus; i++)
		EXPECT(cpu_state(smp_cpu(i)) == CPU_NO_ANSWER && platform_in_firmware(i) &&
		       !smp_start_again(smp_cpu(i), &problem));
}

const struct scenario mailbox_scenario = {
	.name = "mailbox", .what = "firmware's mailbox: neither INIT nor SIPI", .platform = true, .strays = STRAY_NMI,
	.setup = with_a_mailbox, .program = { sends_nothing },
};

static void without_page_0(void)
{
	platform_no_page_0();
	platform_smp();
}

static void comes_in_all_the_same(void)
{
	struct online_config with = config();
	struct problem problem = { .code = OK };
	struct online_result result;

	with.boot_page_mapped = false;
	smp_hold(&platform_madt, &with);
	EXPECT(smp_bring_up(&with, &result, &problem) == OK && result.online == parameters.cpus && !platform_ivt());
}

const struct scenario no_page_0_scenario = {
	.name = "no-page-0", .what = "page 0 is not mapped: no vector, and INIT at bring-up", .platform = true, .strays = STRAY_NMI,
	.setup = without_page_0, .program = { comes_in_all_the_same },
};

static void no_recall(void)
{
	platform_no_page_0();
	platform_committed(MODE_HLT);
	the_plan()->recall_page = 0;
	platform_seal_plan();
	platform_deaf(1, false);
}

static void held(void)
{
	EXPECT(platform_jumped() && slot_of(1)->boss.verdict == VERDICT_INIT_HELD && !platform_ivt());
}

const struct scenario no_recall_page_scenario = {
	.name = "no-recall-page", .what = "a deaf CPU and no page to recall it by", .platform = true, .strays = STRAY_NMI,
	.setup = no_recall, .program = { platform_hands_over, lot_program, lot_program }, .end = held,
};

/* --- HALT once more ------------------------------------------------------------------------------------------------------- */

static bool idle(void *context) { (void)context; return true; }
static uint32_t takes(void *context, uint64_t page) { (void)context; return ivt_nmi_take(page); }
static void restores(void *context, uint32_t old) { (void)context; ivt_nmi_restore(old); }

static void parked_mwait(void)
{
	platform_online();
	platform_block(MODE_MWAIT);
	platform_arm_recall();
	park_boss_init(&notes()->boss, slot_of(0));
	platform_parked(false);
}

static void halt_all(struct boss *boss, uint32_t verdict)
{
	unsigned i;

	EXPECT(boss_pick_all(boss, UINT32_MAX) == parameters.cpus - 1);
	EXPECT(boss_order(boss, COMMAND_HALT, STATUS_HALTED) == 0);
	for (i = 1; i < parameters.cpus; i++) {
		EXPECT(platform_is_halted(i));
		slot_of(i)->boss.verdict = verdict;
	}
}

/* After HALT a CPU sleeps in HLT whatever its mode is: with its NMI it answers at once. So does one that INIT has brought back. */
static void halts_again(void)
{
	struct boss *boss = &notes()->boss;

	boss->ipi_idle = idle;
	boss->ivt_take = takes;
	boss->ivt_restore = restores;
	boss->recall_page = PLATFORM_LOW;
	halt_all(boss, VERDICT_HALTED);
	halt_all(boss, VERDICT_HALTED);
	EXPECT(slot_of(1)->boss.answer_us == 0);
	platform_deaf(1, false);
	boss_pick_all(boss, UINT32_MAX);
	EXPECT(boss_order(boss, COMMAND_HALT, STATUS_HALTED) == 1 && boss_init_silent(boss, true) == 0);
	EXPECT(slot_of(1)->boss.verdict == VERDICT_INIT_RECALLED && !platform_ivt());
	halt_all(boss, VERDICT_HALTED);
	EXPECT(slot_of(1)->boss.answer_us == 0);
}

const struct scenario halt_again_scenario = {
	.name = "halt-again", .what = "HALT, HALT, INIT, HALT to CPUs of MWAIT", .platform = true, .mwait = MWAIT_EXACT,
	.strays = STRAY_NMI | STRAY_WAKE, .setup = parked_mwait, .program = { halts_again, lot_program, lot_program },
};
