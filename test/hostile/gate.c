// SPDX-License-Identifier: MIT
/*
 * The lot's NMI and #MC gates, as purgatory/gates.S has them: its instructions run on a copy of the slot, and what they did
 * there is compared with what they may do (protocol rule 3), and taken over.
 */
#include <string.h>

#include "purgatory/slot.h"
#include "test/hostile/internal.h"
#include "test/hostile/platform.h"
#include "x86/regs.h"

#define MARGIN	SLOT_BYTES		/* a gate that is wrong may write beside the slot */

struct frame { uint64_t rip, cs, rflags, rsp, ss; };

extern const uint8_t lot_gates[], lot_start[];
extern uint64_t hostile_gate_rsp, hostile_gate_value;
extern uint32_t hostile_gate_msr;
void hostile_gate_run(uint64_t gate, uint64_t rsp);

static struct { uint8_t before[MARGIN]; struct slot slot; uint8_t after[MARGIN]; } copy __attribute__((aligned(4096)));

/* The fresh frame: start of the loop, top of the main stack, interrupts off. */
static void check_restart(void)
{
	const struct frame *f = (const struct frame *)hostile_gate_rsp;
	uint64_t top = (uint64_t)&copy.slot + SLOT_STACK_TOP;

	if (hostile_gate_rsp != top - sizeof(*f) || f->rip != (uint64_t)lot_start || f->cs != SEL_CODE || f->rflags != 2 ||
	    f->rsp != top || f->ss != SEL_DATA)
		broken("gate-restarts-elsewhere", "CPU %u: a gate's IRETQ has its frame at slot + 0x%llx", M->current,
		       (unsigned long long)(hostile_gate_rsp - (uint64_t)&copy.slot));
}

/* Nothing but its counter and the stacks. */
static void check_writes(const struct slot *slot, uint32_t counter)
{
	const uint8_t *was = (const uint8_t *)slot, *is = (const uint8_t *)&copy.slot;
	size_t i;

	for (i = 0; i < offsetof(struct slot, stack); i++)
		if (was[i] != is[i] && i - counter >= 4)
			broken("gate-writes", "CPU %u: a gate changes slot + 0x%zx", M->current, i);
	for (i = 0; i < MARGIN; i++)
		if (copy.before[i] || copy.after[i])
			broken("gate-writes", "CPU %u: a gate writes beside the slot", M->current);
}

bool gate_run(unsigned vector, uint32_t ist_top, uint32_t counter)
{
	struct slot *slot = slot_of(M->current);
	uint64_t top = (uint64_t)&copy.slot + ist_top;
	shared_u32 *count = (shared_u32 *)((uint8_t *)slot + counter);
	uint32_t was = (uint32_t)arena_read(arena_offset(count), 4);

	memset(&copy, 0, sizeof(copy));
	memcpy(&copy.slot, slot, sizeof(copy.slot));
	memcpy((uint8_t *)&copy.slot + counter, &was, sizeof(was));
	hostile_gate_rsp = hostile_gate_value = hostile_gate_msr = 0;
	hostile_gate_run((uint64_t)lot_gates + vector * BLOB_GATE_BYTES, top - sizeof(struct frame));
	check_restart();
	check_writes(slot, counter);
	if (memcmp((uint8_t *)&copy.slot + counter, &(uint32_t){ was + 1 }, sizeof(was)))
		broken("gate-not-counted", "CPU %u: vector %u is not counted once", M->current, vector);
	shared_add_seq_cst_u32(count, 1);
	return hostile_gate_msr == MSR_MCG_STATUS && !hostile_gate_value;
}
