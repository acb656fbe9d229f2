// SPDX-License-Identifier: MIT
/*
 * What each control word must lead to: PARK, VERIFY, HALT, LEAVE and a call to their answer, in the CPU's own words and not
 * before it has done it, or to LOST; and who is given up has not answered. jump_next() asks for HALT.
 */
#include "smp/online.h"
#include "test/hostile/internal.h"
#include "test/hostile/platform.h"

/* smp/'s own, without a call of its code. */
static struct cpu *record_of(unsigned cpu)
{
	return (struct cpu *)platform_pointer(PLATFORM_CPUS) + cpu;
}

static uint64_t word_of(const shared_u64 *p)
{
	return memory_newest(arena_offset(p), 8);
}

/* Its last answer in memory is one to the last command, and the end of it. */
static bool has_answered(unsigned cpu)
{
	const struct slot *slot = slot_of(cpu);
	uint64_t command = word_of(&slot->control.command), status = arena_read(arena_offset(&slot->status), 8);

	return slot_sequence(command) == slot_sequence(status) && slot_value(status) != STATUS_EMPTY &&
	       slot_value(status) != STATUS_VERIFYING;
}

static bool has_served(unsigned cpu)
{
	const struct call_box *box = &record_of(cpu)->box;
	uint32_t request = (uint32_t)memory_newest(arena_offset(&box->request), 4);

	return request && arena_read(arena_offset(&box->answer), 4) == (request | 0x80);
}

void promise_clock_read(void)
{
	unsigned i;

	M->answered = M->called = 0;
	for (i = 1; i < parameters.cpus; i++) {
		M->answered |= (uint8_t)((M->slots_at && has_answered(i)) << i);
		M->called |= (uint8_t)(has_served(i) << i);
	}
}

/* A boss that was asleep itself, in an SMI, looks once more after the clock. */
static void given_up(unsigned cpu, uint8_t answers)
{
	if (answers >> cpu & 1)
		broken("given-up-though-answered", "CPU %u is given up, and its answer was there when the clock was read", cpu);
}

void platform_given_up(unsigned cpu)
{
	given_up(cpu, M->answered);
}

/* The boss counts on the CPU from here on. */
static void counted(unsigned cpu, bool parked)
{
	const struct seat *s = &M->cpu[cpu].seat;

	if (!has_answered(cpu) || s->parked != parked || (s->place != (parked ? IN_LOT : IN_KERNEL) && !current_scenario->trusting))
		broken("counted-too-early", "CPU %u counts as %s and has not said so", cpu, parked ? "PARKED" : "ONLINE again");
}

void promise_moves(uint32_t at, uint64_t from, uint64_t to)
{
	unsigned i;

	for (i = 1; i < parameters.cpus; i++)
		if (M->running && current_scenario->platform && !M->current && at == arena_offset(&record_of(i)->state))
			break;
	if (!M->running || !current_scenario->platform || M->current || i == parameters.cpus)
		return;
	if (from == CPU_PARKING && to == CPU_PARKED)
		counted(i, true);
	else if (from == CPU_PARKED && to == CPU_ONLINE)
		counted(i, false);
	else if (to == CPU_LOST && (from == CPU_ONLINE || from == CPU_PARKING) && !M->cpu[i].seat.lied)
		given_up(i, from == CPU_ONLINE ? M->called : M->answered);
}

/* --- answers ----------------------------------------------------------------------------------------------------------- */

static bool fits(uint32_t status, uint32_t command)
{
	switch (status) {
	case STATUS_VERIFYING:
	case STATUS_VERIFIED:
		return command == COMMAND_VERIFY;
	case STATUS_HALTED:
		return command == COMMAND_HALT;
	case STATUS_LEFT:
		return command == COMMAND_LEAVE;
	default:
		return status == STATUS_PARKED;
	}
}

void promise_status(uint64_t word)
{
	struct seat *s = &self()->seat;

	if (!fits(slot_value(word), slot_value(s->seen)) && slot_value(word) != STATUS_PARKED)
		broken("answers-what-was-not-said", "CPU %u answers %x, and has read command 0x%llx last", M->current,
		       slot_value(word), (unsigned long long)s->seen);
	if (slot_sequence(word) != (slot_value(word) == STATUS_PARKED ? 0 : slot_sequence(s->seen)))
		broken("answers-what-was-not-said", "CPU %u answers number %u, and has read command 0x%llx last", M->current,
		       slot_sequence(word), (unsigned long long)s->seen);
	if (slot_value(word) == STATUS_VERIFYING)
		s->digested = 0;
	if (slot_value(word) == STATUS_VERIFIED)
		M->digested[M->current] = s->digested;
}

/* --- VERIFY ------------------------------------------------------------------------------------------------------------- */

void promise_loads(unsigned slot, uint32_t offset, uint64_t value)
{
	if (offset == offsetof(struct slot, status) && slot_value(value) == STATUS_VERIFIED)
		M->believed |= (uint8_t)(1u << slot);
}

/* The CPU says which chunk it reads now; before VERIFYING it only says where it will begin. */
void promise_begins(uint32_t chunk)
{
	if (slot_value(word_of(&slot_of(M->current)->status)) == STATUS_VERIFYING)
		self()->seat.reading = (uint8_t)(chunk + 1);
}

void promise_digested(const void *data)
{
	uint64_t at = (uint64_t)data - ARENA;
	struct seat *s = &self()->seat;

	if (!M->running || at >= STACKS_AT || !in_pages((uint32_t)at) || M->page_kind[page_of_at((uint32_t)at)] != REGION_SEGMENT)
		return;
	s->reading = 0;
	s->digested |= (uint8_t)(1u << at % 4096 / 64);
	if (!M->current)
		M->digested[0] = s->digested;
}

void promise_struck(void)
{
	if (self()->seat.reading)
		M->struck |= (uint8_t)(1u << M->current);
}

void promise_jump(void)
{
	unsigned i, all = M->digested[0];

	if (!M->committed)
		return;
	for (i = 1; i < parameters.cpus; i++) {
		if (!(M->believed >> i & 1))
			continue;
		all |= M->digested[i];
		if (M->struck >> i & 1)
			broken("machine-check-forgotten", "the boss jumps, and CPU %u had a machine check in a chunk", i);
	}
	if (all != (1u << CHUNKS) - 1)
		broken("jumps-unverified", "the boss jumps, and only chunks 0x%x are verified", all);
}
