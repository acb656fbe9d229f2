// SPDX-License-Identifier: MIT
/*
 * Cache maintenance in its order (rule 6 of mm.h): what was written before, the write-back, what is told after.
 */
#ifndef MM_CACHE_H
#define MM_CACHE_H

#include <stdint.h>

#include "mm/mm.h"

/* CLFLUSH works on lines of at least this size everywhere (CPUID.1:EBX[15:8] is 8 or more quadwords). */
#define CACHE_LINE_BYTES	64

/* Writes the lines of [va, va + length) back to memory and drops them from all caches; complete when it returns.
 * The range is mapped. Any CPU, any context. */
void cache_writeback(uint64_t va, uint64_t length);

#endif
