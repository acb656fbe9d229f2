// SPDX-License-Identifier: MIT
#include "mm/cache.h"

#include "x86/cpu.h"

void cache_writeback(uint64_t va, uint64_t length)
{
	uint64_t line = va & ~(uint64_t)(CACHE_LINE_BYTES - 1);

	/* order: stores to the range before its write-back. pairs with: whoever reads memory past the caches. else:
	 * old AMD CPUs order CLFLUSH by MFENCE only, and the last stores stay behind. */
	cpu_mfence();
	for (; line < va + length; line += CACHE_LINE_BYTES)
		cpu_clflush((const void *)(uintptr_t)line);
	/* order: the write-back before the store that tells of it. pairs with: as above. else: the reader is told of
	 * data that is still in a cache (the arm64 lesson). */
	cpu_mfence();
}
