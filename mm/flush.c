// SPDX-License-Identifier: MIT
#include "mm/flush.h"

#include "mm/space.h"
#include "mm/table.h"
#include "x86/cpu.h"

static mm_flush_others_fn flush_others;

void mm_set_flush_others(mm_flush_others_fn fn)
{
	flush_others = fn;
}

bool flush_space(struct space *space, uint64_t first, uint64_t last, uint64_t stride, bool tables, bool everyone)
{
	struct flush_request request = {
		.space = space, .first = first, .last = last, .stride = stride, .everyone = everyone,
		.whole = tables || (last - first) / stride >= FLUSH_RANGE_PAGES,
	};

	/* order: the changed entries before the new generation, and both before any look at which CPUs run the
	 * space. pairs with: space_load(), catch_up(). else: a CPU keeps old entries and sees nothing to
	 * catch up with (rule 4). */
	request.generation = shared_add_seq_cst_u64(&space->generation, 1) + 1;
	flush_here(&request);
	return !flush_others || flush_others(&request);
}

void flush_here(const struct flush_request *request)
{
	uint64_t va = request->first;

	if (request->whole) {
		/* A flush served between the look at the mode and CR3 would be undone: the old mode again. */
		bool irq_on = cpu_irq_save();
		uint64_t cr3 = cpu_read_cr3();

		/* With the mode that the space has now (lam.h); another root is none of this flush's business. */
		if ((cr3 & PTE_ADDRESS) == request->space->root)
			cr3 = space_cr3(request->space);
		/* Nothing is global and PCID is off: this drops all translations and all cached table pointers. */
		cpu_write_cr3(cr3);
		cpu_irq_restore(irq_on);
	} else {
		for (;;) {
			cpu_invlpg(va);
			if (request->last - va < request->stride)
				break;
			va += request->stride;
		}
	}
	/* order: write-combining stores before the acknowledgement that follows (rule 3). pairs with:
	 * gather_flush() freeing the frame. else: a streaming store lands in it after its reuse. */
	cpu_sfence();
}
