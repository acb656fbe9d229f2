// SPDX-License-Identifier: MIT
/* An application processor from its entry to its loop: what it does in which order, and what it reports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "smp/ap.h"
#include "smp/bringup.h"
#include "smp/call.h"
#include "smp/cpu.h"
#include "smp/online.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/fpu.h"
#include "x86/percpu.h"
#include "x86/state.h"

#define WAITS		2		/* turns of the loop that a test looks at */
#define FIRMWARE_PAT	0x0007040600070406ull
#define OUR_PAT		0x0007010600070106ull
#define BOSS_CR4	0x2a0u

static struct percpu percpu, boss_percpu;
static struct cpu cpu, boss;
static struct cpu_features_state boss_state, found, left;
static struct space space = { .root = 0x9000 };
static char steps[200];
static unsigned captures, serves, waits;
static jmp_buf out;

static void step(const char *name)
{
	strcat(steps, name);
	strcat(steps, " ");
}

struct cpu *smp_boss(void) { return &boss; }
const struct cpu_features_state *bringup_boss_state(void) { return &boss_state; }
struct space *bringup_space(void) { return &space; }
void fpu_enable(void) { step("fpu"); }
void apic_enable_after_init(void) { step("apic"); }
bool apic_is_bsp(void) { return true; }
void state_save_found(struct state_found *saved) { assert_ptr_equal(saved, &percpu.found); step("save"); }
void twin_cpu_write_cr3(uint64_t v) { assert_int_equal(v, space.root); step("root"); }

void twin_cpu_write_cr4(uint64_t v)
{
	assert_int_equal(v, BOSS_CR4);
	step("cr4");
}

void state_capture(struct cpu_features_state *state)
{
	*state = captures++ ? left : found;
	step("capture");
}

void state_replay(const struct cpu_features_state *to)
{
	assert_ptr_equal(to, &boss_state);
	step("replay");
}

void call_serve(struct cpu *self)
{
	assert_ptr_equal(self, &cpu);
	/* Before ARRIVED nobody calls. */
	assert_int_equal(cpu_state(self), CPU_ARRIVED);
	assert_true(++serves <= waits + 1);
	step("serve");
}

void twin_cpu_wait_irq(void)
{
	step("wait");
	if (++waits == WAITS)
		longjmp(out, 1);
}

static void runs(const char *expected)
{
	if (!setjmp(out))
		ap_main(&percpu);
	assert_string_equal(steps, expected);
}

static int set_up(void **state)
{
	(void)state;
	boss_state = (struct cpu_features_state){ .cr0 = 0x80050033, .cr4 = BOSS_CR4, .efer = 0xd01, .pat = OUR_PAT, .has_pat = 1 };
	found = left = boss_state;
	memset(&cpu, 0, sizeof(cpu));
	cpu.index = cpu.mm.index = 1;
	percpu.cpu = &cpu;
	boss.percpu = &boss_percpu;
	boss_percpu.found.pat = FIRMWARE_PAT;
	shared_store_relaxed_u32(&cpu.state, CPU_STARTING);
	memset(space.cpus, 0, sizeof(space.cpus));
	steps[0] = 0;
	captures = serves = waits = 0;
	return 0;
}

#define UP_TO_THE_LOOP "cr4 fpu capture replay capture root apic "

static void steps_of_an_arrival(void **state)
{
	(void)state;
	runs("save " UP_TO_THE_LOOP "serve wait serve wait ");
	assert_int_equal(cpu_state(&cpu), CPU_ARRIVED);
	assert_ptr_equal(cpu.mm.space, &space);
	assert_int_equal(shared_load_relaxed_u64(&space.cpus[0]), 2);
	assert_true(cpu.is_bsp);
	assert_int_equal(cpu.found_difference, 0);
	assert_int_equal(cpu.left_difference, 0);
}

/* After INIT its registers hold what we have put there. */
static void who_was_here_keeps_what_was_found_first(void **state)
{
	(void)state;
	cpu.was_here = true;
	runs(UP_TO_THE_LOOP "serve wait serve wait ");
}

/* The boss gave it up meanwhile: its loop is where it stays. */
static void a_late_one_stays_in_its_loop(void **state)
{
	(void)state;
	shared_store_relaxed_u32(&cpu.state, CPU_ARRIVED);
	runs("save " UP_TO_THE_LOOP "serve wait serve wait ");
	assert_int_equal(cpu_state(&cpu), CPU_ARRIVED);
}

static void what_firmware_left_different_is_told(void **state)
{
	(void)state;
	found.misc_enable = 1;
	found.has_misc_enable = boss_state.has_misc_enable = left.has_misc_enable = 1;
	found.cr0 = 0x60000010;			/* INIT's */
	found.efer = 0;
	boss_state.mtrr.present = left.mtrr.present = found.mtrr.present = 1;
	left.mtrr.def_type = 6;
	runs("save " UP_TO_THE_LOOP "serve wait serve wait ");
	assert_int_equal(cpu.found_difference, STATE_MISC_ENABLE);
	assert_int_equal(cpu.left_difference, STATE_MTRR_DEF_TYPE);
}

/* The boss has its own PAT by now; what counts is whether firmware left both the same. */
static void the_pat_is_compared_with_what_the_boss_found(void **state)
{
	(void)state;
	found.pat = FIRMWARE_PAT;
	runs("save " UP_TO_THE_LOOP "serve wait serve wait ");
	assert_int_equal(cpu.found_difference, 0);
	set_up(state);
	found.pat = 0x0606060606060606;
	runs("save " UP_TO_THE_LOOP "serve wait serve wait ");
	assert_int_equal(cpu.found_difference, STATE_PAT);
}

#define TEST(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(steps_of_an_arrival),
		TEST(who_was_here_keeps_what_was_found_first),
		TEST(a_late_one_stays_in_its_loop),
		TEST(what_firmware_left_different_is_told),
		TEST(the_pat_is_compared_with_what_the_boss_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
