// SPDX-License-Identifier: MIT
/* What a loop decides by seed and generation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "kernel/choice.h"

#define GENERATIONS	1000u
#define CPUS		3u

static unsigned offline_of(struct choice c)
{
	unsigned set = 0;

	for (unsigned i = 0; i < CPUS; i++)
		set |= (unsigned)choice_offline(c, i) << i;
	return set;
}

static void test_every_set_of_cpus_has_its_turn(void **state)
{
	unsigned seen[1 << CPUS] = { 0 };

	(void)state;
	for (uint64_t g = 1; g <= GENERATIONS; g++)
		seen[offline_of((struct choice){ 5, g })]++;
	for (unsigned set = 0; set < 1 << CPUS; set++)
		assert_in_range(seen[set], 10, GENERATIONS / 2);
}

static void test_sets_follow_from_the_seed(void **state)
{
	unsigned same = 0;

	(void)state;
	for (uint64_t g = 1; g <= GENERATIONS; g++)
		same += offline_of((struct choice){ 5, g }) == offline_of((struct choice){ 6, g });
	assert_in_range(same, 1, GENERATIONS / 2);
}

static void test_mode_and_set_are_drawn_apart(void **state)
{
	unsigned mwait = 0, offline = 0, both = 0;

	(void)state;
	for (uint64_t g = 1; g <= GENERATIONS; g++) {
		struct choice c = { 7, g };

		mwait += choice_park_mode(c, 1, false) == MODE_MWAIT;
		offline += choice_offline(c, 1);
		both += choice_offline(c, 1) && choice_park_mode(c, 1, false) == MODE_MWAIT;
	}
	assert_in_range(mwait, 400, 600);
	assert_in_range(offline, 250, 420);
	assert_in_range(both, offline / 3, offline * 2 / 3);
}

static void test_mwait_is_rare_in_a_machine_of_software(void **state)
{
	unsigned mwait = 0;

	(void)state;
	for (uint64_t g = 1; g <= GENERATIONS; g++)
		mwait += choice_park_mode((struct choice){ 9, g }, 2, true) == MODE_MWAIT;
	assert_in_range(mwait, 60, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_set_of_cpus_has_its_turn),
		cmocka_unit_test(test_sets_follow_from_the_seed),
		cmocka_unit_test(test_mode_and_set_are_drawn_apart),
		cmocka_unit_test(test_mwait_is_rare_in_a_machine_of_software),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
