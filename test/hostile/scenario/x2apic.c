// SPDX-License-Identifier: MIT
/* An IPI through the ICR of an x2APIC: it may overtake what its sender has stored. x86/apic.c sends it. */
#include "test/hostile/scenario/scenario.h"
#include "test/twin/x86/cpu.h"
#include "x86/apic.h"

static void x2apic_found(void)
{
	world_start(16);
	twin_msr_set(MSR_APIC_BASE, APIC_BASE_EN | APIC_BASE_EXTD);
	EXPECT(apic_init(NULL) == OK && apic_mode() == APIC_MODE_X2APIC);
}

/* A request with its argument, to each of the others. */
static void posts_and_calls(void)
{
	unsigned i;

	for (i = 1; i < parameters.cpus; i++) {
		shared_store_relaxed_u32(&world->lock, i);
		shared_store_release_u32(&world->flag[0], i);
		EXPECT(apic_send(i, ICR_FIXED | VECTOR_CALL));
		flag_wait(&world->flag[i], i);
	}
}

/* The handler: what was posted before the call is there. */
static void takes_the_call(unsigned sender)
{
	EXPECT(sender == 0);
	EXPECT(shared_load_acquire_u32(&world->flag[0]) == cpu_index());
	EXPECT(shared_load_relaxed_u32(&world->lock) == cpu_index());
	shared_store_release_u32(&world->flag[cpu_index()], cpu_index());
}

static void waits_for_a_call(void)
{
	flag_wait(&world->flag[cpu_index()], cpu_index());
}

const struct scenario x2apic_scenario = {
	.name = "x2apic", .what = "a request is posted and an IPI sent by WRMSR, which waits for no store",
	.setup = x2apic_found, .program = { posts_and_calls, waits_for_a_call, waits_for_a_call },
	.on_ipi = takes_the_call,
};
