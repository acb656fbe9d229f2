// SPDX-License-Identifier: MIT
/*
 * An identity map from a list of ranges in which later ones win: RAM first, then text, rodata, data, devices,
 * guard pages (MM_NONE). Neighbours with the same rights are joined, so large pages are used where they fit;
 * below 2 MiB pages are 4 KiB, as fixed MTRRs give that area several memory types (SDM 3A 11.11.9).
 */
#ifndef MM_IDENTITY_H
#define MM_IDENTITY_H

#include <stdint.h>

#include "mm/mm.h"
#include "mm/space.h"

/* base and size are multiples of 4 KiB. */
struct identity_range {
	uint64_t base, size;
	mm_prot prot;
	enum mm_page_size max_size;	/* 4K also where a range must never be split later (space.h, pinned) */
	const char *what;		/* for messages */
};

/* Maps the list into space, which has nothing there yet. E53 names the range, E50. On failure the caller
 * destroys the space. */
enum status identity_map(struct space *space, const struct identity_range *ranges, unsigned count,
			 struct problem *problem);

/* Table pages (root included) that identity_map() would use on an empty space. */
enum status identity_count_tables(unsigned levels, const struct mm_features *features,
				  const struct identity_range *ranges, unsigned count, uint64_t *tables,
				  struct problem *problem);

#endif
