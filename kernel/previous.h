// SPDX-License-Identifier: MIT
/*
 * What a Baton before this one left: its block, found by its header in a reserved range, its report, and
 * the memory that both of them keep. The order is protocol rules 7 and 12: the memory is free again in the map that the
 * next kernel gets, but nobody here uses it before every CPU that the block lists has arrived in this trampoline.
 */
#ifndef KERNEL_PREVIOUS_H
#define KERNEL_PREVIOUS_H

#include <stdbool.h>

#include "boot/boot_info.h"
#include "kernel/old_block.h"
#include "kernel/old_report.h"
#include "lib/status.h"

struct previous {
	bool found;
	struct old_block block;
	const struct report_header *report;	/* in the old block's memory, checked; NULL: none, or no longer there */
	char owner[BLOCK_RANGES][16];	/* what the report calls each of the block's ranges */
};

extern struct previous previous;

/* Looks for a block in info->efi_map (prepared) where the loader's tables show memory (info->readable). Of several
 * the latest counts. What is damaged is noted and stays reserved. Reads only. Context: door 2, before anything is
 * placed. */
void previous_find(struct boot_info *info);

/* Makes the old reservations free in the map, but keeps them out of use. Before any reservation of this generation.
 * E50, E51. */
enum status MUST_CHECK previous_take_back(struct boot_info *info, struct problem *problem);

/* With every verdict of this bring-up given. E88 names the first CPU of the old block that is unaccounted for: the old
 * ranges are reserved again and stay so; nobody will ever take them back. */
enum status MUST_CHECK previous_release(struct boot_info *info, struct problem *problem);

#endif
