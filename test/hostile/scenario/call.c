// SPDX-License-Identifier: MIT
/* Cross calls through the mailboxes of smp/call.c, the flush of mm/ among them. */
#include "lib/digest.h"
#include "smp/call.h"
#include "smp/online.h"
#include "test/hostile/platform.h"
#include "test/hostile/scenario/scenario.h"
#include "x86/cpu.h"

static void online_with_a_page(void)
{
	platform_online();
	mm_set_flush_others(call_flush_others);
	page_at_va(0, VA, MM_WRITE);
	page_at_va(0, VA + 0x1000, MM_WRITE);
	world_space(1, 4);
}

/* What a CPU still has in its TLB when the call returns is found by the free. */
static void flushes(void)
{
	change_begin(1);
	EXPECT(space_unmap_free(&world->space[0], VA, 0x1000, &world->data, NULL) == OK);
	change_end(1, true);
	EXPECT(maps_nothing(0, VA));
	/* Nobody has this one loaded: nobody is called. */
	EXPECT(flush_space(&world->space[1], VA, VA + 0xfff, 0x1000, false, true));
}

const struct scenario call_flush_scenario = {
	.name = "call-flush", .what = "a page is unmapped and freed, CPUs are called by the mailbox", .platform = true,
	.strays = STRAY_NMI | STRAY_WAKE, .setup = online_with_a_page, .program = { flushes, ap_program, ap_program },
};

/* Late, the call has lost a CPU: what the flush was for is never freed. */
static void flushes_late(void)
{
	enum status s;

	change_begin(1);
	s = space_unmap_free(&world->space[0], VA, 0x1000, &world->data, NULL);
	EXPECT((s == OK) == (cpu_state(smp_cpu(1)) == CPU_ONLINE && cpu_state(smp_cpu(parameters.cpus - 1)) == CPU_ONLINE));
	EXPECT(s == OK || platform_was_late());
	/* Nobody waits for it once more, and what it may still use is never freed. */
	s = space_unmap_free(&world->space[0], VA + 0x1000, 0x1000, &world->data, NULL);
	EXPECT(s == OK || platform_was_late());
}

const struct scenario call_lost_scenario = {
	.name = "call-lost", .what = "the same, and a CPU answers too late", .platform = true, .strays = STRAY_LATE,
	.setup = online_with_a_page, .program = { flushes_late, ap_program, ap_program },
};

/* --- all operations -------------------------------------------------------------------------------------------- */

#define RAN 1

static struct chunk_digest *digest_of(unsigned cpu)
{
	return (struct chunk_digest *)((uint8_t *)notes() + 1024) + cpu;
}

static void runs(struct cpu *self, uint64_t argument)
{
	EXPECT(self->index == cpu_index() && argument == 5);
	/* order: the run before the flag. pairs with: calls(). else: the boss reads that it has not run. */
	shared_store_release_u32(&world->flag[self->index], RAN);
}

static void calls(void)
{
	struct cpu *cpu = smp_cpu(1);
	uint64_t result = 0;

	EXPECT(call_all(CALL_PING, 0, 0, 0, call_deadline_us()) == 0);
	EXPECT(call_answered(cpu, &result) && result == 1);
	/* One at a time: while this one is not answered the next is refused. */
	EXPECT(call_start(cpu, CALL_HASH, (uint64_t)digest_of(1), (uint64_t)notes()->word, 16));
	if (call_start(cpu, CALL_PING, 0, 0, 0))
		EXPECT(call_await(cpu, UINT64_MAX) && call_answered(cpu, &result) && result == 1);
	EXPECT(call_await(cpu, UINT64_MAX) && call_answered(cpu, &result));
	EXPECT(call_start(cpu, CALL_RUN, (uint64_t)runs, 5, 0));
	EXPECT(call_await(cpu, UINT64_MAX));
	/* order: as in runs(). pairs with: runs(). else: as there. */
	while (shared_load_acquire_u32(&world->flag[1]) != RAN)
		cpu_relax();
	EXPECT(call_start(cpu, CALL_OPERATIONS, 0, 0, 0));
	EXPECT(call_await(cpu, UINT64_MAX) && call_answered(cpu, &result) && result == UINT64_MAX);
	/* Nobody else is called. */
	EXPECT(!call_start(smp_boss(), CALL_PING, 0, 0, 0));
}

const struct scenario calls_scenario = {
	.name = "calls", .what = "each operation once", .platform = true, .strays = STRAY_NMI | STRAY_WAKE, .guest = true,
	.setup = platform_online, .program = { calls, ap_program, ap_program },
};
