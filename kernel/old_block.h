// SPDX-License-Identifier: MIT
/*
 * The block of the generation before (purgatory/plan.h), found by its header at the start of a reserved range and read
 * as hostile input: anything may lie there. Pure over (address, pointer, length); any context.
 */
#ifndef KERNEL_OLD_BLOCK_H
#define KERNEL_OLD_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"
#include "purgatory/plan.h"

/* A copy: nothing of the block is looked at twice. */
struct old_block {
	uint64_t base, size, generation;
	uint64_t report;		/* address of struct report_header, 0: none; not checked */
	uint32_t cpu_count;
	const uint32_t *cpus;		/* APIC IDs, inside the block, under its CRC */
	uint32_t range_count;
	struct block_range ranges[BLOCK_RANGES];	/* sorted, whole pages, apart; the block lies in one of them */
};

/* True if the 8 bytes at data are a block's magic. */
bool old_block_magic(const void *data);

/* address: where data lies; length: bytes of data that may be read, from address to the end of the reserved range at
 * most. E90 names the field: version, size, base, counts, offsets, checksum, a range that is empty, not of whole pages,
 * wraps or overlaps the one before. */
enum status old_block_parse(struct old_block *block, uint64_t address, const void *data, uint64_t length,
			    struct problem *problem) MUST_CHECK;

#endif
