// SPDX-License-Identifier: MIT
/* What each page of the self-test should be, and one CPU's access compared with it. kernel/selftest*.c only. */
#ifndef KERNEL_SELFTEST_MODEL_H
#define KERNEL_SELFTEST_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/random.h"
#include "lib/status.h"
#include "x86/atomic.h"

/* Regions of few pages each, in tables of their own, so that tables come and go with them. */
#define SELFTEST_REGIONS	4u
#define SELFTEST_REGION_PAGES	32u
#define SELFTEST_PAGES		(SELFTEST_REGIONS * SELFTEST_REGION_PAGES)

/*
 * A page's state word. W: boss, release: IN_CHANGE set before the first store to a table, the new state after the
 * operation has returned. R: any CPU, acquire, before and after an access: if both are the same and not IN_CHANGE, the
 * access must have gone as the state says.
 */
#define STATE_MAPPED	1u
#define STATE_WRITE	2u
#define STATE_EXEC	4u
#define STATE_IN_CHANGE	8u
#define STATE_CHANGE	(1ull << 8)	/* counts changes */
#define STATE_EPOCH	(1ull << 32)	/* counts mappings: the page's content names it */

/* One CPU's view. Plain, its own; the boss reads the counts after the CPU has ended. */
struct prober {
	uint32_t cpu;
	struct random random;
	uint64_t probes, faults, undecided;
};

/* Before anything else. nx: whether a page without EXEC refuses to be called. */
void model_start(bool nx);

uint64_t model_va(unsigned page);
uint64_t model_state(unsigned page);

/* Boss: from here to model_changed() nothing is certain about these pages. */
void model_in_change(unsigned first, unsigned count);

/* Boss: the operation is over, the pages have these rights (STATE_MAPPED and so on). */
void model_changed(unsigned first, unsigned count, unsigned rights, bool new_mapping);

/* The first page that was changed last. Any CPU. */
unsigned model_last_changed(void);

/* Fills a page that is to be mapped next as page: a tag of address and epoch, and something to call. */
void model_stamp(unsigned page, uint64_t *content);

/* One random access of the CPU to the page; false: it went as it must not, on this CPU or before on another. */
bool model_probe(struct prober *prober, unsigned page);

bool model_failed(void);

/* E70 with the first failure. After model_failed(). */
enum status model_problem(uint64_t seed, struct problem *problem);

#endif
