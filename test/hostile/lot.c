// SPDX-License-Identifier: MIT
/*
 * What the block's assembly does, as the machine sees it: into the lot and back, its gates, the recall; and what must hold
 * when a CPU says where it is. MONITOR and MWAIT.
 */
#include "purgatory/lot.h"
#include "smp/online.h"
#include "test/hostile/internal.h"
#include "test/hostile/platform.h"
#include "x86/cpu.h"
#include "x86/regs.h"

bool lot_on_slot_stack(void)
{
	uint64_t here = (uint64_t)__builtin_frame_address(0);
	uint64_t low = ARENA + STACKS_AT + (M->current * STACKS + 1) * STACK_BYTES;

	return here - low < STACK_BYTES;
}

/* lot.S, lot_start: the loop; after LEAVE the way back. An NMI on it starts the loop again, which comes back here. */
static void lot_main(void)
{
	struct seat *s = &self()->seat;
	void *none, *to;

	lot_loop(slot_of(M->current));
	if (slot_value(s->seen) != COMMAND_LEAVE)
		broken("left-the-lot", "CPU %u leaves the loop and was not told to", M->current);
	twin_cpu_write_cr3(s->kernel_cr3);
	s->cr4 |= CR4_PGE;
	s->place = IN_KERNEL;
	s->parked = s->halted = false;
	trace_event("is out of the lot");
	to = self()->other_sp;
	self()->other_sp = NULL;
	hostile_switch(&none, to);
}

void lot_goes_on(void)
{
	self()->seat.reading = 0;
	cpu_start_on(M->current, 1, lot_main);
	cpu_goes_on();
}

static void lot_enter(struct slot *slot)
{
	struct vcpu *c = self();

	if (slot != slot_of(M->current))
		broken("wrong-answer", "CPU %u enters another one's slot", M->current);
	visible();
	trace_event("enters the lot");
	c->seat.kernel_cr3 = c->sets.root;
	arena_writes(slot, sizeof(*slot));
	slot->kernel.cr3 = c->sets.root;
	cpu_start_on(M->current, 1, lot_main);
	c->seat.place = IN_LOT;
	hostile_switch(&c->other_sp, c->sp);
}

uint64_t platform_lot_enter(void)
{
	return (uint64_t)(uintptr_t)lot_enter;
}

/* lot.S, lot_recall: from the trampoline page. */
void lot_recalled(void)
{
	struct seat *s = &self()->seat;

	twin_cpu_write_cr3(PLATFORM_PARK);
	s->cr4 = CR4_PAE | CR4_MCE;
	s->place = IN_LOT;
	lot_goes_on();
}

/* Any one register, on any side of what is right. */
static void lie(struct slot_evidence *out)
{
	unsigned which = choose(11);

	self()->seat.lied = which > 0;
	arena_writes(out, sizeof(*out));
	switch (which) {
	case 1: out->rip = PLATFORM_CODE - 1; break;
	case 2: out->rip = PLATFORM_CODE + 0x1000; break;
	case 3: out->rsp -= SLOT_BYTES; break;
	case 4: out->rsp += SLOT_BYTES; break;
	case 5: out->cr3 = PLATFORM_VERIFY; break;
	case 6: out->cr4 &= ~(uint64_t)CR4_MCE; break;
	case 7: out->cr4 |= CR4_PGE; break;
	case 8: out->idtr_base++; break;
	case 9: out->gdtr_base++; break;
	case 10: out->tr++; break;
	}
}

void lot_read_evidence(struct slot_evidence *out)
{
	uint64_t slot = (uint64_t)(uintptr_t)slot_of(M->current);
	bool trusted = current_scenario->trusting;

	arena_writes(out, sizeof(*out));
	*out = (struct slot_evidence){
		.rip = self()->seat.place == IN_LOT || trusted ? PLATFORM_CODE + 0x10 : 0,
		.rsp = lot_on_slot_stack() || trusted ? slot + SLOT_STACK_TOP - 64 : 0,
		.cr3 = self()->sets.root,
		.cr4 = self()->seat.cr4,
		.idtr_base = PLATFORM_IDT,
		.gdtr_base = slot + SLOT_GDT,
		.tr = SEL_TSS,
	};
	if (M->liars)
		lie(out);
}

/* The owner says where it is: it must be there. */
static void own_status(uint64_t word)
{
	struct seat *s = &self()->seat;
	bool trusted = current_scenario->trusting, inside = trusted || (s->place == IN_LOT && lot_on_slot_stack());

	if (slot_value(word) == STATUS_LEFT) {
		if (s->place != IN_KERNEL || lot_on_slot_stack() ||
		    self()->sets.root != world->space[0].root || smp_cpu(M->current)->mm.space != &world->space[0])
			broken("left-too-early", "CPU %u says LEFT and still has something of the lot's", M->current);
		return;
	}
	if (!inside)
		broken("acknowledged-outside", "CPU %u answers %x and is not in the lot", M->current, slot_value(word));
	if (slot_value(word) != STATUS_PARKED && slot_value(word) != STATUS_HALTED)
		return;
	if (self()->sets.root != PLATFORM_PARK && !trusted)
		broken("acknowledged-outside", "CPU %u answers %x on root 0x%llx", M->current, slot_value(word),
		       (unsigned long long)self()->sets.root);
	s->parked = true;
	s->halted = slot_value(word) == STATUS_HALTED;
}

void lot_status_stored(unsigned slot, uint64_t word)
{
	if (slot == M->current) {
		own_status(word);
		promise_status(word);
	} else if (M->cpu[slot].seat.place == IN_LOT) {
		broken("slot-reused", "CPU %u writes the status of CPU %u, which is in the lot", M->current, slot);
	}
}

/* --- MONITOR and MWAIT ------------------------------------------------------------------------------------------- */

void lot_fence(void)
{
	struct seat *s = &self()->seat;

	s->flushed |= s->flushing;
	s->flushing = s->looked = false;
}

/* A load before it that no fence separates may come after it and bring the line back. */
void lot_clflush(const void *p)
{
	if (self()->seat.place == IN_LOT && p == &slot_of(M->current)->control)
		self()->seat.flushing = !self()->seat.looked;
}

void lot_monitor(const void *p)
{
	struct seat *s = &self()->seat;

	if (p != &slot_of(M->current)->control)
		broken("wrong-answer", "CPU %u monitors something else", M->current);
	if (!s->flushed)
		broken("monitor-on-cached-line", "CPU %u arms MONITOR on a line that its cache may hold", M->current);
	looks();
	/* A store that is visible before MONITOR triggers nothing any more. */
	memory_ask_visible(arena_offset(p));
	s->armed = true;
	s->triggered = s->flushed = false;
}

void lot_mwait(void)
{
	struct seat *s = &self()->seat;
	uint64_t command = arena_read(arena_offset(&slot_of(M->current)->control.command), 8);

	if (s->halted)
		broken("mwait-after-halt", "CPU %u waits for a store although it was told to halt", M->current);
	if (s->armed && !s->triggered && command != s->seen)
		broken("sleeps-on-news", "CPU %u goes to sleep and has not seen command 0x%llx", M->current,
		       (unsigned long long)command);
	if (!s->armed || s->triggered)
		return;
	if (parameters.mwait == MWAIT_RETURNS)
		twin_cpu_relax();
	else
		cpu_sleep();
	s->armed = false;
}
