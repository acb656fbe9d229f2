// SPDX-License-Identifier: MIT
/*
 * The next kernel, from the jump on: everything outside the block is its own. It stores there step by step, in any order with
 * what parked CPUs do, and sends them NMIs. Who still needs what it has stored to is found by that store, or at its next use.
 */
#include <string.h>

#include "test/hostile/internal.h"
#include "test/hostile/platform.h"
#include "x86/regs.h"

#define ROOT(cr3)	((cr3) & 0x000ffffffffff000ull)

/* Who is deaf in a CPU's place has no next step; who waits for SIPI needs the trampoline page alone. */
static bool goes_on(unsigned cpu)
{
	const struct seat *s = &M->cpu[cpu].seat;

	return !s->deaf && (s->place == IN_LOT || s->place == IN_KERNEL);
}

static void takes(uint64_t pages, const char *what)
{
	unsigned i;

	visible();
	trace_event("the next kernel stores over %s", what);
	M->taken |= pages;
	for (i = 1; i < parameters.cpus; i++) {
		uint64_t root = ROOT(M->cpu[i].sets.root);

		if (goes_on(i) && in_memory(root) && pages >> page_of(root) & 1)
			broken("next-kernel", "its stores hit the tables that CPU %u walks", i);
	}
}

static void takes_stacks(void)
{
	unsigned i;

	visible();
	trace_event("the next kernel stores over the old stacks");
	for (i = 1; i < parameters.cpus; i++) {
		uint64_t low = ARENA + STACKS_AT + i * STACKS * STACK_BYTES;

		if (goes_on(i) && (uint64_t)M->cpu[i].sp - low < STACK_BYTES)
			broken("next-kernel", "its stores hit the stack that CPU %u stands on", i);
		M->cpu[i].other_sp = NULL;
		memset((void *)low, 0xcc, STACK_BYTES);
	}
}

/* Reserved for it while a CPU may come in at any time (protocol rule 14). */
static void takes_low_page(void)
{
	unsigned i;

	for (i = 1; i < parameters.cpus; i++)
		if (slot_of(i)->boss.verdict == VERDICT_LOST || slot_of(i)->boss.verdict == VERDICT_INIT_HELD)
			return;
	platform_free_low_page();
}

/* One word of each region stands for all of it. */
void platform_overwrite(void)
{
	uint64_t others = 0;
	unsigned i;

	for (i = 0; i < HOSTILE_PAGES; i++)
		others |= (uint64_t)(M->page_kind[i] == REGION_NONE) << i;
	for (i = 0; i < M->region_count; i++) {
		const struct region *r = &M->region[i];

		if (r->kind == REGION_PLAN || r->kind == REGION_SLOTS)
			continue;
		takes(((1ull << r->bytes / 4096) - 1) << page_of_at(r->at), trace_word(r->at));
		arena_write(r->at, ~0ull, 8);
	}
	takes(others, "the kernel's tables and pages");
	takes_stacks();
	visible();
	M->code_taken = true;
	takes_low_page();
	for (i = 1; i < parameters.cpus; i++)
		if (goes_on(i))
			platform_ipi(M->cpu[i].seat.apic_id, ICR_NMI);
}

void next_access(uint32_t at, bool write)
{
	if (M->current && in_pages(at) && M->taken >> page_of_at(at) & 1)
		broken("next-kernel", "CPU %u %s %s, which the next kernel has stored to", M->current, write ? "writes" : "reads",
		       trace_word(at));
}

void next_fetch(void)
{
	if (M->code_taken && M->current)
		broken("next-kernel", "CPU %u runs code that the next kernel has stored to", M->current);
}
