// SPDX-License-Identifier: MIT
#include "purgatory/seal.h"

#include "lib/crc32.h"
#include "x86/cpu.h"

#define LINE_BYTES 64u			/* CLFLUSH: no CPU with long mode has smaller lines */

/* order: stores before CLFLUSH before the end. pairs with: the next start's reader. else: the record dies in a cache
 * with the reset. MFENCE on both sides orders CLFLUSH on every vendor. */
void seal_report(struct report_header *r)
{
	uint32_t at;

	r->crc32 = 0;
	r->crc32 = crc32(0, r, r->total_size);
	/* order: the report before its write-back. pairs with: memory after a reset. else: its last lines are lost */
	cpu_mfence();
	for (at = 0; at < r->total_size; at += LINE_BYTES)
		cpu_clflush((const uint8_t *)r + at);
	cpu_clflush((const uint8_t *)r + r->total_size - 1);
	/* order: the write-back before the reset. pairs with: as above. else: as above */
	cpu_mfence();
}
