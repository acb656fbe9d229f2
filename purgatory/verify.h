// SPDX-License-Identifier: MIT
/* Digests in place (protocol rule 20): used by the boss and by every helper at once, on any root that maps the
 * segments. Nothing is written but what the caller passes. */
#ifndef PURGATORY_VERIFY_H
#define PURGATORY_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "purgatory/plan.h"

#define VERIFY_NONE	0xffffffffu

/* Where a chunk of the digest table lies. False: no such index. */
struct verify_chunk { uint64_t address; uint32_t bytes; uint32_t segment; };
bool verify_locate(const struct plan *plan, uint32_t index, struct verify_chunk *chunk);

/* SHA-256 of chunk index into actual; true: as in the table. Stack: under 400 bytes with all it calls. */
bool verify_chunk(const struct plan *plan, uint32_t index, uint8_t actual[32]);

/* The table's own SHA-256 against the plan's. */
bool verify_table(const struct plan *plan);

/* The plan's own SHA-256 against the block header's, and the header's CRC. */
bool verify_plan(const struct block_header *header);

/* Address of the first byte of the zero tail that is not zero, 0: all zero. */
uint64_t verify_tail(const struct plan_segment *segment);

/* Physical address of the chunk's first page whose CRC32C differs, 0: none does. */
uint64_t verify_bad_page(const struct plan *plan, uint32_t index);

/* Offset of the first line of VERIFY_LINE bytes in which the two differ, bytes if none does. */
#define VERIFY_LINE	16u
uint32_t verify_first_line(const void *expected, const void *actual, uint32_t bytes);

#endif
