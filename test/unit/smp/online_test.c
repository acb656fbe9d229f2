// SPDX-License-Identifier: MIT
/*
 * Bring-up and calls against CPUs that are faked at the APIC: each acts when an IPI reaches it. Time passes only when
 * somebody looks at the clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "smp/bringup.h"
#include "smp/call.h"
#include "smp/online.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/entry/ivt.h"
#include "x86/entry/trampoline.h"
#include "x86/fpu.h"
#include "x86/idt.h"
#include "x86/percpu.h"
#include "x86/state.h"
#include "x86/tsc.h"

#define CPUS 6

enum habit { HEALTHY, ABSENT, NEEDS_TWO_SIPIS, DIFFERENT, DEAF_TO_CALLS, LATE };

static struct madt madt;
static enum habit habits[CPUS];
static unsigned inits[CPUS], sipis[CPUS], nmis[CPUS];
static uint64_t now, memory, memory_bytes;
static bool boss_is_bsp, gate_open;
static uint32_t ivt, reach_max;

/* The CPU whose habits are asked for; IDs are table positions unless a test changes them. */
static struct cpu *by_id(uint32_t id)
{
	unsigned i;

	for (i = 0; i < smp_cpu_count(); i++)
		if (smp_cpu(i)->apic_id == id)
			return smp_cpu(i);
	return NULL;
}

static void arrive(struct cpu *cpu, enum habit habit)
{
	if (!gate_open)
		return;
	cpu->left_difference = habit == DIFFERENT ? STATE_MTRR_VARIABLE : 0;
	cpu_move(cpu, CPU_STARTING, CPU_ARRIVED);
}

bool apic_send(uint32_t id, uint32_t icr)
{
	struct cpu *cpu = by_id(id);
	unsigned i = cpu->index;

	assert_true(id <= reach_max);
	assert_ptr_not_equal(cpu, smp_boss());
	switch (icr & 0x700) {
	case 0x500:
		inits[i]++;
		break;
	case 0x600:
		assert_true(inits[i] > 0);
		sipis[i]++;
		if (habits[i] != ABSENT && habits[i] != LATE && (habits[i] != NEEDS_TWO_SIPIS || sipis[i] == 2))
			arrive(cpu, habits[i]);
		break;
	case 0x400:
		nmis[i]++;
		break;
	default:
		assert_int_equal(icr & 0xff, VECTOR_CALL);
		if (habits[i] == DEAF_TO_CALLS)
			break;
		twin.index = i;
		call_serve(cpu);
		twin.index = smp_boss()->index;
	}
	return true;
}

uint64_t twin_cpu_rdtsc(void) { return now += 10; }
uint64_t tsc_to_us(uint64_t ticks) { return ticks; }
uint64_t tsc_deadline(uint64_t us) { return now + us; }
bool tsc_passed(uint64_t deadline) { return cpu_rdtsc() >= deadline; }
void tsc_delay_us(uint64_t us) { now += us; }
uint64_t tsc_khz(void) { return 1000; }
uint32_t apic_id(void) { return 0; }
bool apic_is_bsp(void) { return boss_is_bsp; }
bool apic_can_reach(uint32_t id) { return id <= reach_max; }
bool apic_wait_idle(void) { return true; }
uint32_t apic_errors(void) { return 0; }
void apic_enable(void) { }
void apic_enable_after_init(void) { }
void apic_mask_lvts(void) { }
void apic_drain(void) { }
void apic_disable(void) { }
void fpu_enable(void) { }
void state_capture(struct cpu_features_state *state) { memset(state, 0, sizeof(*state)); }
void state_replay(const struct cpu_features_state *boss) { (void)boss; }
void state_save_found(struct state_found *found) { (void)found; }
void state_restore_found(const struct state_found *found) { (void)found; }
void ap_entry(void) { }

void percpu_init(struct percpu *percpu, uint32_t index, uint32_t id, uint64_t stack_bottom, uint64_t stack_top,
		 uint64_t ist_df, uint64_t ist_nmi, uint64_t ist_mc)
{
	(void)stack_bottom, (void)stack_top, (void)ist_df, (void)ist_nmi, (void)ist_mc;
	percpu->index = index;
	percpu->apic_id = id;
}

void percpu_load(struct percpu *percpu) { twin.index = percpu->index; }

enum status trampoline_install(const struct trampoline_config *config, struct problem *p)
{
	if (!config->page)
		return problem_set(p, E_LOW_PAGE, "no page");
	gate_open = true;
	return OK;
}

/* The late CPU passes the gate just before it closes, and moves just after the boss gave up on it or before. */
void trampoline_close(uint64_t page)
{
	unsigned i;

	(void)page;
	for (i = 0; i < smp_cpu_count(); i++)
		if (habits[i] == LATE)
			arrive(smp_cpu(i), LATE);
	gate_open = false;
}

uint32_t ivt_nmi_take(uint64_t page)
{
	ivt = (uint32_t)page << 12;
	return 0x1234;
}

void ivt_nmi_restore(uint32_t old) { ivt = old; }

static int set_up(void **state)
{
	unsigned i;

	(void)state;
	memory_bytes = smp_memory_needed(CPUS);
	memory = (uint64_t)mmap(NULL, memory_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	memset(&madt, 0, sizeof(madt));
	madt.cpu_count = madt.enabled_count = CPUS;
	for (i = 0; i < CPUS; i++)
		madt.cpus[i] = (struct madt_cpu){ .apic_id = i, .enabled = true };
	memset(habits, 0, sizeof(habits));
	memset(inits, 0, sizeof(inits));
	memset(sipis, 0, sizeof(sipis));
	memset(nmis, 0, sizeof(nmis));
	boss_is_bsp = true;
	reach_max = APIC_XAPIC_ID_MAX;
	ivt = 0x1234;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return munmap((void *)memory, memory_bytes);
}

static struct online_result bring_up(void)
{
	struct online_config config = { .low_page = 0x8000, .cr3 = 0x1000, .boot_page_mapped = true };
	struct online_result result;

	assert_int_equal(smp_init(&madt, memory, memory_bytes, NULL), OK);
	assert_int_equal(smp_bring_up(&config, &result, NULL), OK);
	/* With a CPU that may still be between INIT and long mode it stays: the closed page halts it. */
	assert_int_equal(ivt, result.no_answer && !result.mp_wakeup ? 0x8000 << 12 : 0x1234);
	assert_false(gate_open);
	return result;
}

static void everybody_comes(void **state)
{
	struct online_result r = bring_up();
	unsigned i;

	(void)state;
	assert_int_equal(r.online, CPUS);
	assert_false(r.low_page_busy);
	assert_int_equal(cpu_state(smp_cpu(0)), CPU_BOSS);
	assert_int_equal(inits[0] + sipis[0], 0);
	for (i = 1; i < CPUS; i++) {
		assert_int_equal(cpu_state(smp_cpu(i)), CPU_ONLINE);
		assert_int_equal(sipis[i], 1);
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
	r = bring_up();
	assert_int_equal(cpu_state(smp_cpu(1)), CPU_NO_ANSWER);
	assert_int_equal(cpu_state(smp_cpu(2)), CPU_ONLINE);
	assert_int_equal(sipis[2], 2);
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
	struct online_result r;
	unsigned i;

	(void)state;
	madt.mp_wakeup = true;
	r = bring_up();
	assert_true(r.mp_wakeup);
	assert_int_equal(r.no_answer, CPUS - 1);
	for (i = 0; i < CPUS; i++)
		assert_int_equal(inits[i] + sipis[i], 0);
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
	(void)state;
	bring_up();
	habits[2] = DEAF_TO_CALLS;
	assert_true(call_start(smp_cpu(2), CALL_PING, 7, 0, 0));
	assert_false(call_answered(smp_cpu(2), NULL));
	assert_false(call_start(smp_cpu(2), CALL_PING, 8, 0, 0));
	assert_int_equal(smp_cpu(2)->box.argument[0], 7);
}

static void bad_memory_is_refused(void **state)
{
	(void)state;
	assert_int_equal(smp_init(&madt, memory, memory_bytes - 1, NULL), E_NO_MEMORY);
	assert_int_equal(smp_init(&madt, memory + 16, memory_bytes, NULL), E_NO_MEMORY);
	assert_int_equal(smp_init(&madt, (1ull << 32) - SMP_PAGE, memory_bytes, NULL), E_NO_MEMORY);
	madt.cpus[0].apic_id = 77;
	assert_int_equal(smp_init(&madt, memory, memory_bytes, NULL), E_ACPI_TABLE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everybody_comes),
		TEST(each_failure_has_its_verdict),
		TEST(disabled_and_unreachable_are_left_alone),
		TEST(boss_that_is_not_the_bsp_inits_nobody),
		TEST(mailbox_forbids_init),
		TEST(calls_reach_all_and_lose_the_deaf),
		TEST(busy_mailbox_is_not_overwritten),
		TEST(bad_memory_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
