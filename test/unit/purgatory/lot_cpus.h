// SPDX-License-Identifier: MIT
/* The block's other CPUs, in the lot: each takes a few turns of lot.c at every PAUSE of the boss. */
#ifndef TEST_UNIT_PURGATORY_LOT_CPUS_H
#define TEST_UNIT_PURGATORY_LOT_CPUS_H

#include "purgatory/lot.h"
#include "test/unit/purgatory/block.h"

enum habit { HEALTHY, SILENT, SILENT_UNTIL_SIPI, SILENT_IN_VERIFY, NEVER_DONE };

static enum habit habits[CPUS];
static uint64_t cpu_cr3[CPUS];

static bool works(unsigned i)
{
	bool verify = slot_value(shared_load_relaxed_u64(&slots[i].control.command)) == COMMAND_VERIFY;
	bool sipi = (apic[APIC_ICR_LOW / 4] & 0xff00) == (ICR_SIPI & 0xff00) && apic[APIC_ICR_HIGH / 4] == (i * 2) << 24;

	if (habits[i] == SILENT_UNTIL_SIPI && sipi)
		habits[i] = HEALTHY;
	return habits[i] == HEALTHY || (!verify && (habits[i] == SILENT_IN_VERIFY || habits[i] == NEVER_DONE));
}

static void lot_runs(void)
{
	uint64_t boss_cr3 = twin.cr3, boss_cr4 = twin.cr4, sequence;
	unsigned i, turns;

	other_cpu = true;
	for (i = 0; i < CPUS; i++) {
		if (i == BOSS)
			continue;
		twin.cr3 = cpu_cr3[i];
		for (turns = 0; turns < 4 && works(i); turns++)
			lot_turn(&slots[i]);
		cpu_cr3[i] = twin.cr3;
		/* It accepts its share and stays in it. */
		sequence = slot_sequence(shared_load_relaxed_u64(&slots[i].control.command));
		if (habits[i] == NEVER_DONE && !works(i))
			shared_store_release_u64(&slots[i].status, slot_word((uint32_t)sequence, STATUS_VERIFYING));
	}
	twin.cr3 = boss_cr3;
	twin.cr4 = boss_cr4;
	other_cpu = false;
}

static int parked_cpus(void **state)
{
	unsigned i;

	good_block(state);
	mismatch_forget();
	for (i = 0; i < CPUS; i++) {
		habits[i] = HEALTHY;
		cpu_cr3[i] = PARK_ROOT;
	}
	on_relax = lot_runs;
	return 0;
}

#endif
