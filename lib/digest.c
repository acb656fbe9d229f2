// SPDX-License-Identifier: MIT
#include "lib/digest.h"

#include "lib/crc32.h"
#include "lib/sha256.h"
#include "lib/string.h"

/* The two digests alternate in steps that are short enough for the CPU to run the end of one and the beginning of the
 * other side by side: 14 % faster than a page of each (make bench-sha256). A multiple of SHA256_BLOCK. */
#define STEP_BYTES 512u

/* Takes the whole blocks of a page into state; returns the page's CRC. */
static uint32_t page_take(uint32_t state[8], const uint8_t *p, uint32_t length)
{
	uint32_t crc = 0;

	while (length) {
		uint32_t bytes = length < STEP_BYTES ? length : STEP_BYTES;

		sha256_blocks(state, p, bytes / SHA256_BLOCK);
		crc = crc32c(crc, p, bytes);
		p += bytes;
		length -= bytes;
	}
	return crc;
}

void chunk_digest_compute(struct chunk_digest *out, const void *data, uint32_t length)
{
	const uint8_t *p = data;
	uint32_t state[8], page = 0, left = length;

	memset(out->page_crc32c, 0, sizeof(out->page_crc32c));
	sha256_start(state);
	while (left) {
		uint32_t bytes = left < PAGE_BYTES ? left : PAGE_BYTES;

		out->page_crc32c[page++] = page_take(state, p, bytes);
		p += bytes;
		left -= bytes;
	}
	sha256_finish(state, p - length % SHA256_BLOCK, length % SHA256_BLOCK, length, out->sha256);
}
