// SPDX-License-Identifier: MIT
/* What becomes of the watchdog that the image has armed. */
#include "test/unit/purgatory/block.h"

#include "x86/pc/watchdog.h"

static void test_failure_stops_it(void **state)
{
	(void)state;
	watchdog_end(plan);			/* there is none */
	expect("");
	plan->watchdog = (struct plan_watchdog){ .kind = WATCHDOG_TCO, .port = 0x660, .hand_over = 1 };
	watchdog_end(plan);
	expect("<out16 0x668=0xffff>\n");
	plan->watchdog = (struct plan_watchdog){ .kind = WATCHDOG_I6300ESB, .bdf = 0x28, .hand_over = 1 };
	watchdog_end(plan);
	expect("<out32 0xcf8=0x80002868>\n<out8 0xcfc=0x0>\n");
}

static void test_next_baton_gets_it_running(void **state)
{
	(void)state;
	plan->watchdog = (struct plan_watchdog){ .kind = WATCHDOG_TCO, .port = 0x660 };
	watchdog_before_jump(plan);
	expect("<out16 0x668=0xffff>\n");
	plan->watchdog.hand_over = 1;
	watchdog_before_jump(plan);
	expect("");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_failure_stops_it, good_block),
		cmocka_unit_test_setup(test_next_baton_gets_it_running, good_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
