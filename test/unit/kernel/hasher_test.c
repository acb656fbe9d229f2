// SPDX-License-Identifier: MIT
/* Chunks on other CPUs: each is computed once it is asked for, whoever is busy, deaf or gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/hasher.h"
#include "lib/digest.h"
#include "smp/call.h"
#include "smp/online.h"
#include "smp/park.h"
#include "x86/apic.h"
#include "x86/tsc.h"

#define CPUS	4
#define CHUNKS	6
#define BYTES	3000u

static struct cpu cpus[CPUS];
static bool deaf[CPUS], slow[CPUS];
static unsigned calls[CPUS];
static uint64_t now;
static uint8_t data[CHUNKS][BYTES];
static struct chunk_digest digests[CHUNKS];

unsigned smp_cpu_count(void) { return CPUS; }
struct cpu *smp_cpu(unsigned index) { return &cpus[index]; }
struct cpu *smp_boss(void) { return &cpus[0]; }
uint64_t tsc_deadline(uint64_t us) { return now + us; }
void park_here(struct slot *slot, uint64_t lot_enter) { (void)slot, (void)lot_enter; }

/* Slow ones answer while the boss waits for them. */
bool tsc_passed(uint64_t deadline)
{
	for (unsigned i = 0; i < CPUS; i++)
		if (slow[i])
			call_serve(&cpus[i]);
	return ++now >= deadline;
}

bool apic_send(uint32_t id, uint32_t icr)
{
	(void)icr;
	calls[id]++;
	if (!deaf[id] && !slow[id])
		call_serve(&cpus[id]);
	return true;
}

static int set_up(void **state)
{
	(void)state;
	memset(cpus, 0, sizeof(cpus));
	memset(calls, 0, sizeof(calls));
	memset(deaf, 0, sizeof(deaf));
	memset(slow, 0, sizeof(slow));
	memset(digests, 0xee, sizeof(digests));
	for (unsigned i = 0; i < CPUS; i++) {
		cpus[i].index = cpus[i].apic_id = i;
		shared_store_relaxed_u32(&cpus[i].state, i ? CPU_ONLINE : CPU_BOSS);
	}
	for (unsigned i = 0; i < CHUNKS; i++)
		memset(data[i], (int)i + 1, BYTES);
	return 0;
}

static void submit_all(void)
{
	for (unsigned i = 0; i < CHUNKS; i++)
		hasher_calls.submit(NULL, &digests[i], data[i], BYTES);
}

static void assert_all_computed(void)
{
	struct chunk_digest want;

	for (unsigned i = 0; i < CHUNKS; i++) {
		chunk_digest_compute(&want, data[i], BYTES);
		assert_memory_equal(&digests[i], &want, sizeof(want));
	}
}

static void who_answers_gets_the_next_chunk(void **state)
{
	(void)state;
	submit_all();
	hasher_calls.drain(NULL);
	assert_all_computed();
	assert_int_equal(calls[0], 0);
	assert_int_equal(calls[1], CHUNKS);
}

static void the_boss_works_when_all_are_busy(void **state)
{
	(void)state;
	for (unsigned i = 1; i < CPUS; i++)
		slow[i] = true;
	submit_all();
	assert_int_equal(calls[1] + calls[2] + calls[3], CPUS - 1);
	hasher_calls.drain(NULL);
	assert_all_computed();
	for (unsigned i = 1; i < CPUS; i++)
		assert_int_equal(cpu_state(&cpus[i]), CPU_ONLINE);
}

static void the_chunk_of_a_lost_cpu_is_not_lost(void **state)
{
	(void)state;
	deaf[1] = true;
	submit_all();
	hasher_calls.drain(NULL);
	assert_int_equal(cpu_state(&cpus[1]), CPU_LOST);
	assert_int_equal(cpu_state(&cpus[2]), CPU_ONLINE);
	assert_all_computed();
	hasher_calls.submit(NULL, &digests[0], data[0], BYTES);
	assert_int_equal(calls[1], 1);
}

static void only_cpus_that_are_online_work(void **state)
{
	(void)state;
	shared_store_relaxed_u32(&cpus[1].state, CPU_LOST);
	shared_store_relaxed_u32(&cpus[2].state, CPU_PARKED);
	shared_store_relaxed_u32(&cpus[3].state, CPU_NO_ANSWER);
	submit_all();
	hasher_calls.drain(NULL);
	assert_int_equal(calls[1] + calls[2] + calls[3], 0);
	assert_all_computed();
}

#define TEST(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_answers_gets_the_next_chunk),
		TEST(the_boss_works_when_all_are_busy),
		TEST(the_chunk_of_a_lost_cpu_is_not_lost),
		TEST(only_cpus_that_are_online_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
