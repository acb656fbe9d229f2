// SPDX-License-Identifier: MIT
/*
 * From ONLINE into the lot, HALT, jump: then the next kernel stores to everything outside the block, at any time. Where nobody's
 * rights are checked, nothing but those stores finds who still needs something there.
 */
#include "purgatory/purgatory.h"
#include "smp/online.h"
#include "smp/park.h"
#include "test/hostile/platform.h"
#include "x86/cpu.h"

_Noreturn void jump_next(uint64_t entry, uint64_t boot_params, uint64_t cr4);

static void online(void)
{
	platform_online();
	platform_block(MODE_HLT);
	park_boss_init(&notes()->boss, slot_of(0));
}

static void parked(void)
{
	online();
	platform_parked(false);
}

static void halts(void)
{
	struct boss *boss = &notes()->boss;

	EXPECT(boss_pick_all(boss, UINT32_MAX) == parameters.cpus - 1);
	EXPECT(!boss_order(boss, COMMAND_HALT, STATUS_HALTED));
}

static void parks_and_halts(void)
{
	EXPECT(!park_all(&notes()->boss, &notes()->place, platform_lot_enter()));
	halts();
}

static void jumps(void)
{
	platform_enters_block();
	cpu_write_cr3(PLATFORM_HANDOVER);
	jump_next(0, 0, 0);
}

static void halts_and_jumps(void)
{
	halts();
	jumps();
}

static void parks_and_jumps(void)
{
	parks_and_halts();
	jumps();
}

static void all_halted(void)
{
	unsigned i;

	EXPECT(platform_jumped());
	for (i = 1; i < parameters.cpus; i++)
		EXPECT(platform_is_halted(i));
}

const struct scenario next_kernel_scenario = {
	.name = "next-kernel", .what = "HALT, jump, and the next kernel's stores", .platform = true,
	.strays = STRAY_NMI | STRAY_MC | STRAY_WAKE, .setup = parked,
	.program = { halts_and_jumps, lot_program, lot_program },
	.end = all_halted,
};

const struct scenario next_kernel_alone_scenario = {
	.name = "next-kernel-alone", .what = "the same from ONLINE on, and nothing is checked but those stores",
	.platform = true, .trusting = true, .strays = STRAY_WAKE, .setup = online,
	.program = { parks_and_jumps, ap_program, ap_program },
};

const struct scenario no_next_kernel_scenario = {
	.name = "no-next-kernel", .what = "that one's control: nobody jumps", .platform = true, .trusting = true,
	.strays = STRAY_WAKE, .setup = online, .program = { parks_and_halts, ap_program, ap_program },
};
