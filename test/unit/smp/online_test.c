// SPDX-License-Identifier: MIT
/*
 * Bring-up, calls, and CPUs that are started once more.
 */
#include "test/unit/smp/online_machine.h"

static void everybody_comes(void **state)
{
	struct online_result r = bring_up();
	unsigned i;

	(void)state;
	assert_int_equal(r.online, CPUS);
	assert_int_equal(r.differing, 0);
	assert_int_equal(r.apic_errors, 0);
	assert_false(r.low_page_busy);
	assert_true(r.total_us < 1000);			/* nobody is waited for any more */
	assert_int_equal(cpu_state(smp_cpu(0)), CPU_BOSS);
	assert_int_equal(inits[0] + sipis[0], 0);
	assert_ptr_equal(loaded, smp_boss()->percpu);
	assert_ptr_equal(saved, &smp_boss()->percpu->found);
	for (i = 1; i < CPUS; i++) {
		struct smp_slice slice = smp_slice(memory, CPUS, i);

		assert_int_equal(cpu_state(smp_cpu(i)), CPU_ONLINE);
		assert_int_equal(sipis[i], 1);
		assert_int_equal(smp_cpu(i)->sipis, 1);
		assert_int_equal(smp_cpu(i)->percpu->index, i);
		assert_int_equal(smp_cpu(i)->percpu->stack_bottom, slice.stack_bottom);
		assert_int_equal(smp_cpu(i)->percpu->stack_top, slice.stack_top);
		assert_int_equal(nmis[i], 0);
	}
}

static void each_failure_has_its_verdict(void **state)
{
	struct online_result r;

	(void)state;
	habits[1] = ABSENT;
	habits[2] = NEEDS_TWO_SIPIS;
	habits[3] = DIFFERENT;
	habits[4] = DEAF_TO_CALLS;
	habits[5] = LATE;
	errors = 0x40;					/* of what somebody sent before */
	r = bring_up();
	assert_int_equal(r.apic_errors, ESR_ACCEPT);
	assert_int_equal(cpu_state(smp_cpu(1)), CPU_NO_ANSWER);
	assert_int_equal(sipis[1], 2);
	assert_int_equal(cpu_state(smp_cpu(2)), CPU_ONLINE);
	assert_int_equal(sipis[2], 2);
	assert_true(second_sipi_at[2] - sipi_at[2] >= 1000);
	assert_int_equal(cpu_state(smp_cpu(3)), CPU_LOST);
	assert_int_equal(sipis[3], 1);
	assert_int_equal(cpu_state(smp_cpu(4)), CPU_LOST);
	assert_int_equal(cpu_state(smp_cpu(5)), CPU_LOST);
	assert_int_equal(r.online, 2);
	assert_int_equal(r.no_answer, 1);
	assert_int_equal(r.lost, 3);
	assert_true(r.low_page_busy);
	assert_true(smp_any_unaccounted());
}

/* It has passed the gate: where it is now nobody knows, so its memory is not free for the next kernel. */
static void who_came_in_and_says_nothing_is_lost(void **state)
{
	struct online_result r;

	(void)state;
	habits[1] = ABSENT;
	habits[2] = STUCK_INSIDE;
	r = bring_up();
	assert_int_equal(cpu_state(smp_cpu(1)), CPU_NO_ANSWER);
	assert_int_equal(cpu_state(smp_cpu(2)), CPU_LOST);
	assert_int_equal(r.lost, 1);
}

static void disabled_and_unreachable_are_left_alone(void **state)
{
	struct online_result r;

	(void)state;
	madt.cpus[2].enabled = false;
	madt.cpus[3].apic_id = 255;
	madt.cpus[4].apic_id = 0x101;
	r = bring_up();
	assert_int_equal(r.disabled, 1);
	assert_int_equal(r.unreachable, 2);
	assert_int_equal(r.online, 3);
	assert_int_equal(inits[2] + inits[3] + inits[4], 0);
	assert_false(r.low_page_busy);
}

static void boss_that_is_not_the_bsp_inits_nobody(void **state)
{
	struct online_result r;
	unsigned i;

	(void)state;
	boss_is_bsp = false;
	r = bring_up();
	assert_int_equal(r.is_bsp, CPUS - 1);
	for (i = 0; i < CPUS; i++)
		assert_int_equal(inits[i], 0);
}

static void mailbox_forbids_init(void **state)
{
	struct problem p = { .code = OK };
	struct online_result r;
	unsigned i;

	(void)state;
	madt.mp_wakeup = true;
	r = bring_up();
	assert_true(r.mp_wakeup);
	assert_int_equal(r.no_answer, CPUS - 1);
	assert_false(smp_start_again(smp_cpu(1), &p));
	for (i = 0; i < CPUS; i++)
		assert_int_equal(inits[i] + sipis[i], 0);
}

static void times_between_the_ipis(void **state)
{
	uint64_t start = now;

	(void)state;
	bring_up();
	assert_true(init_at[1] - start >= 100);
	assert_in_range(sipi_at[1] - init_at[1], 10, 500);
	assert_int_equal(deasserts[1], 0);
	signature = 0x543;
	table_there = false;
	sipis[1] = 0;
	bring_up();
	assert_int_equal(deasserts[1], 1);
	assert_in_range(sipi_at[1] - init_at[1], 10000, 11000);
}

/* Linux's list: Intel from family 6, AMD from 15, Hygon from 24; everybody else needs it. */
static void who_needs_time_between_inits_edges(void **state)
{
	static const struct { uint32_t vendor, signature; bool needs; } known[] = {
		{ INTEL, 0x543, true }, { INTEL, 0x00100543, true }, { INTEL, 0x600, false }, { INTEL, 0xf40, false },
		{ AMD, 0x6a0, true }, { AMD, 0xf40, false }, { AMD, 0x00a20f10, false },
		{ HYGON, 0x00900f00, false }, { HYGON, 0x00800f00, true }, { 0x746e6543, 0x6f0, true },
	};
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		vendor = known[i].vendor;
		signature = known[i].signature;
		table_there = false;
		deasserts[1] = sipis[1] = 0;
		bring_up();
		assert_int_equal(deasserts[1], known[i].needs);
	}
}

static void who_cannot_be_called_is_lost(void **state)
{
	struct online_result r;

	(void)state;
	calls_fail = true;
	r = bring_up();
	assert_int_equal(r.lost, CPUS - 1);
	assert_int_equal(cpu_state(smp_cpu(1)), CPU_LOST);
}

static void page_that_cannot_be_written_starts_nobody(void **state)
{
	struct online_result r;
	unsigned i;

	(void)state;
	assert_int_equal(smp_init(&madt, memory, memory_bytes, NULL), OK);
	table_there = page_fails = true;
	smp_hold(&madt, &config);
	assert_int_equal(smp_bring_up(&config, &r, NULL), E_LOW_PAGE);
	for (i = 0; i < CPUS; i++)
		assert_int_equal(inits[i] + sipis[i], 0);
	assert_int_equal(ivt, 0x1234);
}

/* Nobody comes: the whole deadline passes. */
static void a_busy_host_gets_more_time(void **state)
{
	uint64_t start = now;
	unsigned i;

	(void)state;
	for (i = 1; i < CPUS; i++)
		habits[i] = ABSENT;
	bring_up();
	assert_in_range(now - start, ONLINE_DEADLINE_US, ONLINE_DEADLINE_VM_US - 1);
	under_hypervisor = true;
	table_there = false;
	memset(sipis, 0, sizeof(sipis));
	start = now;
	bring_up();
	assert_in_range(now - start, ONLINE_DEADLINE_VM_US, 2 * ONLINE_DEADLINE_VM_US);
}

static void held_cpus_get_one_init_and_then_sipi(void **state)
{
	struct online_result r;
	uint64_t start = now;
	unsigned i;

	(void)state;
	madt.cpus[2].enabled = false;
	madt.cpus[3].apic_id = 255;
	smp_hold(&madt, &config);
	assert_true(init_at[1] - start >= 100 * 20000);	/* ticks of the fastest TSC: nothing is calibrated */
	assert_true(relaxes > 0);
	assert_int_equal(ivt, LOW_PAGE << 12);
	assert_false(gate_open);			/* an NMI now halts the CPU in the page */
	assert_int_equal(inits[0] + inits[2] + inits[3], 0);
	r = bring_up();
	assert_int_equal(r.online, CPUS - 2);
	for (i = 1; i < CPUS; i++) {
		assert_int_equal(inits[i], i != 2 && i != 3);
		assert_int_equal(sipis[i], i != 2 && i != 3);
	}
	table_there = false;				/* the next one knows nothing of it */
	bring_up();
	assert_int_equal(inits[1], 2);
}

static void nobody_is_held_where_init_is_forbidden(void **state)
{
	struct online_config unmapped = config;
	unsigned i;

	(void)state;
	boss_is_bsp = false;
	smp_hold(&madt, &config);
	bring_up();
	table_there = false;
	boss_is_bsp = madt.mp_wakeup = true;
	smp_hold(&madt, &config);
	madt.mp_wakeup = unmapped.boot_page_mapped = false;
	smp_hold(&madt, &unmapped);
	for (i = 0; i < CPUS; i++)
		assert_int_equal(inits[i], 0);
	assert_int_equal(ivt, 0x1234);
}

static void slow_answers_are_awaited(void **state)
{
	uint64_t result;

	(void)state;
	habits[4] = SLOW;
	assert_int_equal(bring_up().online, CPUS);
	habits[2] = SLOW;
	assert_int_equal(call_all(CALL_PING, 0, 0, 0, 100000), 0);
	assert_true(call_answered(smp_cpu(2), &result));
	assert_int_equal(result, 2);
	assert_int_equal(cpu_state(smp_cpu(2)), CPU_ONLINE);
}

static void a_call_is_done_once(void **state)
{
	(void)state;
	bring_up();
	assert_int_equal(call_all(CALL_PING, 0, 0, 0, 1000), 0);
	smp_cpu(3)->box.result = 99;
	serve(3);					/* awake for another reason */
	assert_int_equal(smp_cpu(3)->box.result, 99);
}

static void nobody_but_online_cpus_is_called(void **state)
{
	(void)state;
	habits[1] = ABSENT;
	bring_up();
	assert_false(call_start(smp_cpu(1), CALL_PING, 0, 0, 0));
	assert_int_equal(shared_load_relaxed_u32(&smp_cpu(1)->box.request), 0);
}

static void words_between_cpus_are_ordered(void **state)
{
	(void)state;
	bring_up();
	assert_int_equal(call_all(CALL_PING, 0, 0, 0, 1000), 0);
	assert_int_equal(request_store, memory_order_release);
	assert_int_equal(request_load, memory_order_acquire);
	assert_int_equal(answer_store, memory_order_release);
	assert_int_equal(answer_load, memory_order_acquire);
	assert_int_equal(state_load, memory_order_acquire);
}

static void start_parked(unsigned i)
{
	assert_true(cpu_move(smp_cpu(i), CPU_ONLINE, CPU_PARKING));
	assert_true(cpu_move(smp_cpu(i), CPU_PARKING, CPU_PARKED));
}

static void who_did_not_come_is_started_again(void **state)
{
	struct problem p = { .code = OK };

	(void)state;
	habits[2] = ABSENT;
	bring_up();
	assert_int_equal(cpu_state(smp_cpu(2)), CPU_NO_ANSWER);
	assert_false(smp_start_again(smp_cpu(2), &p));
	assert_int_equal(cpu_state(smp_cpu(2)), CPU_NO_ANSWER);
	assert_true(smp_cpu(2)->online_us >= ONLINE_DEADLINE_US);
	assert_int_equal(inits[2], 2);
	assert_int_equal(ivt, LOW_PAGE << 12);
	habits[2] = HEALTHY;
	assert_true(smp_start_again(smp_cpu(2), &p));
	assert_int_equal(cpu_state(smp_cpu(2)), CPU_ONLINE);
	assert_true(smp_cpu(2)->online_us < 1000);	/* it came for the first time */
	assert_false(smp_cpu(2)->was_here);
	assert_int_equal(inits[2], 3);
	assert_int_equal(ivt, 0x1234);			/* what was there before Baton, not Baton's own */
	assert_false(gate_open);
	assert_int_equal(inits[1] + inits[3] + inits[4] + inits[5], 4);	/* nobody else */
	assert_false(smp_start_again(smp_cpu(2), &p));
}

static void parked_cpu_is_started_again(void **state)
{
	struct problem p = { .code = OK };
	uint32_t online_us;

	(void)state;
	bring_up();
	start_parked(3);
	start_parked(4);
	online_us = smp_cpu(3)->online_us = 77;
	assert_true(smp_start_again(smp_cpu(3), &p));
	assert_int_equal(cpu_state(smp_cpu(3)), CPU_ONLINE);
	assert_true(smp_cpu(3)->was_here);
	assert_int_equal(smp_cpu(3)->online_us, online_us);
	assert_int_equal(ivt, 0x1234);
	assert_int_equal(call_all(CALL_PING, 0, 0, 0, 1000), 0);
	habits[4] = ABSENT;
	assert_false(smp_start_again(smp_cpu(4), &p));
	assert_int_equal(cpu_state(smp_cpu(4)), CPU_LOST);
	assert_int_equal(ivt, LOW_PAGE << 12);		/* it may be on its way for good */
	assert_false(smp_start_again(smp_cpu(4), &p));	/* and is never tried again */
	assert_int_equal(inits[4], 2);
}

/* The page that was opened for CPU 3 lets in CPU 2, which nobody waits for any more. */
static void who_comes_in_with_another_is_lost(void **state)
{
	struct problem p = { .code = OK };

	(void)state;
	habits[1] = ABSENT;
	habits[2] = ABSENT;
	habits[3] = ABSENT;
	bring_up();
	assert_int_equal(cpu_state(smp_cpu(2)), CPU_NO_ANSWER);
	habits[2] = LATE;
	habits[3] = HEALTHY;
	assert_true(smp_start_again(smp_cpu(3), &p));
	assert_int_equal(inits[2], 1);
	assert_int_equal(cpu_state(smp_cpu(2)), CPU_LOST);
	assert_int_equal(cpu_state(smp_cpu(1)), CPU_NO_ANSWER);
	assert_int_equal(ivt, LOW_PAGE << 12);
	assert_false(smp_start_again(smp_cpu(2), &p));
	assert_int_equal(inits[2], 1);
}

static void nobody_is_started_again_where_init_is_forbidden(void **state)
{
	struct problem p = { .code = OK };

	(void)state;
	bring_up();
	start_parked(1);
	start_parked(2);
	smp_cpu(1)->is_bsp = true;
	assert_false(smp_start_again(smp_cpu(1), &p));
	smp_boss()->is_bsp = false;
	assert_false(smp_start_again(smp_cpu(2), &p));
	smp_boss()->is_bsp = true;
	reach_max = 1;
	assert_false(smp_start_again(smp_cpu(2), &p));
	assert_int_equal(inits[1] + inits[2], 2);
	assert_int_equal(cpu_state(smp_cpu(1)), CPU_PARKED);
	assert_int_equal(cpu_state(smp_cpu(2)), CPU_PARKED);
	assert_false(smp_start_again(smp_boss(), &p));
}

static void calls_reach_all_and_lose_the_deaf(void **state)
{
	uint64_t result;

	(void)state;
	bring_up();
	assert_int_equal(call_all(CALL_PING, 0, 0, 0, 1000), 0);
	assert_true(call_answered(smp_cpu(3), &result));
	assert_int_equal(result, 3);
	habits[3] = DEAF_TO_CALLS;
	assert_int_equal(call_all(CALL_PING, 0, 0, 0, 1000), 1);
	assert_int_equal(cpu_state(smp_cpu(3)), CPU_LOST);
	assert_int_equal(call_all(CALL_PING, 0, 0, 0, 1000), 0);
	assert_false(call_start(smp_cpu(3), CALL_PING, 0, 0, 0));
}

static void busy_mailbox_is_not_overwritten(void **state)
{
	uint64_t result = 99;

	(void)state;
	bring_up();
	habits[2] = DEAF_TO_CALLS;
	assert_true(call_start(smp_cpu(2), CALL_PING, 7, 0, 0));
	assert_false(call_answered(smp_cpu(2), &result));
	assert_int_equal(result, 99);
	assert_false(call_start(smp_cpu(2), CALL_PING, 8, 0, 0));
	assert_int_equal(smp_cpu(2)->box.argument[0], 7);
}

static void bad_memory_is_refused(void **state)
{
	void *above;

	(void)state;
	assert_int_equal(smp_init(&madt, memory, memory_bytes - 1, NULL), E_NO_MEMORY);
	assert_int_equal(smp_init(&madt, memory + 16, memory_bytes, NULL), E_NO_MEMORY);
	above = mmap(NULL, memory_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true((uint64_t)above + memory_bytes > 1ull << 32);
	assert_int_equal(smp_init(&madt, (uint64_t)above, memory_bytes, NULL), E_NO_MEMORY);
	munmap(above, memory_bytes);
	madt.cpus[0].apic_id = 77;
	assert_int_equal(smp_init(&madt, memory, memory_bytes, NULL), E_ACPI_TABLE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everybody_comes),
		TEST(each_failure_has_its_verdict),
		TEST(who_came_in_and_says_nothing_is_lost),
		TEST(disabled_and_unreachable_are_left_alone),
		TEST(boss_that_is_not_the_bsp_inits_nobody),
		TEST(mailbox_forbids_init),
		TEST(times_between_the_ipis),
		TEST(who_needs_time_between_inits_edges),
		TEST(who_cannot_be_called_is_lost),
		TEST(page_that_cannot_be_written_starts_nobody),
		TEST(a_busy_host_gets_more_time),
		TEST(held_cpus_get_one_init_and_then_sipi),
		TEST(nobody_is_held_where_init_is_forbidden),
		TEST(slow_answers_are_awaited),
		TEST(a_call_is_done_once),
		TEST(nobody_but_online_cpus_is_called),
		TEST(words_between_cpus_are_ordered),
		TEST(who_did_not_come_is_started_again),
		TEST(parked_cpu_is_started_again),
		TEST(who_comes_in_with_another_is_lost),
		TEST(nobody_is_started_again_where_init_is_forbidden),
		TEST(calls_reach_all_and_lose_the_deaf),
		TEST(busy_mailbox_is_not_overwritten),
		TEST(bad_memory_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
