// SPDX-License-Identifier: MIT
/* The boss against scripted CPUs. Time is the twin's TSC, one tick a microsecond; it moves by STEP_US a PAUSE. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "purgatory/boss.h"
#include "x86/cpu.h"
#include "x86/regs.h"

#define CPUS		6
#define STEP_US		10
#define RECALL_PAGE	0x9e000u
#define IVT_OLD		0xf000e2c3u
#define IVT_TAKEN	(RECALL_PAGE >> 4 << 16)	/* segment of the page, offset 0 */

enum script { SILENT, ON_STORE, ON_NMI, ON_THIRD_NMI, LATE, TWICE, WRONG_VALUE, AFTER_SIPI, AFTER_SECOND_SIPI };

static struct slot slots[CPUS + 1];		/* the last one is nobody's */
static struct boss boss;
static enum script script[CPUS];
static uint64_t now, late_at;
static unsigned nmis[CPUS], inits[CPUS], deasserts[CPUS], sipis[CPUS], nmis_after_init;
static uint32_t sipi_vector, ivt;
static uint64_t icr_busy_us, icr_idle_at;	/* how long each NMI keeps the ICR busy; UINT64_MAX: for good */
static uint64_t last_nmi, first_init, second_sipi;
static bool inits_refused;
static unsigned commands_at_first_relax;
static enum slot_status reply;

uint64_t twin_cpu_rdtsc(void)
{
	return now;
}

static uint32_t sequence_of(const struct slot *s)
{
	return slot_sequence(shared_load_relaxed_u64(&s->control.command));
}

static void answer(unsigned i, uint32_t sequence, uint32_t value)
{
	shared_store_release_u64(&slots[i].status, slot_word(sequence, value));
}

static void run_cpu(unsigned i)
{
	uint32_t sequence = sequence_of(&slots[i]);
	bool speak = false;

	if (!sequence)
		return;
	switch (script[i]) {
	case ON_STORE: case TWICE: speak = true; break;
	case ON_NMI: speak = nmis[i] >= 1; break;
	case ON_THIRD_NMI: speak = nmis[i] >= 3; break;
	case LATE: speak = now >= late_at; break;
	case AFTER_SIPI: speak = sipis[i] == 1; break;
	case AFTER_SECOND_SIPI: speak = sipis[i] == 2; break;
	case WRONG_VALUE: answer(i, sequence, COMMAND_HALT); break;
	case SILENT: break;
	}
	if (speak)
		answer(i, sequence, reply);
	if (speak && script[i] == TWICE)
		answer(i, sequence, reply);
}

void twin_cpu_relax(void)
{
	unsigned i;

	if (commands_at_first_relax == 0)
		for (i = 0; i < CPUS; i++)
			commands_at_first_relax += sequence_of(&slots[i]) != 0;
	now += STEP_US;
	if (now > 200 * BOSS_DEADLINE_US)
		fail_msg("a wait without an end");
	for (i = 0; i < CPUS; i++)
		run_cpu(i);
}

static bool send_ipi(void *context, uint32_t apic_id, uint32_t icr_low)
{
	unsigned i = apic_id - 100;

	assert_ptr_equal(context, &boss);
	assert_in_range(i, 0, CPUS - 1);
	assert_int_not_equal(i, boss.boss_slot);
	if (icr_low == ICR_NMI) {
		nmis[i]++;
		nmis_after_init += inits[i];
		last_nmi = now;
		icr_idle_at = icr_busy_us == UINT64_MAX ? UINT64_MAX : now + icr_busy_us;
	} else {
		assert_true(now >= icr_idle_at);
		assert_int_equal(ivt, boss.recall_page ? IVT_TAKEN : IVT_OLD);
	}
	if (icr_low == ICR_INIT_ASSERT && inits_refused)
		return false;
	if (icr_low == ICR_INIT_ASSERT && !first_init)
		first_init = now;
	inits[i] += icr_low == ICR_INIT_ASSERT;
	deasserts[i] += icr_low == ICR_INIT_DEASSERT;
	if ((icr_low & 0xff00) == (ICR_SIPI & 0xff00)) {
		sipis[i]++;
		sipi_vector = icr_low & 0xff;
		if (sipis[i] == 2)
			second_sipi = now;
	}
	return true;
}

static bool ipi_idle(void *context)
{
	assert_ptr_equal(context, &boss);
	if (icr_idle_at == UINT64_MAX)
		return false;
	if (now < icr_idle_at)
		now = icr_idle_at;
	return true;
}

static uint32_t ivt_take(void *context, uint64_t page)
{
	uint32_t old = ivt;

	assert_ptr_equal(context, &boss);
	ivt = (uint32_t)(page >> 4) << 16;
	return old;
}

static void ivt_restore(void *context, uint32_t old)
{
	assert_ptr_equal(context, &boss);
	ivt = old;
}

static int reset(void **state)
{
	unsigned i;

	(void)state;
	memset(slots, 0, sizeof(slots));
	memset(nmis, 0, sizeof(nmis));
	memset(inits, 0, sizeof(inits));
	memset(deasserts, 0, sizeof(deasserts));
	memset(sipis, 0, sizeof(sipis));
	nmis_after_init = commands_at_first_relax = 0;
	icr_busy_us = icr_idle_at = last_nmi = first_init = second_sipi = 0;
	inits_refused = false;
	ivt = IVT_OLD;
	now = 1000;
	late_at = UINT64_MAX;
	reply = STATUS_HALTED;
	boss = (struct boss){ .slots = slots, .cpu_count = CPUS, .tsc_khz = 1000, .deadline_us = BOSS_DEADLINE_US,
			      .nmi_after_us = BOSS_NMI_AFTER_US, .nmi_repeat_us = BOSS_NMI_REPEAT_US,
			      .send_ipi = send_ipi, .context = &boss, .ipi_idle = ipi_idle, .ivt_take = ivt_take,
			      .ivt_restore = ivt_restore, .recall_page = RECALL_PAGE };
	for (i = 0; i < CPUS; i++) {
		slots[i].apic_id = 100 + i;
		slots[i].mode = MODE_MWAIT;
		slots[i].boss.verdict = i ? VERDICT_PARKED : VERDICT_ONLINE;
		script[i] = i ? ON_STORE : SILENT;
	}
	return 0;
}

static void test_deadline(void **state)
{
	(void)state;
	assert_int_equal(boss_kick_deadline_us(512, false), 5000);
	assert_int_equal(boss_kick_deadline_us(4, true), BOSS_DEADLINE_VM_US);
	assert_int_equal(boss_kick_deadline_us(64, true), 64 * BOSS_DEADLINE_VM_CPU_US);
}

static void test_us_does_not_overflow(void **state)
{
	(void)state;
	boss.tsc_khz = 3000000;
	assert_int_equal(boss_us(&boss, 0, 3000000ull * 1000 * 3600 * 24 * 365), 1000000ull * 3600 * 24 * 365);
	assert_int_equal(boss_us(&boss, UINT64_MAX - 2999, 0), 1);
}

static void test_mwait_needs_no_nmi(void **state)
{
	(void)state;
	assert_int_equal(boss_pick_all(&boss, UINT32_MAX), CPUS - 1);
	assert_int_equal(boss_order(&boss, COMMAND_HALT, STATUS_HALTED), 0);
	assert_int_equal(boss.nmis, 0);
	assert_int_equal(boss.kicks, CPUS - 1);
	assert_int_equal(boss.answers, CPUS - 1);
	assert_int_equal(boss.last_us, STEP_US);
}

static void test_hlt_gets_its_nmi_at_once(void **state)
{
	(void)state;
	slots[2].mode = MODE_HLT;
	slots[3].boss.verdict = VERDICT_HALTED;
	boss_pick_all(&boss, UINT32_MAX);
	boss_command(&boss, COMMAND_HALT);
	assert_int_equal(now, 1000);
	assert_int_equal(nmis[1], 0);
	assert_int_equal(nmis[2], 1);
	assert_int_equal(nmis[3], 1);
}

static void test_all_kicked_before_anybody_is_awaited(void **state)
{
	(void)state;
	script[1] = ON_THIRD_NMI;
	boss_pick_all(&boss, UINT32_MAX);
	assert_int_equal(boss_order(&boss, COMMAND_HALT, STATUS_HALTED), 0);
	assert_int_equal(commands_at_first_relax, CPUS - 1);
}

static void test_nmi_times(void **state)
{
	(void)state;
	script[4] = ON_THIRD_NMI;
	boss_pick_all(&boss, UINT32_MAX);
	assert_int_equal(boss_order(&boss, COMMAND_HALT, STATUS_HALTED), 0);
	assert_int_equal(nmis[4], 3);
	assert_in_range(slots[4].boss.answer_us, 2050, 2050 + 2 * STEP_US);
	assert_int_equal(nmis[1], 0);
}

static void test_silent_cpus_share_one_deadline(void **state)
{
	(void)state;
	script[1] = script[2] = script[3] = SILENT;
	boss_pick_all(&boss, UINT32_MAX);
	assert_int_equal(boss_order(&boss, COMMAND_HALT, STATUS_HALTED), 3);
	assert_in_range(now - 1000, BOSS_DEADLINE_US, BOSS_DEADLINE_US + STEP_US);
	assert_int_equal(slots[1].boss.pending, 1);
	assert_int_equal(slots[4].boss.pending, 0);
	assert_int_equal(nmis[1], 5);
}

static void test_command_value_is_no_answer(void **state)
{
	(void)state;
	script[5] = WRONG_VALUE;
	boss_pick_all(&boss, UINT32_MAX);
	assert_int_equal(boss_order(&boss, COMMAND_HALT, STATUS_HALTED), 1);
}

static void test_late_answer_is_not_the_next_ones(void **state)
{
	(void)state;
	reply = STATUS_VERIFIED;
	script[2] = SILENT;
	boss_pick_all(&boss, UINT32_MAX);
	assert_int_equal(boss_order(&boss, COMMAND_VERIFY, STATUS_VERIFIED), 1);
	/* It wakes up now and answers the old command, after the new one has been given. */
	boss_pick_one(&boss, 2);
	boss_command(&boss, COMMAND_VERIFY);
	answer(2, 1, STATUS_VERIFIED);
	assert_int_equal(boss_await(&boss, STATUS_VERIFIED, 100, false), 1);
	answer(2, 2, STATUS_VERIFIED);
	assert_int_equal(boss_await(&boss, STATUS_VERIFIED, 100, false), 0);
}

static void test_double_answer_counts_once(void **state)
{
	(void)state;
	script[1] = TWICE;
	boss_pick_all(&boss, UINT32_MAX);
	assert_int_equal(boss_order(&boss, COMMAND_HALT, STATUS_HALTED), 0);
	assert_int_equal(boss.answers, CPUS - 1);
	script[1] = SILENT;
	boss_pick_all(&boss, UINT32_MAX);
	assert_int_equal(boss_order(&boss, COMMAND_HALT, STATUS_HALTED), 1);
}

static void test_pick(void **state)
{
	(void)state;
	slots[1].boss.verdict = VERDICT_LOST;
	slots[2].boss.verdict = VERDICT_NONE;
	slots[3].boss.verdict = VERDICT_INIT_RECALLED;
	slots[4].boss.verdict = VERDICT_HALTED;
	slots[CPUS].boss.verdict = slots[0].boss.verdict = VERDICT_PARKED;
	assert_int_equal(boss_pick_all(&boss, 2), 2);
	assert_int_equal(slots[3].boss.pending & slots[4].boss.pending, 1);
	assert_int_equal(slots[0].boss.pending | slots[1].boss.pending, 0);
	assert_int_equal(slots[2].boss.pending | slots[5].boss.pending, 0);
	assert_int_equal(boss_pick_one(&boss, 1), 0);
	assert_int_equal(boss_pick_one(&boss, 0), 0);
	assert_int_equal(boss_pick_one(&boss, CPUS), 0);
	assert_int_equal(boss_pick_one(&boss, 5), 1);
	assert_int_equal(slots[3].boss.pending, 0);
}

static void test_stripes(void **state)
{
	unsigned i, helper = 0;

	(void)state;
	boss_pick_all(&boss, 3);
	boss_command(&boss, COMMAND_VERIFY);
	for (i = 1; i < CPUS; i++) {
		if (!slots[i].boss.pending)
			continue;
		assert_int_equal(shared_load_relaxed_u32(&slots[i].control.work_first), ++helper);
		assert_int_equal(shared_load_relaxed_u32(&slots[i].control.work_stride), 4);
	}
	assert_int_equal(helper, 3);
}

static void test_missed_work(void **state)
{
	(void)state;
	reply = STATUS_VERIFYING;
	script[3] = SILENT;				/* never accepts */
	boss_pick_all(&boss, UINT32_MAX);
	boss_command(&boss, COMMAND_VERIFY);
	assert_int_equal(boss_await(&boss, STATUS_VERIFYING, boss.deadline_us, true), 1);
	script[1] = script[2] = SILENT;
	reply = STATUS_VERIFIED;
	script[1] = LATE;
	late_at = now + 500;				/* 1 finishes in time, 2 accepted and never finishes */
	assert_int_equal(boss_await_work(&boss, 1000), 2);
	assert_int_equal(slots[1].boss.missed, 0);
	assert_int_equal(slots[2].boss.missed, 1);
	assert_int_equal(slots[3].boss.missed, 1);
	assert_int_equal(slots[4].boss.missed, 0);
}

static void test_init_recalls(void **state)
{
	(void)state;
	script[1] = AFTER_SIPI;
	script[2] = SILENT;
	boss_pick_all(&boss, UINT32_MAX);
	assert_int_equal(boss_order(&boss, COMMAND_HALT, STATUS_HALTED), 2);
	assert_int_equal(boss_init_silent(&boss, true), 1);
	assert_int_equal(slots[1].boss.verdict, VERDICT_INIT_RECALLED);
	assert_int_equal(slots[2].boss.verdict, VERDICT_LOST);
	assert_int_equal(inits[1], 1);
	assert_int_equal(deasserts[1], 1);
	assert_int_equal(sipis[1], 1);
	assert_int_equal(sipi_vector, 0x9e);
	assert_int_equal(inits[3] + inits[4] + inits[5], 0);
	assert_int_equal(nmis_after_init, 0);
	assert_int_equal(sipis[2], 2);
	assert_int_equal(ivt, IVT_TAKEN);		/* 2 may still be on its way */
}

static void halt_but(unsigned silent)
{
	boss_pick_all(&boss, UINT32_MAX);
	assert_int_equal(boss_order(&boss, COMMAND_HALT, STATUS_HALTED), silent);
}

/* The hook above checks that it is taken at every INIT and SIPI. */
static void test_ivt_is_given_back(void **state)
{
	(void)state;
	script[1] = script[4] = AFTER_SIPI;
	halt_but(2);
	assert_int_equal(boss_init_silent(&boss, true), 0);
	assert_int_equal(inits[1] + inits[4], 2);
	assert_int_equal(ivt, IVT_OLD);
}

static void test_second_sipi_to_the_silent_only(void **state)
{
	(void)state;
	script[1] = AFTER_SECOND_SIPI;
	script[2] = AFTER_SIPI;
	halt_but(2);
	assert_int_equal(boss_init_silent(&boss, true), 0);
	assert_int_equal(slots[1].boss.verdict, VERDICT_INIT_RECALLED);
	assert_int_equal(slots[2].boss.verdict, VERDICT_INIT_RECALLED);
	assert_int_equal(sipis[1], 2);
	assert_int_equal(sipis[2], 1);
	assert_in_range(second_sipi - first_init - 10000, BOSS_SECOND_SIPI_US, BOSS_SECOND_SIPI_US + 4 * STEP_US);
	assert_int_equal(ivt, IVT_OLD);
}

/* HALTED comes after the deadline and before INIT: it says nothing about where the CPU is after INIT. */
static void test_late_halted_is_no_recall(void **state)
{
	(void)state;
	script[1] = SILENT;
	script[2] = AFTER_SIPI;
	halt_but(2);
	answer(1, 1, STATUS_HALTED);
	answer(2, 1, STATUS_HALTED);
	assert_int_equal(boss_init_silent(&boss, true), 1);
	assert_int_equal(slots[1].boss.verdict, VERDICT_LOST);
	assert_int_equal(slots[2].boss.verdict, VERDICT_INIT_RECALLED);
	assert_int_equal(sipis[1], 2);
	assert_int_equal(ivt, IVT_TAKEN);		/* 1 may be in the trampoline */
	assert_int_equal(slot_sequence(shared_load_relaxed_u64(&slots[2].status)), 2);
	assert_int_equal(sequence_of(&slots[3]), 1);	/* no new command to those that had answered in time */
}

static void test_init_waits_for_the_last_nmi(void **state)
{
	(void)state;
	script[1] = AFTER_SIPI;
	icr_busy_us = 3000;				/* longer than from the last NMI to the deadline */
	halt_but(1);
	assert_int_equal(boss_init_silent(&boss, true), 0);
	assert_int_equal(inits[1], 1);
	assert_in_range(first_init - last_nmi, 3000 + 100, 3000 + 100 + STEP_US);
}

static void test_stuck_icr_sends_no_init(void **state)
{
	(void)state;
	script[1] = AFTER_SIPI;
	icr_busy_us = UINT64_MAX;
	halt_but(1);
	assert_int_equal(boss_init_silent(&boss, true), 1);
	assert_int_equal(inits[1] + sipis[1] + boss.inits, 0);
	assert_int_equal(slots[1].boss.verdict, VERDICT_LOST);
	assert_int_equal(ivt, IVT_OLD);
}

static void test_refused_init_does_not_hold(void **state)
{
	(void)state;
	script[1] = SILENT;
	inits_refused = true;
	halt_but(1);
	assert_int_equal(boss_init_silent(&boss, false), 1);
	assert_int_equal(slots[1].boss.verdict, VERDICT_LOST);
	assert_int_equal(deasserts[1] + slots[1].boss.inits, 0);
	assert_int_equal(ivt, IVT_OLD);
	reset(NULL);
	script[1] = SILENT;
	inits_refused = true;
	boss.recall_page = 0;				/* nothing was taken that could be given back */
	halt_but(1);
	assert_int_equal(boss_init_silent(&boss, false), 1);
	assert_int_equal(ivt, IVT_OLD);
}

static void test_init_holds(void **state)
{
	(void)state;
	script[1] = SILENT;
	boss_pick_all(&boss, UINT32_MAX);
	boss_order(&boss, COMMAND_HALT, STATUS_HALTED);
	assert_int_equal(boss_init_silent(&boss, false), 0);
	assert_int_equal(slots[1].boss.verdict, VERDICT_INIT_HELD);
	assert_int_equal(sipis[1], 0);
	assert_int_equal(ivt, IVT_TAKEN);		/* it stays where IVT[2] counts */
	boss.recall_page = 0;				/* no page: recall cannot be had */
	reset(NULL);
	boss.recall_page = 0;
	script[1] = AFTER_SIPI;
	boss_pick_all(&boss, UINT32_MAX);
	boss_order(&boss, COMMAND_HALT, STATUS_HALTED);
	boss_init_silent(&boss, true);
	assert_int_equal(slots[1].boss.verdict, VERDICT_INIT_HELD);
	assert_int_equal(sipis[1], 0);
}

static void test_bsp_never_gets_init(void **state)
{
	(void)state;
	script[1] = script[2] = AFTER_SIPI;
	slots[1].no_init = 1;
	boss_pick_all(&boss, UINT32_MAX);
	boss_order(&boss, COMMAND_HALT, STATUS_HALTED);
	assert_int_equal(boss_init_silent(&boss, true), 1);
	assert_int_equal(inits[1] + sipis[1] + deasserts[1], 0);
	assert_int_equal(slots[1].boss.verdict, VERDICT_LOST);
	assert_int_equal(slots[2].boss.verdict, VERDICT_INIT_RECALLED);
}

#define T(f) cmocka_unit_test_setup(f, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_deadline), T(test_us_does_not_overflow), T(test_mwait_needs_no_nmi),
		T(test_hlt_gets_its_nmi_at_once), T(test_all_kicked_before_anybody_is_awaited), T(test_nmi_times),
		T(test_silent_cpus_share_one_deadline), T(test_command_value_is_no_answer),
		T(test_late_answer_is_not_the_next_ones), T(test_double_answer_counts_once), T(test_pick),
		T(test_stripes), T(test_missed_work), T(test_init_recalls), T(test_init_holds),
		T(test_ivt_is_given_back), T(test_second_sipi_to_the_silent_only),
		T(test_late_halted_is_no_recall), T(test_init_waits_for_the_last_nmi),
		T(test_stuck_icr_sends_no_init), T(test_refused_init_does_not_hold), T(test_bsp_never_gets_init),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
