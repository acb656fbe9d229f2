// SPDX-License-Identifier: MIT
/* A boss that is away in the middle of a wait (an SMI): that time is nobody's silence. One CPU, which answers its NMI. Time is
 * the twin's TSC, one tick a microsecond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "purgatory/boss.h"
#include "x86/cpu.h"
#include "x86/regs.h"

#define STEP_US	10
#define AWAY_US	20000			/* longer than the kick's deadline */

static struct slot slots[2];
static struct boss boss;
static uint64_t now, away_us[2];	/* at the next PAUSE and at the one after it */
static unsigned nmis;
static bool answers;

uint64_t twin_cpu_rdtsc(void)
{
	return now;
}

void twin_cpu_relax(void)
{
	uint32_t sequence = slot_sequence(shared_load_relaxed_u64(&slots[1].control.command));

	now += STEP_US + away_us[0];
	away_us[0] = away_us[1];
	away_us[1] = 0;
	if (now > 100 * AWAY_US)
		fail_msg("a wait without an end");
	if (answers && nmis)
		shared_store_release_u64(&slots[1].status, slot_word(sequence, STATUS_HALTED));
}

static bool send_ipi(void *context, uint32_t apic_id, uint32_t icr_low)
{
	(void)context;
	(void)apic_id;
	nmis += icr_low == ICR_NMI;
	return true;
}

static int reset(void **state)
{
	(void)state;
	memset(slots, 0, sizeof(slots));
	slots[1].mode = MODE_MWAIT;
	slots[1].boss.verdict = VERDICT_PARKED;
	boss = (struct boss){ .slots = slots, .cpu_count = 2, .tsc_khz = 1000, .deadline_us = BOSS_DEADLINE_US,
			      .nmi_after_us = BOSS_NMI_AFTER_US, .nmi_repeat_us = BOSS_NMI_REPEAT_US, .send_ipi = send_ipi };
	now = 1000;
	nmis = 0;
	answers = true;
	memset(away_us, 0, sizeof(away_us));
	boss_pick_all(&boss, UINT32_MAX);
	return 0;
}

/* The NMI is still to be sent then, and gets its time. */
static void test_gap_is_no_silence(void **state)
{
	(void)state;
	away_us[0] = AWAY_US;
	assert_int_equal(boss_order(&boss, COMMAND_HALT, STATUS_HALTED), 0);
	assert_int_equal(nmis, 1);
}

/* Half of the deadline for each gap, and no less: the wait ends. */
static void test_gaps_end(void **state)
{
	uint64_t start = now, half = BOSS_DEADLINE_US / 2;

	(void)state;
	answers = false;
	away_us[0] = AWAY_US;
	assert_int_equal(boss_order(&boss, COMMAND_HALT, STATUS_HALTED), 1);
	assert_in_range(now - start, AWAY_US + half, AWAY_US + half + 2 * STEP_US);
	start = now;
	away_us[0] = away_us[1] = AWAY_US;
	assert_int_equal(boss_order(&boss, COMMAND_HALT, STATUS_HALTED), 1);
	assert_in_range(now - start, 2 * AWAY_US, 2 * AWAY_US + 3 * STEP_US);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_gap_is_no_silence, reset), cmocka_unit_test_setup(test_gaps_end, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
