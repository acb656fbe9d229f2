// SPDX-License-Identifier: MIT
/* One CPU in the lot, turn by turn, with what the boss and the machine may do in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/sha256.h"
#include "purgatory/lot.h"
#include "purgatory/plan.h"
#include "purgatory/verify.h"
#include "x86/cpu.h"
#include "x86/regs.h"

#define CHUNKS		5
#define PARK_ROOT	0x5000
#define VERIFY_ROOT	0x7000
#define KERNEL_ROOT	0x3000

static struct slot slot;
static struct plan plan;
static struct chunk_digest table[CHUNKS];
static uint8_t data[CHUNKS][16];
static uint64_t cr3_at_answer;
static uint64_t store_at_monitor;	/* the boss's store between the CPU's look and MWAIT */
static uint64_t store_at_chunk;		/* ... while a chunk is being done */
static uint64_t leave_when_asleep;	/* ... while it sleeps */
static uint64_t now, not_to_be_read;
static unsigned accesses;
static uint32_t order;			/* of CLFLUSH, MFENCE, MONITOR, MWAIT: a digit each */

void twin_shared_access(enum twin_access access, const void *p, memory_order o)
{
	(void)o;
	if (access == TWIN_STORE && p == &slot.status)
		cr3_at_answer = twin.cr3;
	assert_true(++accesses < 10000);		/* of a case: it comes to its end */
	if (access == TWIN_STORE && p == &slot.next_chunk && store_at_chunk) {
		uint64_t word = store_at_chunk;

		store_at_chunk = 0;
		shared_store_release_u64(&slot.control.command, word);
	}
}

void twin_cpu_mfence(void) { order = order * 10 + 1; }
void twin_cpu_clflush(const void *p) { assert_ptr_equal(p, &slot.control); order = order * 10 + 2; }
void twin_cpu_monitor(const void *p)
{
	assert_ptr_equal(p, &slot.control);
	order = order * 10 + 3;
	if (store_at_monitor)
		shared_store_release_u64(&slot.control.command, store_at_monitor);
}
void twin_cpu_mwait(void)
{
	order = order * 10 + 4;
	if (leave_when_asleep)
		shared_store_release_u64(&slot.control.command, leave_when_asleep);
}

uint64_t twin_cpu_rdtsc(void) { return now += 10; }

void *twin_cpu_phys_pointer(uint64_t phys)
{
	assert_true(!not_to_be_read || phys != not_to_be_read);
	return (void *)(uintptr_t)phys;
}
void twin_cpu_hlt(void) { order = order * 10 + 5; }

static uint32_t status(void) { return slot_value(shared_load_relaxed_u64(&slot.status)); }
static uint32_t sequence(void) { return slot_sequence(shared_load_relaxed_u64(&slot.status)); }

static void command(uint32_t number, enum slot_command value)
{
	shared_store_release_u64(&slot.control.command, slot_word(number, value));
}

static void stripe(uint32_t first, uint32_t stride)
{
	shared_store_relaxed_u32(&slot.control.work_first, first);
	shared_store_relaxed_u32(&slot.control.work_stride, stride);
}

static int reset(void **state)
{
	unsigned i;

	(void)state;
	memset(&slot, 0, sizeof(slot));
	memset(&plan, 0, sizeof(plan));
	twin.cr3 = KERNEL_ROOT;
	twin.cr4 = CR4_PAE | CR4_MCE | CR4_PGE;
	store_at_monitor = store_at_chunk = leave_when_asleep = 0;
	now = 1000;
	not_to_be_read = 0;
	accesses = 0;
	order = 0;
	slot.mode = MODE_MWAIT;
	slot.park_root = PARK_ROOT;
	slot.plan = (uintptr_t)&plan;
	shared_store_relaxed_u64(&slot.control.command, slot_word(0, COMMAND_WAIT));
	plan.verify_root = VERIFY_ROOT;
	plan.digest_table = (uintptr_t)table;
	plan.digest_count = plan.segment_count = CHUNKS;
	for (i = 0; i < CHUNKS; i++) {
		memset(data[i], (int)i, sizeof(data[i]));
		plan.segments[i] = (struct plan_segment){ .first_chunk = i, .dest = (uintptr_t)data[i], .size = 16 };
		sha256_compute(table[i].sha256, data[i], 16);
	}
	return 0;
}

static int parked(void **state)
{
	reset(state);
	assert_true(lot_turn(&slot));
	assert_int_equal(status(), STATUS_PARKED);
	return 0;
}

static void test_parks_in_the_blocks_world(void **state)
{
	(void)state;
	lot_turn(&slot);
	assert_int_equal(status(), STATUS_PARKED);
	assert_int_equal(cr3_at_answer, PARK_ROOT);
	assert_int_equal(slot.evidence.cr3, PARK_ROOT);
	assert_int_equal(slot.evidence.cr4 & CR4_PGE, 0);
	assert_int_equal(order, 0);
}

static void test_mwait_order(void **state)
{
	(void)state;
	lot_turn(&slot);
	assert_int_equal(order, 12134);		/* MFENCE CLFLUSH MFENCE MONITOR MWAIT */
}

static void test_store_before_mwait_is_seen(void **state)
{
	(void)state;
	store_at_monitor = slot_word(1, COMMAND_HALT);
	lot_turn(&slot);
	assert_int_equal(order, 1213);		/* no MWAIT */
	lot_turn(&slot);
	assert_int_equal(status(), STATUS_HALTED);
}

static void test_loop_ends_with_leave_only(void **state)
{
	(void)state;
	leave_when_asleep = slot_word(1, COMMAND_LEAVE);
	lot_loop(&slot);
	assert_int_equal(status(), STATUS_PARKED);
	assert_int_equal(order, 12134);
	assert_int_equal(shared_load_relaxed_u32(&slot.wakeups), 3);	/* arrives, sleeps, leaves */
}

static void test_hlt_mode(void **state)
{
	(void)state;
	slot.mode = MODE_HLT;
	lot_turn(&slot);
	assert_int_equal(order, 5);
}

static void test_halt_loads_the_park_root_first(void **state)
{
	(void)state;
	twin.cr3 = VERIFY_ROOT;
	command(1, COMMAND_HALT);
	lot_turn(&slot);
	assert_int_equal(status(), STATUS_HALTED);
	assert_int_equal(sequence(), 1);
	assert_int_equal(cr3_at_answer, PARK_ROOT);
	order = 0;
	lot_turn(&slot);
	assert_int_equal(order, 5);		/* HLT, never MWAIT again */
	command(2, COMMAND_HALT);		/* once more, as after INIT: an answer of its own */
	lot_turn(&slot);
	assert_int_equal(status(), STATUS_HALTED);
	assert_int_equal(sequence(), 2);
}

static void test_wait_and_garbage_are_not_answered(void **state)
{
	(void)state;
	command(1, COMMAND_WAIT);
	assert_true(lot_turn(&slot));
	command(2, 0x12345678);
	assert_true(lot_turn(&slot));
	assert_int_equal(status(), STATUS_PARKED);
	assert_int_equal(sequence(), 0);
}

static void test_leave(void **state)
{
	(void)state;
	command(1, COMMAND_LEAVE);
	assert_false(lot_turn(&slot));
	assert_int_equal(status(), STATUS_PARKED);	/* LEFT is said on the kernel's side */
	assert_false(lot_turn(&slot));			/* an NMI on the way out restarts the loop: again */
}

static void test_verify_stripe(void **state)
{
	(void)state;
	data[2][3] ^= 1;			/* not in this stripe */
	stripe(1, 2);
	command(1, COMMAND_VERIFY);
	lot_turn(&slot);
	assert_int_equal(status(), STATUS_VERIFIED);
	assert_int_equal(shared_load_relaxed_u32(&slot.bad_chunk), VERIFY_NONE);
	assert_int_equal(shared_load_relaxed_u32(&slot.next_chunk), 3);
	assert_int_equal(twin.cr3, VERIFY_ROOT);
	assert_int_equal(twin.cr4, CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT);	/* as its engine needs it */
	assert_int_equal(shared_load_relaxed_u64(&slot.verify_ticks), 10);
}

static void test_verify_finds_the_lowest_bad_chunk(void **state)
{
	(void)state;
	data[2][3] ^= 1;
	data[4][3] ^= 1;
	stripe(0, 2);
	command(1, COMMAND_VERIFY);
	lot_turn(&slot);
	assert_int_equal(status(), STATUS_VERIFIED);
	assert_int_equal(shared_load_relaxed_u32(&slot.bad_chunk), 2);
	assert_int_equal(shared_load_relaxed_u32(&slot.mc_chunk), VERIFY_NONE);
}

/* The state that a gate leaves behind in the middle of VERIFY. */
static void restarted_at(uint32_t chunk)
{
	command(1, COMMAND_VERIFY);
	shared_store_relaxed_u64(&slot.status, slot_word(1, STATUS_VERIFYING));
	shared_store_relaxed_u32(&slot.bad_chunk, VERIFY_NONE);
	shared_store_relaxed_u32(&slot.mc_chunk, VERIFY_NONE);
	shared_store_relaxed_u32(&slot.next_chunk, chunk);
}

static void test_nmi_redoes_the_current_chunk(void **state)
{
	(void)state;
	stripe(0, 1);
	data[1][0] ^= 1;			/* done before the NMI, found good then */
	data[3][0] ^= 1;
	restarted_at(3);
	shared_store_relaxed_u64(&slot.verify_start, now - 500);
	lot_turn(&slot);
	assert_int_equal(shared_load_relaxed_u32(&slot.bad_chunk), 3);
	assert_int_equal(shared_load_relaxed_u64(&slot.verify_ticks), 510);	/* from the first start on */
}

static void test_machine_check_chunk_is_not_read_again(void **state)
{
	(void)state;
	stripe(0, 1);
	restarted_at(3);
	not_to_be_read = plan.segments[3].dest;
	shared_add_seq_cst_u32(&slot.mc_count, 1);
	lot_turn(&slot);
	assert_int_equal(status(), STATUS_VERIFIED);
	assert_int_equal(shared_load_relaxed_u32(&slot.mc_chunk), 3);
	assert_int_equal(shared_load_relaxed_u32(&slot.bad_chunk), 3);
}

static void test_old_machine_check_does_not_count(void **state)
{
	(void)state;
	shared_add_seq_cst_u32(&slot.mc_count, 7);
	stripe(0, 1);
	command(1, COMMAND_VERIFY);
	lot_turn(&slot);
	assert_int_equal(shared_load_relaxed_u32(&slot.mc_chunk), VERIFY_NONE);
	assert_int_equal(status(), STATUS_VERIFIED);
}

static void test_boss_gives_up(void **state)
{
	(void)state;
	stripe(0, 1);
	command(1, COMMAND_VERIFY);
	store_at_chunk = slot_word(2, COMMAND_HALT);
	assert_true(lot_turn(&slot));
	assert_int_equal(status(), STATUS_VERIFYING);
	assert_true(lot_turn(&slot));
	assert_int_equal(status(), STATUS_HALTED);
	assert_int_equal(sequence(), 2);
	assert_int_equal(twin.cr3, PARK_ROOT);
}

static void test_no_work(void **state)
{
	(void)state;
	stripe(0, 0);
	command(1, COMMAND_VERIFY);
	lot_turn(&slot);
	assert_int_equal(status(), STATUS_VERIFIED);
}

#define T(f) cmocka_unit_test_setup(f, parked)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_parks_in_the_blocks_world, reset),
		cmocka_unit_test_setup(test_loop_ends_with_leave_only, reset), T(test_mwait_order),
		T(test_store_before_mwait_is_seen), T(test_hlt_mode), T(test_halt_loads_the_park_root_first),
		T(test_wait_and_garbage_are_not_answered), T(test_leave), T(test_verify_stripe),
		T(test_verify_finds_the_lowest_bad_chunk), T(test_nmi_redoes_the_current_chunk),
		T(test_machine_check_chunk_is_not_read_again), T(test_old_machine_check_does_not_count),
		T(test_boss_gives_up), T(test_no_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
