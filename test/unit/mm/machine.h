// SPDX-License-Identifier: MIT
/*
 * A small hostile machine for unit tests: two CPUs whose TLBs and paging-structure caches hold everything they
 * may. Each CPU's set is closed under walks after every store to a table that it can reach; only what a flush
 * removes leaves it, and what memory still allows comes back at once. Violations fail the running test:
 * a page freed while in a set, two sizes, frames or memory types for one address, a walk into a freed page,
 * a table page or a stale answer left after an operation, write-combining stores pending at a free.
 *
 * CPU 0 runs the code under test; CPU 1 is reached by the flush hook. The page-table parser here is written from
 * the manual, apart from mm/table.h.
 */
#ifndef TEST_UNIT_MM_MACHINE_H
#define TEST_UNIT_MM_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mm/flush.h"
#include "mm/phys.h"
#include "mm/source.h"
#include "mm/space.h"

#define MACHINE_BASE	0x10000000ull		/* physical address of the arena that table pages come from */
#define MACHINE_PAGES	2048u

struct machine {
	struct phys phys;
	struct page_source tables;	/* from phys, checked at each free */
	struct page_source data;	/* the same for pages that a space maps */
	uint64_t window, window_bytes;	/* virtual addresses watched */
	bool watch;			/* the CPUs have a root loaded and are checked */
	bool deaf;			/* CPU 1 does not acknowledge */
	unsigned flushes;		/* calls of the hook */
	unsigned whole_flushes, invlpgs, frees;	/* CPU 0 */
	uint64_t last_generation;
	void (*preempt)(void);		/* called once, before the visible step after preempt_after others */
	unsigned preempt_after;
	struct flush_request last_request;
};

extern struct machine machine;

/* Fresh memory of pages pages, no roots loaded, hook installed. */
void machine_start(unsigned pages);
void machine_stop(void);

/* Until the case ends a use of memory that is not there at all is a failed check of it, not a crash, which names none.
 * Called by the case itself: cmocka sets handlers of its own before each. */
void machine_faults_are_failures(void);

/* Both CPUs load the root and cache what they can. window: what is watched, in bytes. */
void machine_load(const struct space *space, uint64_t window, uint64_t bytes);

/* What runs from here on runs on that CPU; 0 at first. Returns the one before. */
unsigned machine_on_cpu(unsigned cpu);

/* Both CPUs load something else. */
void machine_unload(void);

/* After an operation: every CPU's answers equal the tables'. */
void machine_check(void);

/* What the manual says va means under this root. false: not present. */
struct parsed { uint64_t phys, bytes; bool write, exec; unsigned pat; bool accessed, dirty, user, global; };
bool machine_parse(uint64_t root, unsigned levels, uint64_t va, struct parsed *parsed);

/* Table pages reachable from root, itself included. */
unsigned machine_count_tables(uint64_t root, unsigned levels);

/* Deterministic random numbers. */
uint64_t machine_random(uint64_t *state);

extern const struct mm_features machine_features;

#endif
