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
#define COUNT_BYTES 8			/* a gate's first instruction */

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

static uint64_t gate(unsigned vector)
{
	return (uint64_t)lot_gates + vector * BLOB_GATE_BYTES;
}

/* On a fresh copy of the slot. at: what it comes into. */
static void run(const struct slot *slot, unsigned vector, uint32_t ist_top, const struct frame *at)
{
	uint8_t *top = (uint8_t *)&copy.slot + ist_top;

	memset(&copy, 0, sizeof(copy));
	memcpy(&copy.slot, slot, sizeof(copy.slot));
	memcpy(top - sizeof(*at), at, sizeof(*at));
	hostile_gate_rsp = hostile_gate_value = hostile_gate_msr = 0;
	hostile_gate_run(gate(vector), (uint64_t)(top - sizeof(*at)));
	check_restart();
}

static uint32_t counted(uint32_t counter)
{
	uint32_t count;

	memcpy(&count, (uint8_t *)&copy.slot + counter, sizeof(count));
	return count;
}

/* vector comes into the other gate at rip: this many more are counted then, and MCIP goes. */
static void check_nested(unsigned vector, uint64_t rip, uint32_t nmis, uint32_t mcs)
{
	static struct slot zero;
	uint32_t top = vector == 2 ? SLOT_IST_NMI_TOP : SLOT_IST_MC_TOP, other = vector == 2 ? SLOT_IST_MC_TOP : SLOT_IST_NMI_TOP;
	struct frame at = { rip, SEL_CODE, 2, (uint64_t)&copy.slot + other - sizeof(at), SEL_DATA };

	run(&zero, vector, top, &at);
	if (counted(SLOT_NMI_COUNT) != nmis || counted(SLOT_MC_COUNT) != mcs)
		broken("gate-not-counted", "CPU %u: vector %u in the other's gate: %u NMIs and %u machine checks counted",
		       M->current, vector, counted(SLOT_NMI_COUNT), counted(SLOT_MC_COUNT));
	if (hostile_gate_msr != MSR_MCG_STATUS || hostile_gate_value)
		broken("shutdown", "CPU %u: vector %u in the other's gate leaves MCIP set", M->current, vector);
}

/* An NMI and a machine check may come into each other's gate, before its first instruction, which counts, and behind it. No
 * state matters, so once for all runs. */
static void check_each_in_the_other(void)
{
	static bool checked;

	if (checked)
		return;
	check_nested(2, gate(18), 1, 1);
	check_nested(2, gate(18) + COUNT_BYTES, 1, 0);
	check_nested(18, gate(2), 1, 1);
	check_nested(18, gate(2) + COUNT_BYTES, 0, 1);
	checked = true;
}

bool gate_run(unsigned vector, uint32_t ist_top, uint32_t counter)
{
	struct slot *slot = slot_of(M->current);
	shared_u32 *count = (shared_u32 *)((uint8_t *)slot + counter);
	struct frame loop = { .rip = (uint64_t)lot_start };
	uint32_t was;

	check_each_in_the_other();
	memcpy(&was, (uint8_t *)slot + counter, sizeof(was));
	run(slot, vector, ist_top, &loop);
	check_writes(slot, counter);
	if (counted(counter) != was + 1)
		broken("gate-not-counted", "CPU %u: vector %u is not counted once", M->current, vector);
	if (vector == 2 && hostile_gate_msr)
		broken("gate-writes", "CPU %u: the NMI gate writes MSR 0x%x, which need not be there", M->current,
		       hostile_gate_msr);
	shared_add_seq_cst_u32(count, 1);
	return hostile_gate_msr == MSR_MCG_STATUS && !hostile_gate_value;
}
