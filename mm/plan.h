// SPDX-License-Identifier: MIT
/*
 * How many table pages a set of mappings needs: to size the block and for the report. Same page-size choice as
 * space_map(), no memory touched.
 */
#ifndef MM_PLAN_H
#define MM_PLAN_H

#include "mm/mm.h"

/* Counts on one stack frame; add mappings in ascending order of va. */
struct table_plan {
	unsigned levels;
	bool page_1g;
	uint64_t next_va;		/* lowest va that may be added */
	uint64_t last_region[6];	/* by level: region + 1 of the last table counted */
	uint64_t tables;		/* result, root included */
};

void table_plan_begin(struct table_plan *plan, unsigned levels, const struct mm_features *features);

/* E53: not ascending, misaligned, or it wraps. */
enum status table_plan_add(struct table_plan *plan, uint64_t va, uint64_t pa, uint64_t length,
			   enum mm_page_size max_size, struct problem *problem);

#endif
