// SPDX-License-Identifier: MIT
/*
 * CRC-32 (IEEE 802.3, as in zip) and CRC-32C (Castagnoli). Chained as zlib does: seed 0 starts, the result of one
 * piece is the seed of the next; the inversions are inside. Any context, general registers only.
 */
#ifndef LIB_CRC32_H
#define LIB_CRC32_H

#include <stddef.h>
#include <stdint.h>

#include "lib/engine.h"

enum crc32c_engine { CRC32C_TABLE, CRC32C_SSE42 };

uint32_t crc32(uint32_t seed, const void *data, size_t bytes);
uint32_t crc32c(uint32_t seed, const void *data, size_t bytes);

/* crc32c() by one engine; the second needs CPUID's SSE4.2 bit. */
uint32_t crc32c_table(uint32_t seed, const void *data, size_t bytes);
uint32_t crc32c_sse42(uint32_t seed, const void *data, size_t bytes);

/* engines_select()'s part (lib/engine.h): the instruction is allowed if CPUID has it, and an emulator may do it slower
 * than the table. Table before. Returns the choice. */
enum crc32c_engine crc32c_select(struct engines *engines);

/* The same for crc32(), which has one engine. */
void crc32_test(struct engines *engines);

#endif
