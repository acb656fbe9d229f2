// SPDX-License-Identifier: MIT
/* Whom a flush calls, and calls that go on after their answer. CPUs answer at their IPI. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "smp/bringup.h"
#include "smp/call.h"
#include "smp/online.h"
#include "smp/park.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/tsc.h"

#define CPUS 6

static struct cpu cpus[CPUS];
static struct space space = { .root = 0x9000 };
static struct flush_request request;
static unsigned calls[CPUS];
static bool deaf[CPUS], stuck[CPUS];
static uint64_t now;
static unsigned relaxes, answers_at_the_deadline;	/* CPU; 0: nobody */
static bool under_hypervisor;
static struct slot *parked_in;
static uint64_t parked_by;
static uint32_t answered_before;

unsigned smp_cpu_count(void) { return CPUS; }
struct cpu *smp_cpu(unsigned index) { return &cpus[index]; }
struct cpu *smp_boss(void) { return &cpus[0]; }
uint64_t tsc_deadline(uint64_t us) { return now + us; }

/* The boss sleeps through the deadline, and the answer comes meanwhile. */
bool tsc_passed(uint64_t deadline)
{
	if (++now < deadline)
		return false;
	if (answers_at_the_deadline)
		call_serve(&cpus[answers_at_the_deadline]);
	return true;
}

void twin_cpu_relax(void)
{
	if (++relaxes > 10 * CALL_DEADLINE_VM_US)
		fail_msg("somebody waits for ever");
}

struct cpuid_regs twin_cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
	assert_int_equal(leaf, 1);
	(void)subleaf;
	return (struct cpuid_regs){ .ecx = under_hypervisor ? 1u << 31 : 0 };
}

void park_here(struct slot *slot, uint64_t lot_enter)
{
	parked_in = slot;
	parked_by = lot_enter;
	answered_before = shared_load_relaxed_u32(&cpus[1].box.answer);
}

bool apic_send(uint32_t id, uint32_t icr)
{
	assert_int_equal(icr, ICR_FIXED | VECTOR_CALL);
	calls[id]++;
	if (stuck[id])
		return false;
	if (!deaf[id])
		call_serve(&cpus[id]);
	return true;
}

static int set_up(void **state)
{
	unsigned i;

	(void)state;
	memset(cpus, 0, sizeof(cpus));
	memset(calls, 0, sizeof(calls));
	memset(deaf, 0, sizeof(deaf));
	memset(stuck, 0, sizeof(stuck));
	relaxes = answers_at_the_deadline = 0;
	under_hypervisor = false;
	parked_in = NULL;
	space = (struct space){ .root = 0x9000 };
	for (i = 0; i < CPUS; i++) {
		cpus[i].index = cpus[i].apic_id = cpus[i].mm.index = i;
		shared_store_relaxed_u32(&cpus[i].state, i ? CPU_ONLINE : CPU_BOSS);
		space_load(&cpus[i].mm, &space);
	}
	return 0;
}

static bool flush(bool everyone)
{
	memset(calls, 0, sizeof(calls));
	request = (struct flush_request){ .space = &space, .whole = true, .everyone = everyone,
					  .generation = shared_add_seq_cst_u64(&space.generation, 1) + 1 };
	return call_flush_others(&request);
}

static void flushes_reach_the_cpus_of_the_space(void **state)
{
	unsigned i;

	(void)state;
	mm_cpu_lazy(&cpus[3].mm);
	space_left(&cpus[4].mm);
	shared_store_relaxed_u32(&cpus[5].state, CPU_LOST);
	assert_true(flush(false));
	for (i = 0; i < CPUS; i++)
		assert_int_equal(calls[i], i == 1 || i == 2);
	assert_int_equal(cpus[2].mm.generation, request.generation);
	assert_true(flush(true));
	for (i = 0; i < CPUS; i++)
		assert_int_equal(calls[i], i == 1 || i == 2 || i == 3);
	assert_int_equal(cpus[3].mm.generation, request.generation);
}

static void who_does_not_answer_a_flush_is_lost(void **state)
{
	(void)state;
	deaf[2] = true;
	assert_false(flush(false));
	assert_int_equal(cpu_state(&cpus[2]), CPU_LOST);
	assert_int_equal(cpu_state(&cpus[3]), CPU_ONLINE);
	assert_true(flush(false));
	assert_int_equal(calls[2], 0);
}

static struct cpu *ran_on;
static uint64_t ran_with;

static void note_run(struct cpu *self, uint64_t argument)
{
	uint64_t unused;

	ran_on = self;
	ran_with = argument;
	/* Answered before, so the mailbox takes the next call while this goes on. */
	assert_true(call_answered(self, &unused));
	assert_true(flush(false));
	assert_int_equal(calls[self->index], 1);
}

static void a_long_run_is_answered_first(void **state)
{
	(void)state;
	assert_true(call_start(&cpus[2], CALL_RUN, (uint64_t)(uintptr_t)note_run, 42, 0));
	assert_ptr_equal(ran_on, &cpus[2]);
	assert_int_equal(ran_with, 42);
}

static void whom_no_ipi_reaches_is_lost(void **state)
{
	(void)state;
	stuck[2] = true;
	assert_int_equal(call_all(CALL_PING, 0, 0, 0, 10), 1);
	assert_int_equal(cpu_state(&cpus[2]), CPU_LOST);
	assert_int_equal(cpu_state(&cpus[1]), CPU_ONLINE);
	/* LOST is for good: nobody calls it again. */
	assert_int_equal(call_all(CALL_PING, 0, 0, 0, 10), 0);
	assert_int_equal(calls[2], 1);
}

static void an_answer_that_the_boss_slept_through_counts(void **state)
{
	(void)state;
	deaf[2] = true;
	answers_at_the_deadline = 2;
	assert_true(call_start(&cpus[2], CALL_PING, 0, 0, 0));
	assert_true(call_await(&cpus[2], now + 5));
	assert_int_equal(cpu_state(&cpus[2]), CPU_ONLINE);
}

static void under_a_hypervisor_answers_may_take_longer(void **state)
{
	(void)state;
	assert_int_equal(call_deadline_us(), CALL_DEADLINE_US);
	under_hypervisor = true;
	assert_int_equal(call_deadline_us(), CALL_DEADLINE_VM_US);
}

/* The slot's status is the proof; the mailbox is free before. */
static void who_is_told_to_park_answers_first(void **state)
{
	static struct slot slot;

	(void)state;
	assert_true(cpu_move(&cpus[1], CPU_ONLINE, CPU_PARKING));
	assert_true(call_start(&cpus[1], CALL_PARK, (uint64_t)(uintptr_t)&slot, 0x1234, 0));
	assert_ptr_equal(parked_in, &slot);
	assert_int_equal(parked_by, 0x1234);
	assert_int_equal(answered_before, shared_load_relaxed_u32(&cpus[1].box.request) | 0x80);
}

/* Awake for another reason. */
static void who_was_not_called_does_nothing(void **state)
{
	(void)state;
	cpus[1].box.result = 99;
	call_serve(&cpus[1]);
	assert_int_equal(shared_load_relaxed_u32(&cpus[1].box.answer), 0);
	assert_int_equal(cpus[1].box.result, 99);
}

static void must_not_run(struct cpu *self, uint64_t argument)
{
	(void)argument;
	fail_msg("CPU %u runs what it was not told to", self->index);
}

static void only_a_run_runs(void **state)
{
	uint64_t result;

	(void)state;
	assert_true(call_start(&cpus[3], CALL_PING, (uint64_t)(uintptr_t)must_not_run, 0, 0));
	assert_true(call_answered(&cpus[3], &result));
}

#define TEST(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(flushes_reach_the_cpus_of_the_space),
		TEST(who_does_not_answer_a_flush_is_lost),
		TEST(whom_no_ipi_reaches_is_lost),
		TEST(a_long_run_is_answered_first),
		TEST(an_answer_that_the_boss_slept_through_counts),
		TEST(under_a_hypervisor_answers_may_take_longer),
		TEST(who_is_told_to_park_answers_first),
		TEST(who_was_not_called_does_nothing),
		TEST(only_a_run_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
