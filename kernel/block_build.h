// SPDX-License-Identifier: MIT
/* Between kernel/block.c (contents) and kernel/block_map.c (the three roots) only. */
#ifndef KERNEL_BLOCK_BUILD_H
#define KERNEL_BLOCK_BUILD_H

#include <stdint.h>

#include "kernel/block.h"

#define BLOCK_BOSS_IDT	(BLOB_GATES * 16u)	/* offset from the lot's IDT */

/* Offsets from the block's start; idt, tables, blob, code, data and slots page aligned. */
struct block_layout {
	uint64_t plan, cpu_list, recall, ranges, fallback, idt, tables, blob, code, data, slots, end;
};

struct block_layout block_layout(unsigned cpu_count, unsigned table_pages);

/* Park, verify and hand-over root in b's page pool (protocol rule 6). */
enum status MUST_CHECK block_build_roots(struct block *b, const struct block_layout *l, const struct block_config *c,
					 struct problem *problem);

#endif
