// SPDX-License-Identifier: MIT
/*
 * Which CPU runs which space: rule 4 of mm.h, and lazy CPUs as rule 2 says. Each CPU owns one struct mm_cpu; a flush
 * looks at it to know whom to call, the CPU itself to know what it has missed.
 *
 * A CPU that idles may call itself lazy: it keeps the space loaded and promises not to use it. It is then left out
 * of flushes after which nothing is freed and no size or type changes; it catches up before it uses the space again.
 */
#ifndef MM_LOAD_H
#define MM_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "mm/flush.h"
#include "mm/space.h"
#include "x86/atomic.h"

/* Zeroed, then index set, before the first space_load(). Lives as long as the CPU. */
struct mm_cpu {
	unsigned index;			/* below MM_CPUS; constant */
	uint64_t generation;		/* of the loaded space, as of this CPU's last flush; owner only */
	struct space *space;		/* loaded; NULL: none; owner only */
	shared_u32 lazy;		/* W: owner, seq_cst. R: the flusher, after the space's generation moved */
};

/* Loads the space's root and leaves the space loaded before. Owner; a flush that arrives meanwhile is served after. */
void space_load(struct mm_cpu *cpu, struct space *space);

/* Loads a root that mm/ does not know (the park root) and leaves the space. Owner. */
void space_leave(struct mm_cpu *cpu, uint64_t cr3);

/* Takes a CPU out of its space's mask that has proven in another way to run on another root (evidence from the lot: its
 * CR3 read back). The owner waits there and does not touch its struct. Any CPU. */
void space_left(struct mm_cpu *cpu);

/* The owner stops using the space; and starts again, flushing if it missed anything. */
void mm_cpu_lazy(struct mm_cpu *cpu);
void mm_cpu_busy(struct mm_cpu *cpu);

/* Must this CPU take part in the flush? Asked by the hook of flush.h on the flushing CPU. */
bool flush_wanted(const struct flush_request *request, const struct mm_cpu *cpu);

/* The receiving half where CPUs keep a struct mm_cpu: as flush_here(), but nothing is done twice and what was missed
 * is made up for. Owner, in the cross call's handler; acknowledges after it returns. */
void flush_on_cpu(struct mm_cpu *cpu, const struct flush_request *request);

#endif
