// SPDX-License-Identifier: MIT
#include "mm/load.h"

#include <stddef.h>

#include "x86/cpu.h"

static shared_u64 *mask_word(struct space *space, const struct mm_cpu *cpu)
{
	return &space->cpus[cpu->index / 64];
}

static uint64_t mask_bit(const struct mm_cpu *cpu)
{
	return 1ull << cpu->index % 64;
}

static void mask_clear(struct mm_cpu *cpu)
{
	/* order: the new CR3 before the cleared bit. pairs with: flush_wanted(), check_alone(). else: a flusher
	 * leaves this CPU out and frees tables that its walker still reads. */
	shared_and_seq_cst_u64(mask_word(cpu->space, cpu), ~mask_bit(cpu));
}

void space_load(struct mm_cpu *cpu, struct space *space)
{
	bool irq_on = cpu_irq_save();
	uint64_t generation;

	/* order: this CPU's bit before it reads the generation and before its walker reads any entry. pairs with:
	 * flush_space(). else: neither sees the other, and this CPU keeps an entry that was cleared (Ahmed 2024). */
	shared_or_seq_cst_u64(mask_word(space, cpu), mask_bit(cpu));
	/* order: the generation before CR3. pairs with: flush_space(). else: a change between the two counts as
	 * flushed although its old entry was cached. x86 keeps loads in order. */
	generation = shared_load_acquire_u64(&space->generation);
	cpu_write_cr3(space_cr3(space));	/* reads the mode: after the bit as well */
	if (cpu->space && cpu->space != space)
		mask_clear(cpu);
	cpu->space = space;
	cpu->generation = generation;
	/* A flush that was called for meanwhile is served now: before, it would not have known this space for the
	 * loaded one, and a new mode would have been overwritten. */
	cpu_irq_restore(irq_on);
}

void space_left(struct mm_cpu *cpu)
{
	if (cpu->space)
		mask_clear(cpu);
	cpu->space = NULL;
}

void space_leave(struct mm_cpu *cpu, uint64_t cr3)
{
	cpu_write_cr3(cr3);
	space_left(cpu);
}

void mm_cpu_lazy(struct mm_cpu *cpu)
{
	/* order: the last use of the space before the word that says so. pairs with: flush_wanted(). else: a flush
	 * leaves out a CPU that still uses the old entry. */
	shared_exchange_seq_cst_u32(&cpu->lazy, 1);
}

/* Everything, if the space changed since this CPU's last flush. */
static void catch_up(struct mm_cpu *cpu)
{
	/* order: the generation before the flush. pairs with: flush_space(). else: a change after the flush counts as
	 * flushed. The flush instruction is serialising. */
	uint64_t generation = shared_load_acquire_u64(&cpu->space->generation);
	const struct flush_request whole = { .space = cpu->space, .whole = true, .generation = generation };

	if (generation == cpu->generation)
		return;
	flush_here(&whole);
	cpu->generation = generation;
}

void mm_cpu_busy(struct mm_cpu *cpu)
{
	/* order: not lazy before a look at the generation. pairs with: flush_wanted(). else: the flusher still sees
	 * a lazy CPU, this CPU the old generation, and nobody flushes. */
	shared_exchange_seq_cst_u32(&cpu->lazy, 0);
	if (cpu->space)
		catch_up(cpu);
}

bool flush_wanted(const struct flush_request *request, const struct mm_cpu *cpu)
{
	const shared_u64 *word = &request->space->cpus[cpu->index / 64];

	/* order: the generation (locked add in flush_space()) before the mask and the lazy word. pairs with:
	 * space_load(), mask_clear(), mm_cpu_lazy(), mm_cpu_busy(). else: as there. */
	if (!(shared_load_acquire_u64(word) & mask_bit(cpu)))
		return false;
	return request->everyone || !shared_load_acquire_u32(&cpu->lazy);
}

void flush_on_cpu(struct mm_cpu *cpu, const struct flush_request *request)
{
	/* The space was left since the call was made, or a later flush has covered this one. */
	if (cpu->space != request->space || cpu->generation >= request->generation) {
		/* order: write-combining stores before the acknowledgement (rule 3). pairs with: gather_flush().
		 * else: they land in a frame after its reuse. */
		cpu_sfence();
		return;
	}
	if (request->generation == cpu->generation + 1 &&
	    request->generation == shared_load_relaxed_u64(&request->space->generation)) {
		flush_here(request);
		cpu->generation = request->generation;
		return;
	}
	catch_up(cpu);
}
