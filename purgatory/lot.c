// SPDX-License-Identifier: MIT
#include "purgatory/lot.h"

#include "purgatory/lot_fault.h"
#include "purgatory/verify.h"
#include "x86/cpu.h"
#include "x86/regs.h"

static void answer(struct slot *slot, uint32_t sequence, enum slot_status status)
{
	/* order: work's results before status. pairs with: boss_answered(). else: the boss reads an old bad_chunk */
	shared_store_release_u64(&slot->status, slot_word(sequence, status));
}

/* First turn: the block's own world, proven by reading it back, then PARKED (protocol rules 1, 2). Here and not in
 * lot_enter, since an NMI after its LIDT restarts the loop. */
static void lot_arrive(struct slot *slot)
{
	cpu_write_cr4(cpu_read_cr4() & ~(uint64_t)CR4_PGE);
	cpu_write_cr3(slot->park_root);
	lot_read_evidence(&slot->evidence);
	answer(slot, 0, STATUS_PARKED);
}

/* Nothing to do: sleep. mode says how, but HLT for good once HALT has been seen (protocol rule 8). */
static void lot_sleep(struct slot *slot, uint64_t seen)
{
	if (slot->mode != MODE_MWAIT || slot_value(seen) == COMMAND_HALT) {
		cpu_hlt();
		return;
	}
	/* order: earlier stores, then CLFLUSH, then MONITOR. pairs with: the cache, not a CPU. else: the line is in it
	 * again when MONITOR is armed, which may miss a store to it (erratum AAI65). */
	cpu_mfence();
	cpu_clflush(&slot->control);
	cpu_mfence();
	if (lot_fault_slept(slot))
		return;
	cpu_monitor(&slot->control);
	/* order: MONITOR before this load. pairs with: give(). else: a store between the caller's look and
	 * MONITOR wakes nobody. A load does not pass MONITOR (SDM 2B: ordered as a load, and so is this one). */
	if (shared_load_acquire_u64(&slot->control.command) == seen)
		cpu_mwait();
}

/* One chunk of VERIFY. Written before reading, so that a gate's restart knows where it happened. */
static void verify_step(struct slot *slot, const struct plan *plan, uint32_t chunk)
{
	uint8_t actual[32];

	/* order: next_chunk before the read. pairs with: lot_verify() on this CPU after a restart. else: an #MC is put
	 * down to the wrong chunk. One CPU: only the compiler could reorder. */
	shared_store_release_u32(&slot->next_chunk, chunk);
	if (!verify_chunk(plan, chunk, actual))
		shared_store_relaxed_u32(&slot->bad_chunk, chunk);
}

/* VERIFY by stripe, idempotent: after a restart the current chunk is done again, unless #MC struck while it was
 * read: then it is never touched again and counts as a mismatch (protocol rule 3). */
static void lot_verify(struct slot *slot, uint64_t command)
{
	const struct plan *plan = cpu_phys_pointer(slot->plan);
	uint32_t first = shared_load_relaxed_u32(&slot->control.work_first);
	uint32_t stride = shared_load_relaxed_u32(&slot->control.work_stride);
	uint32_t chunk;

	if (shared_load_relaxed_u64(&slot->status) != slot_word(slot_sequence(command), STATUS_VERIFYING)) {
		shared_store_relaxed_u32(&slot->bad_chunk, VERIFY_NONE);
		shared_store_relaxed_u32(&slot->mc_chunk, VERIFY_NONE);
		shared_store_relaxed_u32(&slot->next_chunk, first);
		shared_store_relaxed_u64(&slot->verify_start, cpu_rdtsc());
		shared_store_relaxed_u32(&slot->mc_seen, shared_load_relaxed_u32(&slot->mc_count));
		answer(slot, slot_sequence(command), STATUS_VERIFYING);
	}
	/* order: next_chunk before mc_count is looked at. pairs with: verify_step(). else: as there */
	chunk = shared_load_acquire_u32(&slot->next_chunk);
	if (shared_load_relaxed_u32(&slot->mc_seen) != shared_load_relaxed_u32(&slot->mc_count)) {
		shared_store_relaxed_u32(&slot->mc_chunk, chunk);
		shared_store_relaxed_u32(&slot->bad_chunk, chunk);
	}
	cpu_write_cr4(cpu_read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
	cpu_write_cr3(plan->verify_root);
	while (stride && chunk < plan->digest_count && shared_load_relaxed_u32(&slot->bad_chunk) == VERIFY_NONE) {
		/* A relaxed look is enough: lot_turn() reads the new command with acquire. */
		if (shared_load_relaxed_u64(&slot->control.command) != command)
			return;			/* the boss gave up on us */
		verify_step(slot, plan, chunk);
		chunk = stride < plan->digest_count - chunk ? chunk + stride : plan->digest_count;
	}
	shared_store_relaxed_u64(&slot->verify_ticks, cpu_rdtsc() - shared_load_relaxed_u64(&slot->verify_start));
	answer(slot, slot_sequence(command), STATUS_VERIFIED);
}

bool lot_turn(struct slot *slot)
{
	uint64_t status = shared_load_relaxed_u64(&slot->status);
	uint64_t command;

	shared_store_relaxed_u32(&slot->wakeups, shared_load_relaxed_u32(&slot->wakeups) + 1);
	if (slot_value(status) == STATUS_EMPTY) {
		lot_arrive(slot);
		return true;
	}
	/* order: command before its work. pairs with: give(). else: VERIFY with an older stripe */
	command = shared_load_acquire_u64(&slot->control.command);
	if (slot_sequence(command) == slot_sequence(status) && slot_value(status) != STATUS_VERIFYING) {
		lot_sleep(slot, command);
		return true;
	}
	lot_fault(slot);
	switch (slot_value(command)) {
	case COMMAND_VERIFY:
		lot_verify(slot, command);
		return true;
	case COMMAND_HALT:
		cpu_write_cr3(slot->park_root);		/* before the answer: protocol rule 6 */
		answer(slot, slot_sequence(command), STATUS_HALTED);
		return true;
	case COMMAND_LEAVE:
		return false;
	default:
		lot_sleep(slot, command);
		return true;
	}
}

void lot_loop(struct slot *slot)
{
	while (lot_turn(slot))
		;
}
