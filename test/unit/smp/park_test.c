// SPDX-License-Identifier: MIT
/* Into the lot and back on the kernel's side: the boss against scripted CPUs, and one CPU's own steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "smp/bringup.h"
#include "smp/call.h"
#include "smp/online.h"
#include "smp/park.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/percpu.h"
#include "x86/state.h"
#include "x86/tsc.h"

#define CPUS		5
#define SET_GS		0x1001		/* arch_prctl(2) */
#define ROOT		0x5000
#define LOT_ENTER	0x1234

enum habit { PARKS, SILENT, OUTSIDE, NO_IPI };

static struct cpu cpus[CPUS];
static struct slot slots[CPUS];
static struct boss boss;
static struct space space = { .root = 0x9000 };
static enum habit habits[CPUS];
static uint64_t now;
static char steps[100];			/* what park_here() did, a word each */
static memory_order status_order;
static bool stays;			/* CPUs do not follow LEAVE */
static enum cpu_state again_to;		/* what becomes of a CPU that is started again */
static unsigned started_again;

static const struct boss_place place = { .code = 0x1000, .code_end = 0x2000, .park_root = ROOT, .lot_idt = 0x6000,
					 .cr4_must = CR4_PAE, .cr4_must_not = CR4_PGE };

static const struct park_lot lot = { &boss, &place, LOT_ENTER };

unsigned smp_cpu_count(void) { return CPUS; }
struct cpu *smp_cpu(unsigned index) { return &cpus[index]; }
struct cpu *smp_boss(void) { return &cpus[0]; }
uint64_t tsc_deadline(uint64_t us) { return now + us; }
bool tsc_passed(uint64_t deadline) { return now >= deadline; }
uint64_t tsc_khz(void) { return 1000; }
uint64_t twin_cpu_rdtsc(void) { return now; }

bool smp_start_again(struct cpu *cpu, struct problem *p)
{
	(void)p;
	started_again++;
	shared_store_relaxed_u32(&cpu->state, again_to);
	return again_to == CPU_ONLINE;
}

static void step(const char *name)
{
	strcat(steps, name);
	strcat(steps, " ");
}

void apic_mask_lvts(void) { step("mask"); }
void apic_drain(void) { step("drain"); }
void apic_disable(void) { step("disable"); }
void apic_enable(void) { step("enable"); }
void state_restore_found(const struct state_found *found) { (void)found; step("restore"); }
void state_replay(const struct cpu_features_state *state) { (void)state; step("replay"); }
const struct cpu_features_state *bringup_boss_state(void) { return NULL; }
struct space *bringup_space(void) { return &space; }
void twin_cpu_write_cr3(uint64_t v) { twin.cr3 = v; step("root"); }

void twin_shared_access(enum twin_access access, const void *p, memory_order order)
{
	if (access == TWIN_STORE && p == &slots[1].status && steps[0]) {
		status_order = order;
		step("status");
	}
}

/* A CPU in the lot, with the evidence that it would read back; the one outside runs on another root. */
static void park(struct slot *slot, enum habit habit)
{
	slot->evidence = (struct slot_evidence){ .rip = 0x1800, .rsp = (uintptr_t)slot + SLOT_STACK_TOP - 64,
		.cr3 = habit == OUTSIDE ? ROOT + 0x1000 : ROOT, .cr4 = CR4_PAE, .idtr_base = 0x6000,
		.gdtr_base = (uintptr_t)slot + SLOT_GDT, .tr = SEL_TSS };
	shared_store_release_u64(&slot->status, slot_word(0, STATUS_PARKED));
}

bool apic_send(uint32_t id, uint32_t icr)
{
	struct cpu *cpu = &cpus[id];

	assert_int_not_equal(id, 0);
	if (icr != (ICR_FIXED | VECTOR_CALL))
		return true;				/* a kick: the CPU looks at its command anyway */
	if (habits[id] == NO_IPI)
		return false;
	assert_int_equal(cpu_state(cpu), CPU_PARKING);
	assert_int_equal(cpu->box.argument[1], LOT_ENTER);
	assert_int_equal(slot_value(shared_load_relaxed_u64(&slots[id].status)), STATUS_EMPTY);
	shared_store_release_u32(&cpu->box.answer, shared_load_relaxed_u32(&cpu->box.request) | 0x80);
	if (habits[id] != SILENT)
		park(&slots[id], habits[id]);
	return true;
}

void twin_cpu_relax(void)
{
	unsigned i;

	now += 1000;
	for (i = 1; i < CPUS && !stays; i++) {
		uint64_t command = shared_load_relaxed_u64(&slots[i].control.command);

		if (slot_value(command) == COMMAND_LEAVE)
			shared_store_release_u64(&slots[i].status, slot_word(slot_sequence(command), STATUS_LEFT));
	}
}

static int set_up(void **state)
{
	unsigned i;

	(void)state;
	memset(cpus, 0, sizeof(cpus));
	memset(slots, 0, sizeof(slots));
	memset(habits, 0, sizeof(habits));
	memset(space.cpus, 0, sizeof(space.cpus));
	stays = false;
	started_again = 0;
	for (i = 0; i < CPUS; i++) {
		cpus[i].index = cpus[i].apic_id = slots[i].apic_id = i;
		shared_store_relaxed_u32(&cpus[i].state, i ? CPU_ONLINE : CPU_BOSS);
		cpus[i].mm.index = i;
		space_load(&cpus[i].mm, &space);
		slots[i].mode = MODE_HLT;
	}
	steps[0] = 0;
	park_boss_init(&boss, slots);
	return 0;
}

static void everybody_parks(void **state)
{
	unsigned i;

	(void)state;
	assert_int_equal(park_all(&boss, &place, LOT_ENTER), 0);
	for (i = 1; i < CPUS; i++) {
		assert_int_equal(cpu_state(&cpus[i]), CPU_PARKED);
		assert_int_equal(slots[i].boss.verdict, VERDICT_PARKED);
	}
	assert_int_equal(cpu_state(&cpus[0]), CPU_BOSS);
	/* Nobody but the boss is called for flushes any more. */
	assert_int_equal(shared_load_relaxed_u64(&space.cpus[0]), 1);
}

static void who_is_not_there_is_lost(void **state)
{
	(void)state;
	habits[1] = SILENT;
	habits[2] = OUTSIDE;
	habits[3] = NO_IPI;
	assert_int_equal(park_all(&boss, &place, LOT_ENTER), 3);
	assert_int_equal(cpu_state(&cpus[1]), CPU_LOST);
	assert_int_equal(cpu_state(&cpus[2]), CPU_LOST);
	assert_int_equal(cpu_state(&cpus[3]), CPU_LOST);
	assert_int_equal(cpu_state(&cpus[4]), CPU_PARKED);
	assert_int_equal(slots[1].boss.verdict, VERDICT_LOST);
	assert_int_equal(slots[2].boss.verdict, VERDICT_LOST);
	assert_int_equal(slots[3].boss.verdict, VERDICT_LOST);
	/* They may still walk the kernel's tables. */
	assert_int_equal(shared_load_relaxed_u64(&space.cpus[0]), 0xf);
}

/* The slot still holds good evidence of the time before. */
static void whom_no_call_reaches_is_not_where_it_was(void **state)
{
	(void)state;
	assert_int_equal(park_all(&boss, &place, LOT_ENTER), 0);
	assert_int_equal(smp_online_all(&lot), 0);
	space_load(&cpus[1].mm, &space);
	habits[1] = NO_IPI;
	assert_int_equal(park_all(&boss, &place, LOT_ENTER), 1);
	assert_int_equal(cpu_state(&cpus[1]), CPU_LOST);
	assert_int_equal(slots[1].boss.verdict, VERDICT_LOST);
	assert_int_equal(shared_load_relaxed_u64(&space.cpus[0]), 3);	/* it may still walk the kernel's tables */
}

static void who_is_not_parked_gets_no_command(void **state)
{
	uint64_t command;

	(void)state;
	park_all(&boss, &place, LOT_ENTER);
	shared_store_relaxed_u32(&cpus[2].state, CPU_LOST);	/* whatever its slot says */
	command = shared_load_relaxed_u64(&slots[2].control.command);
	assert_int_equal(smp_online(&lot, &cpus[2]), ONLINE_REFUSED);
	assert_int_equal(shared_load_relaxed_u64(&slots[2].control.command), command);
}

static void only_online_cpus_are_sent(void **state)
{
	(void)state;
	shared_store_relaxed_u32(&cpus[2].state, CPU_NO_ANSWER);
	habits[2] = NO_IPI;
	assert_int_equal(park_all(&boss, &place, LOT_ENTER), 0);
	assert_int_equal(cpu_state(&cpus[2]), CPU_NO_ANSWER);
}

/* It came in while the page was open for another, so its slot still says what was known before. */
static void who_was_lost_on_the_way_in_counts(void **state)
{
	(void)state;
	shared_store_relaxed_u32(&cpus[2].state, CPU_LOST);
	slots[2].boss.verdict = VERDICT_NO_ANSWER;
	assert_int_equal(park_all(&boss, &place, LOT_ENTER), 1);
	assert_int_equal(slots[2].boss.verdict, VERDICT_LOST);
	assert_int_equal(cpu_state(&cpus[3]), CPU_PARKED);
}

static void an_old_status_is_no_arrival(void **state)
{
	(void)state;
	park(&slots[1], PARKS);				/* of the time before */
	habits[1] = SILENT;
	assert_int_equal(park_all(&boss, &place, LOT_ENTER), 1);
	assert_int_equal(cpu_state(&cpus[1]), CPU_LOST);
}

static void parked_cpu_comes_back(void **state)
{
	(void)state;
	park_all(&boss, &place, LOT_ENTER);
	assert_int_equal(smp_online(&lot, &cpus[2]), ONLINE_BY_WORD);
	assert_int_equal(cpu_state(&cpus[2]), CPU_ONLINE);
	assert_int_equal(slots[2].boss.verdict, VERDICT_ONLINE);
	assert_int_equal(cpu_state(&cpus[3]), CPU_PARKED);
	assert_int_equal(smp_online(&lot, &cpus[2]), ONLINE_REFUSED);
	assert_int_equal(started_again, 0);
	assert_int_equal(park_all(&boss, &place, LOT_ENTER), 0);
}

static void who_does_not_leave_gets_init(void **state)
{
	(void)state;
	park_all(&boss, &place, LOT_ENTER);
	stays = true;
	again_to = CPU_ONLINE;
	assert_int_equal(smp_online(&lot, &cpus[2]), ONLINE_BY_INIT);
	assert_int_equal(slots[2].boss.verdict, VERDICT_ONLINE);
	assert_int_equal(slots[2].boss.inits, 1);
	again_to = CPU_LOST;
	assert_int_equal(smp_online(&lot, &cpus[3]), ONLINE_NEVER);
	assert_int_equal(slots[3].boss.verdict, VERDICT_LOST);
	again_to = CPU_PARKED;				/* INIT must not be sent to it */
	assert_int_equal(smp_online(&lot, &cpus[4]), ONLINE_NEVER);
	assert_int_equal(cpu_state(&cpus[4]), CPU_LOST);
	assert_int_equal(slots[4].boss.verdict, VERDICT_LOST);
	assert_int_equal(started_again, 3);
	assert_int_equal(smp_online(&lot, &cpus[4]), ONLINE_REFUSED);
}

static void who_never_came_may_come_now(void **state)
{
	(void)state;
	shared_store_relaxed_u32(&cpus[2].state, CPU_NO_ANSWER);
	again_to = CPU_NO_ANSWER;
	assert_int_equal(smp_online(&lot, &cpus[2]), ONLINE_NEVER);
	assert_int_equal(slots[2].boss.verdict, VERDICT_NO_ANSWER);
	again_to = CPU_ONLINE;
	assert_int_equal(smp_online(&lot, &cpus[2]), ONLINE_BY_INIT);
	assert_int_equal(slots[2].boss.verdict, VERDICT_ONLINE);
	assert_true(smp_offline(&lot, &cpus[2], MODE_MWAIT));
}

static void all_come_back_together(void **state)
{
	unsigned i;

	(void)state;
	shared_store_relaxed_u32(&cpus[4].state, CPU_LOST);
	slots[4].boss.verdict = VERDICT_LOST;
	park_all(&boss, &place, LOT_ENTER);
	assert_int_equal(smp_online_all(&lot), 0);
	for (i = 1; i < 4; i++)
		assert_int_equal(cpu_state(&cpus[i]), CPU_ONLINE);
	assert_int_equal(cpu_state(&cpus[4]), CPU_LOST);
	park_all(&boss, &place, LOT_ENTER);
	stays = true;
	again_to = CPU_LOST;
	assert_int_equal(smp_online_all(&lot), 3);
	assert_int_equal(started_again, 3);
}

static void one_cpu_goes_alone(void **state)
{
	(void)state;
	assert_true(smp_offline(&lot, &cpus[1], MODE_MWAIT));
	assert_int_equal(cpu_state(&cpus[1]), CPU_PARKED);
	assert_int_equal(cpu_state(&cpus[2]), CPU_ONLINE);
	assert_int_equal(slots[1].mode, MODE_MWAIT);
	assert_int_equal(slots[1].boss.verdict, VERDICT_PARKED);
	assert_int_equal(shared_load_relaxed_u64(&space.cpus[0]), 0x1d);
	assert_false(smp_offline(&lot, &cpus[1], MODE_HLT));	/* it is there */
	assert_int_equal(slots[1].mode, MODE_MWAIT);
	habits[2] = SILENT;
	assert_false(smp_offline(&lot, &cpus[2], MODE_HLT));
	assert_int_equal(cpu_state(&cpus[2]), CPU_LOST);
	habits[3] = OUTSIDE;
	assert_false(smp_offline(&lot, &cpus[3], MODE_HLT));
	assert_int_equal(cpu_state(&cpus[3]), CPU_LOST);
	assert_false(smp_offline(&lot, &cpus[0], MODE_HLT));
}

static void enter(struct slot *slot)
{
	step("enter");
	shared_store_relaxed_u64(&slot->control.command, slot_word(7, COMMAND_LEAVE));
}

static void steps_of_the_cpu_itself(void **state)
{
	static struct percpu own;

	(void)state;
	own.self = &own;
	own.cpu = &cpus[1];
	space_left(&cpus[1].mm);
	assert_int_equal(syscall(SYS_arch_prctl, SET_GS, &own), 0);
	park_here(&slots[1], (uintptr_t)enter);
	/* The APIC quiet and the registers as found before the lot; after it the kernel's again, and only then LEFT. */
	assert_string_equal(steps, "mask drain disable restore enter root replay enable status ");
	assert_int_equal(twin.cr3, space.root);
	assert_int_equal(shared_load_relaxed_u64(&space.cpus[0]), 0x1f);
	assert_int_equal(status_order, memory_order_release);
	assert_int_equal(shared_load_relaxed_u64(&slots[1].status), slot_word(7, STATUS_LEFT));
}

#define TEST(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everybody_parks),
		TEST(who_is_not_there_is_lost),
		TEST(whom_no_call_reaches_is_not_where_it_was),
		TEST(who_is_not_parked_gets_no_command),
		TEST(only_online_cpus_are_sent),
		TEST(who_was_lost_on_the_way_in_counts),
		TEST(an_old_status_is_no_arrival),
		TEST(parked_cpu_comes_back),
		TEST(who_does_not_leave_gets_init),
		TEST(who_never_came_may_come_now),
		TEST(all_come_back_together),
		TEST(one_cpu_goes_alone),
		TEST(steps_of_the_cpu_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
