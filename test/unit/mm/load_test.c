// SPDX-License-Identifier: MIT
/*
 * CPUs that load, leave, idle and come back while another CPU changes the space: each change is placed at every
 * access of the operation it races with.
 */
#include "test/unit/mm/machine.h"

#include <string.h>

#include "mm/load.h"
#include "x86/cpu.h"

#define VA 0x40000000ull
#define FAR_MEMORY 0x200000000ull
#define PARK_ROOT 0x7000ull

static struct space space;
static struct mm_cpu cpu1;
static bool cpu1_masked;			/* interrupts off: the call waits */
static struct flush_request waiting;
static bool call_waits;
static unsigned calls;

static bool call_cpu1(const struct flush_request *request)
{
	if (!flush_wanted(request, &cpu1))
		return true;
	calls++;
	if (cpu1_masked) {
		waiting = *request;
		call_waits = true;
		return true;
	}
	machine_on_cpu(1);
	flush_on_cpu(&cpu1, request);
	machine_on_cpu(0);
	return true;
}

/* Both CPUs have nothing loaded but the park root; CPU 0 loads the space. */
static int start(void **state)
{
	(void)state;
	machine_start(64);
	assert_int_equal(space_init(&space, 4, &machine_features, &machine.tables, NULL), OK);
	machine_load(&space, VA, MM_2M_BYTES);
	memset(&cpu1, 0, sizeof(cpu1));
	cpu1.index = 65;
	cpu1_masked = call_waits = false;
	calls = 0;
	mm_set_flush_others(call_cpu1);
	machine_on_cpu(1);
	space_leave(&cpu1, PARK_ROOT);
	machine_on_cpu(0);
	assert_int_equal(space_map(&space, VA, FAR_MEMORY, 0x4000, MM_WRITE, MM_PAGE_4K, NULL), OK);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	machine_stop();
	return 0;
}

static void load_on_cpu1(void)
{
	machine_on_cpu(1);
	cpu1_masked = true;
	space_load(&cpu1, &space);
	cpu1_masked = false;
	if (call_waits)
		flush_on_cpu(&cpu1, &waiting);
	call_waits = false;
	machine_on_cpu(0);
}

static void busy_on_cpu1(void)
{
	machine_on_cpu(1);
	cpu1_masked = true;
	mm_cpu_busy(&cpu1);
	cpu1_masked = false;
	if (call_waits)
		flush_on_cpu(&cpu1, &waiting);
	call_waits = false;
	machine_on_cpu(0);
}

static void unmap_on_cpu0(void)
{
	assert_int_equal(space_unmap(&space, VA, 0x4000, NULL), OK);
}

/* Nothing is freed after it: it may be placed inside an operation of a CPU that cannot answer yet. */
static void protect_on_cpu0(void)
{
	machine_on_cpu(0);
	assert_int_equal(space_protect(&space, VA, 0x2000, MM_READ, NULL), OK);
	machine_on_cpu(1);
}

/* Runs outer with inner before its access 0, 1, 2, ... until it has no such access any more. */
static void race(void (*before)(void), void (*outer)(void), void (*inner)(void))
{
	unsigned k;
	bool placed = true;

	for (k = 0; placed; k++) {
		stop(NULL);
		start(NULL);
		if (before)
			before();
		machine.preempt_after = k;
		machine.preempt = inner;
		outer();
		placed = !machine.preempt;
		machine.preempt = NULL;
		machine_check();
	}
	assert_true(k > 2);
}

static void a_cpu_without_the_space_is_not_called(void **state)
{
	(void)state;
	unmap_on_cpu0();
	assert_int_equal(calls, 0);
	assert_int_equal(machine.frees, 3);
}

static void a_cpu_with_the_space_is_called_until_it_leaves(void **state)
{
	(void)state;
	load_on_cpu1();
	assert_int_equal(space_unmap(&space, VA, 0x1000, NULL), OK);
	machine_check();
	assert_int_equal(calls, 1);
	machine_on_cpu(1);
	space_leave(&cpu1, PARK_ROOT);
	assert_int_equal(cpu_read_cr3(), PARK_ROOT);
	machine_on_cpu(0);
	unmap_on_cpu0();
	assert_int_equal(calls, 1);
}

static void a_cpu_that_proved_to_be_elsewhere_is_taken_out(void **state)
{
	(void)state;
	load_on_cpu1();
	machine_on_cpu(1);
	cpu_write_cr3(PARK_ROOT);		/* the lot's own code */
	machine_on_cpu(0);
	space_left(&cpu1);
	assert_null(cpu1.space);
	unmap_on_cpu0();
	assert_int_equal(calls, 0);
	space_left(&cpu1);			/* nothing to leave */
}

static void loading_another_space_leaves_the_first(void **state)
{
	struct space other;

	(void)state;
	assert_int_equal(space_init(&other, 4, &machine_features, &machine.tables, NULL), OK);
	load_on_cpu1();
	load_on_cpu1();				/* again the same: still in the mask */
	assert_int_equal(space_unmap(&space, VA, 0x1000, NULL), OK);
	assert_int_equal(calls, 1);
	machine_on_cpu(1);
	space_load(&cpu1, &other);
	assert_int_equal(cpu_read_cr3(), other.root);
	machine_on_cpu(0);
	unmap_on_cpu0();
	assert_int_equal(calls, 1);
	assert_int_equal(space_map(&other, VA, 0, 0x1000, MM_READ, MM_PAGE_4K, NULL), OK);
	assert_int_equal(space_unmap(&other, VA, 0x1000, NULL), OK);
	assert_int_equal(calls, 2);
}

static void a_load_at_any_point_of_an_unmap(void **state)
{
	(void)state;
	race(NULL, unmap_on_cpu0, load_on_cpu1);
}

static void a_change_at_any_point_of_a_load(void **state)
{
	(void)state;
	race(NULL, load_on_cpu1, protect_on_cpu0);
}

static void leave_on_cpu1(void)
{
	machine_on_cpu(1);
	space_leave(&cpu1, PARK_ROOT);
	machine_on_cpu(0);
}

static void a_leave_at_any_point_of_an_unmap(void **state)
{
	(void)state;
	race(load_on_cpu1, unmap_on_cpu0, leave_on_cpu1);
}

static void unmap_while_cpu1_leaves(void)
{
	machine_on_cpu(0);
	unmap_on_cpu0();
	machine_on_cpu(1);
}

static void an_unmap_at_any_point_of_a_leave(void **state)
{
	/* The two points of a leave: before CR3, and before the bit is cleared. CPU 1 answers at once in both. */
	(void)state;
	race(load_on_cpu1, leave_on_cpu1, unmap_while_cpu1_leaves);
}

static void go_lazy(void)
{
	load_on_cpu1();
	machine_on_cpu(1);
	mm_cpu_lazy(&cpu1);
	machine_on_cpu(0);
}

static void a_lazy_cpu_is_left_out_only_if_nothing_is_freed(void **state)
{
	(void)state;
	go_lazy();
	assert_int_equal(space_protect(&space, VA, 0x1000, MM_READ, NULL), OK);
	assert_int_equal(calls, 0);
	busy_on_cpu1();
	machine_check();
	go_lazy();
	unmap_on_cpu0();			/* frees tables */
	assert_int_equal(calls, 1);
	assert_int_equal(machine.frees, 3);
	machine_check();
}

static void a_lazy_cpu_is_called_for_a_new_size_or_type(void **state)
{
	(void)state;
	assert_int_equal(space_unmap(&space, VA, 0x4000, NULL), OK);
	assert_int_equal(space_map(&space, VA, FAR_MEMORY, MM_2M_BYTES, MM_WRITE, MM_PAGE_2M, NULL), OK);
	go_lazy();
	assert_int_equal(space_protect(&space, VA, MM_2M_BYTES, MM_WRITE | MM_CACHE(MM_UC), NULL), OK);
	assert_int_equal(calls, 1);
	assert_int_equal(space_protect(&space, VA, 0x1000, MM_READ | MM_CACHE(MM_UC), NULL), OK);
	assert_int_equal(calls, 2);		/* the split, not the rights */
	busy_on_cpu1();
	machine_check();
}

static void a_change_at_any_point_of_coming_back(void **state)
{
	(void)state;
	race(go_lazy, busy_on_cpu1, protect_on_cpu0);
}

static void go_lazy_and_miss_one(void)
{
	go_lazy();
	assert_int_equal(space_protect(&space, VA + 0x3000, 0x1000, MM_READ, NULL), OK);
}

static void a_change_at_any_point_of_catching_up(void **state)
{
	(void)state;
	race(go_lazy_and_miss_one, busy_on_cpu1, protect_on_cpu0);
}

static void coming_back_at_any_point_of_a_change(void **state)
{
	(void)state;
	race(go_lazy, unmap_on_cpu0, busy_on_cpu1);
}

static void nothing_missed_costs_nothing(void **state)
{
	(void)state;
	go_lazy();
	machine_on_cpu(1);
	twin.sfences = 0;
	mm_cpu_busy(&cpu1);
	assert_int_equal(cpu1.generation, 0);
	space_leave(&cpu1, PARK_ROOT);
	mm_cpu_lazy(&cpu1);
	mm_cpu_busy(&cpu1);			/* no space: nothing to catch up with */
	machine_on_cpu(0);
}

static void a_flush_that_skipped_one_becomes_whole(void **state)
{
	struct flush_request first, second;

	(void)state;
	load_on_cpu1();
	cpu1_masked = true;
	assert_int_equal(space_protect(&space, VA, 0x1000, MM_READ, NULL), OK);
	first = waiting;
	assert_int_equal(space_protect(&space, VA + 0x1000, 0x1000, MM_READ, NULL), OK);
	second = waiting;
	machine_on_cpu(1);
	flush_on_cpu(&cpu1, &second);		/* the later one first: both are made up for */
	assert_int_equal(cpu1.generation, 2);
	machine_check();
	flush_on_cpu(&cpu1, &first);
	assert_int_equal(cpu1.generation, 2);
	machine_on_cpu(0);
	assert_int_equal(space_protect(&space, VA, 0x1000, MM_WRITE, NULL), OK);
	first = waiting;
	assert_int_equal(space_protect(&space, VA + 0x1000, 0x1000, MM_WRITE, NULL), OK);
	machine_on_cpu(1);
	flush_on_cpu(&cpu1, &first);		/* the earlier one, but the space is ahead already */
	assert_int_equal(cpu1.generation, 4);
	machine_check();
	machine_on_cpu(0);
}

static void a_call_for_a_space_that_was_left_only_drains(void **state)
{
	(void)state;
	load_on_cpu1();
	cpu1_masked = true;
	assert_int_equal(space_protect(&space, VA, 0x1000, MM_READ, NULL), OK);
	leave_on_cpu1();
	machine_on_cpu(1);
	twin.sfences = 0;
	flush_on_cpu(&cpu1, &waiting);
	assert_int_equal(twin.sfences, 1);
	assert_int_equal(cpu_read_cr3(), PARK_ROOT);
	machine_on_cpu(0);
	unmap_on_cpu0();			/* the machine checks that nothing is pending on CPU 1 */
	assert_int_equal(machine.frees, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_cpu_without_the_space_is_not_called, start, stop),
		cmocka_unit_test_setup_teardown(a_cpu_with_the_space_is_called_until_it_leaves, start, stop),
		cmocka_unit_test_setup_teardown(a_cpu_that_proved_to_be_elsewhere_is_taken_out, start, stop),
		cmocka_unit_test_setup_teardown(loading_another_space_leaves_the_first, start, stop),
		cmocka_unit_test_setup_teardown(a_load_at_any_point_of_an_unmap, start, stop),
		cmocka_unit_test_setup_teardown(a_change_at_any_point_of_a_load, start, stop),
		cmocka_unit_test_setup_teardown(a_leave_at_any_point_of_an_unmap, start, stop),
		cmocka_unit_test_setup_teardown(an_unmap_at_any_point_of_a_leave, start, stop),
		cmocka_unit_test_setup_teardown(a_lazy_cpu_is_left_out_only_if_nothing_is_freed, start, stop),
		cmocka_unit_test_setup_teardown(a_lazy_cpu_is_called_for_a_new_size_or_type, start, stop),
		cmocka_unit_test_setup_teardown(a_change_at_any_point_of_coming_back, start, stop),
		cmocka_unit_test_setup_teardown(a_change_at_any_point_of_catching_up, start, stop),
		cmocka_unit_test_setup_teardown(coming_back_at_any_point_of_a_change, start, stop),
		cmocka_unit_test_setup_teardown(nothing_missed_costs_nothing, start, stop),
		cmocka_unit_test_setup_teardown(a_flush_that_skipped_one_becomes_whole, start, stop),
		cmocka_unit_test_setup_teardown(a_call_for_a_space_that_was_left_only_drains, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
