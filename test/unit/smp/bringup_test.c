// SPDX-License-Identifier: MIT
/*
 * Bring-up of CPUs and from configurations that are not the usual ones.
 */
#include "test/unit/smp/online_machine.h"

static void who_answers_for_another_is_lost(void **state)
{
	(void)state;
	habits[2] = OTHER_INDEX;
	assert_int_equal(bring_up().lost, 1);
	assert_int_equal(cpu_state(smp_cpu(2)), CPU_LOST);
}

/* It is not waited for twice, and what it says later is not asked. */
static void whom_no_call_reaches_is_lost_at_once(void **state)
{
	(void)state;
	habits[2] = UNCALLED;
	habits[3] = SLOW;
	assert_int_equal(bring_up().lost, 1);
	assert_int_equal(cpu_state(smp_cpu(2)), CPU_LOST);
	assert_int_equal(cpu_state(smp_cpu(3)), CPU_ONLINE);
}

static void differences_are_counted(void **state)
{
	struct online_result r;

	(void)state;
	habits[2] = habits[4] = FOUND_DIFFERENT;
	r = bring_up();
	assert_int_equal(r.differing, 2);
	assert_int_equal(r.online, CPUS);
}

static void without_page_0_the_ivt_stays(void **state)
{
	struct online_config unmapped = config;

	(void)state;
	unmapped.boot_page_mapped = page_0 = false;
	assert_int_equal(bring_up_as(&unmapped).online, CPUS);
	assert_int_equal(ivt_takes + ivt_restores, 0);
}

/* The boss's own first, and the page tables' types with it: that is what the others are compared with. */
static void everybody_gets_the_pat(void **state)
{
	struct online_config with_pat = config;

	(void)state;
	bring_up();
	assert_int_equal(bringup_boss_state()->pat, 0);
	assert_int_equal(cr3_writes, 0);
	table_there = false;
	with_pat.pat = 0x0007040600070406;
	bring_up_as(&with_pat);
	assert_int_equal(bringup_boss_state()->pat, with_pat.pat);
	assert_int_equal(cr3_writes, 1);		/* after it */
}

static void alone_nobody_is_waited_for(void **state)
{
	struct online_result r;

	(void)state;
	madt.cpu_count = 1;
	signature = 0x543;
	r = bring_up();
	assert_int_equal(r.online, 1);
	assert_true(r.total_us < 1000);
}

static void who_is_held_in_init_is_unaccounted_for(void **state)
{
	(void)state;
	bring_up();
	assert_true(cpu_move(smp_cpu(1), CPU_ONLINE, CPU_PARKING));
	assert_true(cpu_move(smp_cpu(1), CPU_PARKING, CPU_PARKED));
	assert_false(smp_any_unaccounted());
	assert_true(cpu_move(smp_cpu(1), CPU_PARKED, CPU_INIT_HELD));
	assert_true(smp_any_unaccounted());
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_answers_for_another_is_lost),
		TEST(whom_no_call_reaches_is_lost_at_once),
		TEST(differences_are_counted),
		TEST(without_page_0_the_ivt_stays),
		TEST(everybody_gets_the_pat),
		TEST(alone_nobody_is_waited_for),
		TEST(who_is_held_in_init_is_unaccounted_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
