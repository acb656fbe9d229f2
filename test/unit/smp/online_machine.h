// SPDX-License-Identifier: MIT
/*
 * Bring-up and calls against CPUs that are faked at the APIC: each acts when an IPI reaches it. Time passes only when
 * somebody looks at the clock. Included by online_test.c and bringup_test.c.
 */
#ifndef TEST_UNIT_SMP_ONLINE_MACHINE_H
#define TEST_UNIT_SMP_ONLINE_MACHINE_H

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
#define LOW_PAGE 0x8000u

#define INTEL	0x756e6547u
#define AMD	0x68747541u
#define HYGON	0x6f677948u

#define IVT_BEFORE	0x1234u
#define ESR_ACCEPT	4u			/* nobody there */
#define NEVER		UINT64_MAX
#define RELAXES_MAX	2000000u		/* of one test: every wait has its deadline far below */

/* UNCALLED: no call's IPI reaches it, but it looks at its mailbox now and then. */
enum habit { HEALTHY, ABSENT, NEEDS_TWO_SIPIS, DIFFERENT, DEAF_TO_CALLS, LATE, SLOW, STUCK_INSIDE, OTHER_INDEX, UNCALLED,
	     FOUND_DIFFERENT };

static struct space space = { .root = 0x1000 };
static struct madt madt;
static enum habit habits[CPUS];
static unsigned inits[CPUS], deasserts[CPUS], sipis[CPUS], nmis[CPUS], relaxes;
static uint64_t init_at[CPUS], sipi_at[CPUS], second_sipi_at[CPUS], idle_at;
static unsigned ivt_takes, ivt_restores, cr3_writes;
static uint32_t errors, errors_under_way;
static uint64_t pat;
static const struct state_found *saved;
static const struct percpu *loaded;
static bool page_0;
static bool table_there, calls_fail, page_fails, under_hypervisor;
static uint32_t vendor, signature;
static memory_order request_store, request_load, answer_store, answer_load, state_load;
static uint64_t now, memory, memory_bytes;
static bool boss_is_bsp, gate_open;
static uint32_t ivt, reach_max, entered;

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
	entered |= 1u << cpu->apic_id % 32;
	if (habit == STUCK_INSIDE)
		return;
	cpu->left_difference = habit == DIFFERENT ? STATE_MTRR_VARIABLE : 0;
	cpu->found_difference = habit == FOUND_DIFFERENT ? STATE_PAT : 0;
	cpu_move(cpu, CPU_STARTING, CPU_ARRIVED);
}

static void serve(unsigned i)
{
	twin.index = habits[i] == OTHER_INDEX ? 0 : i;
	call_serve(smp_cpu(i));
	twin.index = smp_boss()->index;
}

bool apic_send(uint32_t id, uint32_t icr)
{
	struct cpu *cpu = table_there ? by_id(id) : NULL;
	unsigned i = cpu ? cpu->index : id;

	assert_true(id <= reach_max);
	assert_true(!cpu || cpu != smp_boss());
	switch (icr & 0x700) {
	case 0x500:
		if (icr == ICR_INIT_DEASSERT) {
			deasserts[i]++;
			break;
		}
		assert_int_equal(icr, ICR_INIT_ASSERT);
		assert_int_equal(ivt, page_0 ? LOW_PAGE << 12 : IVT_BEFORE);
		/* What was under way when the wait began has arrived: 100 us later no NMI is on its way. */
		assert_true(idle_at != NEVER && now - idle_at >= 100);
		inits[i]++;
		init_at[i] = now;
		break;
	case 0x600:
		assert_true(inits[i] > 0);
		sipis[i]++;
		if (sipis[i] == 1)
			sipi_at[i] = now;
		second_sipi_at[i] = now;
		if (habits[i] == ABSENT)
			errors_under_way |= ESR_ACCEPT;
		if (habits[i] != ABSENT && habits[i] != LATE && (habits[i] != NEEDS_TWO_SIPIS || sipis[i] == 2))
			arrive(cpu, habits[i]);
		break;
	case 0x400:
		nmis[i]++;
		break;
	default:
		assert_int_equal(icr & 0xff, VECTOR_CALL);
		if (calls_fail || habits[i] == UNCALLED)
			return false;
		if (habits[i] != DEAF_TO_CALLS && habits[i] != SLOW)
			serve(i);
	}
	return true;
}

/* The slow one answers when somebody has waited for a while. */
void twin_cpu_relax(void)
{
	unsigned i;

	if (++relaxes > RELAXES_MAX)
		fail_msg("somebody waits for ever");
	if (table_there && relaxes % 50 == 0)
		for (i = 0; i < CPUS; i++)
			if (habits[i] == SLOW || habits[i] == UNCALLED)
				serve(i);
}

struct cpuid_regs twin_cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
	(void)subleaf;
	if (leaf == 0)
		return (struct cpuid_regs){ .ebx = vendor };
	return (struct cpuid_regs){ .eax = signature, .ecx = under_hypervisor ? 1u << 31 : 0 };
}

/* What CPU 3 and the boss do to CPU 3's words: the last order each time. */
void twin_shared_access(enum twin_access access, const void *p, memory_order order)
{
	struct cpu *cpu = table_there ? smp_cpu(3) : NULL;
	bool own = twin.index == 3;

	if (!cpu)
		return;
	if (p == &cpu->box.request && access == TWIN_STORE)
		request_store = order;
	else if (p == &cpu->box.request && own)
		request_load = order;
	else if (p == &cpu->box.answer && access == TWIN_STORE)
		answer_store = order;
	else if (p == &cpu->box.answer && !own)
		answer_load = order;
	else if (p == &cpu->state && access == TWIN_LOAD)
		state_load = order;
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
enum apic_mode apic_mode(void) { return APIC_MODE_XAPIC; }
void apic_enable(void) { }
void apic_enable_after_init(void) { }
void apic_mask_lvts(void) { }
void apic_drain(void) { }
void apic_disable(void) { }
void fpu_enable(void) { }
void state_replay(const struct cpu_features_state *boss) { (void)boss; }
void state_save_found(struct state_found *found) { saved = found; }
void state_restore_found(const struct state_found *found) { (void)found; }
void ap_entry(void) { }

/* Errors of what is still under way come later. */
bool apic_wait_idle(void)
{
	idle_at = now;
	errors |= errors_under_way;
	errors_under_way = 0;
	return true;
}

uint32_t apic_errors(void)
{
	uint32_t found = errors;

	errors = 0;
	return found;
}

void state_capture(struct cpu_features_state *state)
{
	memset(state, 0, sizeof(*state));
	state->pat = pat;
}

void twin_cpu_wrmsr(uint32_t msr, uint64_t value)
{
	assert_int_equal(msr, MSR_PAT);
	pat = value;
	cr3_writes = 0;
}

void twin_cpu_write_cr3(uint64_t v)
{
	assert_int_equal(v, twin.cr3);
	cr3_writes++;
}

void percpu_init(struct percpu *percpu, uint32_t index, uint32_t id, uint64_t stack_bottom, uint64_t stack_top,
		 uint64_t ist_df, uint64_t ist_nmi, uint64_t ist_mc)
{
	(void)ist_df, (void)ist_nmi, (void)ist_mc;
	percpu->stack_bottom = stack_bottom;
	percpu->stack_top = stack_top;
	percpu->index = index;
	percpu->apic_id = id;
}

void percpu_load(struct percpu *percpu)
{
	assert_non_null(percpu);
	loaded = percpu;
	twin.index = percpu->index;
}

enum status trampoline_install(const struct trampoline_config *config, struct problem *p)
{
	if (!config->page || page_fails)
		return problem_set(p, E_LOW_PAGE, "no page");
	gate_open = true;
	entered = 0;
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

bool trampoline_entered(uint64_t page, uint32_t apic_id)
{
	assert_int_equal(page, LOW_PAGE);
	assert_false(gate_open);
	return entered >> apic_id % 32 & 1;
}

uint32_t ivt_nmi_take(uint64_t page)
{
	uint32_t old = ivt;

	ivt_takes++;
	ivt = (uint32_t)page << 12;
	return old;
}

void ivt_nmi_restore(uint32_t old)
{
	ivt_restores++;
	ivt = old;
}

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
	memset(deasserts, 0, sizeof(deasserts));
	table_there = calls_fail = page_fails = under_hypervisor = gate_open = false;
	ivt_takes = ivt_restores = cr3_writes = relaxes = 0;
	errors = errors_under_way = 0;
	idle_at = NEVER;
	pat = 0;
	saved = NULL;
	loaded = NULL;
	page_0 = true;
	vendor = INTEL;
	signature = 0x6f0;
	boss_is_bsp = true;
	reach_max = APIC_XAPIC_ID_MAX;
	ivt = IVT_BEFORE;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return munmap((void *)memory, memory_bytes);
}

static const struct online_config config = { .low_page = LOW_PAGE, .space = &space, .boot_page_mapped = true };

static struct online_result bring_up_as(const struct online_config *how)
{
	struct online_result result;

	assert_int_equal(smp_init(&madt, memory, memory_bytes, NULL), OK);
	table_there = true;
	assert_int_equal(smp_bring_up(how, &result, NULL), OK);
	/* With a CPU that may still be between INIT and long mode it stays: the closed page halts it. */
	assert_int_equal(ivt, (result.no_answer || result.lost) && !result.mp_wakeup ? LOW_PAGE << 12 : IVT_BEFORE);
	assert_false(gate_open);
	return result;
}

static struct online_result bring_up(void)
{
	return bring_up_as(&config);
}

#endif
