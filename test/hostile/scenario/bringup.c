// SPDX-License-Identifier: MIT
/* Out of firmware: INIT, SIPI, the trampoline page, ONLINE; who comes late, never, or cannot be addressed. */
#include "smp/online.h"
#include "smp/park.h"
#include "test/hostile/platform.h"

static const struct online_config *config(void)
{
	static struct online_config c;

	c = (struct online_config){ .low_page = PLATFORM_LOW, .space = &world->space[0], .boot_page_mapped = true };
	return &c;
}

/* Everybody has a verdict, and it stays. */
static void judged(void)
{
	unsigned i;

	for (i = 1; i < parameters.cpus; i++) {
		enum cpu_state state = cpu_state(smp_cpu(i));

		EXPECT(state == CPU_ONLINE || state == CPU_NO_ANSWER || state == CPU_LOST);
	}
}

static void brings_up(void)
{
	struct problem problem = { .code = OK };
	struct online_result result;
	unsigned i;

	smp_hold(&platform_madt, config());
	EXPECT(smp_bring_up(config(), &result, &problem) == OK);
	/* Rule 14: only if nobody can come in any more. */
	if (!result.low_page_busy)
		platform_free_low_page();
	EXPECT(result.online + result.no_answer + result.lost == parameters.cpus);
	EXPECT(result.online == parameters.cpus || platform_was_late());
	for (i = 1; i < parameters.cpus; i++)
		EXPECT(platform_was_late() || cpu_state(smp_cpu(i)) == CPU_ONLINE);
	for (i = 1; i < parameters.cpus; i++)
		EXPECT(cpu_state(smp_cpu(i)) != CPU_NO_ANSWER || !platform_in_kernel(i));
	judged();
}

const struct scenario bring_up_scenario = {
	.name = "bring-up", .what = "INIT-SIPI, ONLINE, the page is given back", .platform = true,
	.strays = STRAY_NMI | STRAY_LATE, .setup = platform_smp, .program = { brings_up }, .end = judged,
};

static void one_never_comes(void)
{
	platform_smp();
	platform_deaf(1, true);
}

static void misses_one(void)
{
	struct problem problem = { .code = OK };
	struct online_result result;

	smp_hold(&platform_madt, config());
	EXPECT(smp_bring_up(config(), &result, &problem) == OK);
	EXPECT(cpu_state(smp_cpu(1)) == CPU_NO_ANSWER && result.no_answer >= 1 && result.low_page_busy);
	/* It may wake between INIT and long mode at any time. */
	EXPECT(platform_ivt() == PLATFORM_LOW);
	EXPECT(smp_start_again(smp_cpu(1), &problem) == false && cpu_state(smp_cpu(1)) == CPU_NO_ANSWER);
}

const struct scenario never_comes_scenario = {
	.name = "never-comes", .what = "a CPU that answers no SIPI", .platform = true, .strays = STRAY_NMI,
	.setup = one_never_comes, .program = { misses_one },
};

static void one_out_of_reach(void)
{
	platform_xapic();
	platform_apic_id(1, 0x100);
	platform_smp();
}

static void reaches_the_others(void)
{
	struct problem problem = { .code = OK };
	struct online_result result;

	smp_hold(&platform_madt, config());
	EXPECT(smp_bring_up(config(), &result, &problem) == OK);
	EXPECT(cpu_state(smp_cpu(1)) == CPU_UNREACHABLE && result.unreachable == 1);
}

const struct scenario out_of_reach_scenario = {
	.name = "out-of-reach", .what = "APIC ID 256 in xAPIC mode", .platform = true, .strays = STRAY_NMI,
	.setup = one_out_of_reach, .program = { reaches_the_others },
};

static void one_disabled(void)
{
	platform_madt.cpus[1].enabled = false;
	platform_smp();
}

static void leaves_it_alone(void)
{
	struct problem problem = { .code = OK };
	struct online_result result;

	smp_hold(&platform_madt, config());
	EXPECT(smp_bring_up(config(), &result, &problem) == OK);
	EXPECT(cpu_state(smp_cpu(1)) == CPU_DISABLED && result.disabled == 1);
	EXPECT(platform_in_firmware(1));
}

const struct scenario disabled_scenario = {
	.name = "disabled", .what = "a CPU that firmware lists as disabled", .platform = true, .strays = STRAY_NMI,
	.setup = one_disabled, .program = { leaves_it_alone },
};

static void one_differs(void)
{
	platform_smp();
	platform_differs(1);
}

static void loses_it(void)
{
	struct problem problem = { .code = OK };
	struct online_result result;

	EXPECT(smp_bring_up(config(), &result, &problem) == OK);
	EXPECT(cpu_state(smp_cpu(1)) == CPU_LOST && result.lost == 1 && result.low_page_busy);
}

const struct scenario differs_scenario = {
	.name = "differs", .what = "registers that cannot be made equal", .platform = true, .strays = STRAY_NMI,
	.setup = one_differs, .program = { loses_it },
};

/* --- INIT-SIPI once more -------------------------------------------------------------------------------------------- */

static void one_comes_later(void)
{
	platform_smp();
	platform_block(MODE_HLT);
	platform_deaf(1, true);
}

static void starts_again(void)
{
	struct online_config with_pat = *config();
	struct problem problem = { .code = OK };
	struct boss *boss = &notes()->boss;
	const struct park_lot lot = { .boss = boss, .place = &notes()->place, .lot_enter = platform_lot_enter() };
	struct online_result result;

	with_pat.pat = 0x0007040600070406ull;
	EXPECT(smp_bring_up(&with_pat, &result, &problem) == OK && result.low_page_busy);
	EXPECT(cpu_state(smp_cpu(1)) == CPU_NO_ANSWER && smp_any_unaccounted());
	park_boss_init(boss, slot_of(0));
	EXPECT(smp_online(&lot, smp_cpu(1)) == ONLINE_NEVER && slot_of(1)->boss.verdict == VERDICT_NO_ANSWER);
	platform_deaf(1, false);
	EXPECT(smp_online(&lot, smp_cpu(1)) == ONLINE_BY_INIT && cpu_state(smp_cpu(1)) == CPU_ONLINE);
	EXPECT(slot_of(1)->boss.verdict == VERDICT_ONLINE && !smp_any_unaccounted() && platform_ivt() == 0);
	EXPECT(!smp_start_again(smp_cpu(1), &problem) && cpu_state(smp_cpu(1)) == CPU_ONLINE);
}

const struct scenario comes_later_scenario = {
	.name = "comes-later", .what = "no answer, then INIT-SIPI once more; a processor that needs time between INIT's edges",
	.platform = true, .strays = STRAY_NMI, .old_processor = true, .guest = true,
	.setup = one_comes_later, .program = { starts_again },
};

/* --- who may be the BSP ------------------------------------------------------------------------------------------------ */

static void boss_is_none(void)
{
	platform_boss_is_no_bsp();
	platform_smp();
}

static void sends_none(void)
{
	struct problem problem = { .code = OK };
	struct online_result result;
	unsigned i;

	smp_hold(&platform_madt, config());
	EXPECT(smp_bring_up(config(), &result, &problem) == OK && result.is_bsp == parameters.cpus - 1);
	for (i = 1; i < parameters.cpus; i++)
		EXPECT(cpu_state(smp_cpu(i)) == CPU_IS_BSP && platform_in_firmware(i));
}

const struct scenario no_bsp_scenario = {
	.name = "no-bsp", .what = "the boss is not the BSP: INIT to nobody", .platform = true, .strays = STRAY_NMI,
	.setup = boss_is_none, .program = { sends_none },
};
