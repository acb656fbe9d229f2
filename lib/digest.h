// SPDX-License-Identifier: MIT
/*
 * Units of verification (protocol rule 20), shared by the loader that reads and the block that checks.
 */
#ifndef LIB_DIGEST_H
#define LIB_DIGEST_H

#include <stdint.h>

#define CHUNK_BYTES	(1u << 20)			/* SHA-256 per chunk */
#define PAGE_BYTES	4096u				/* CRC32C per page of a chunk */

enum segment_kind {
	SEGMENT_KERNEL = 1, SEGMENT_INITRD, SEGMENT_BOOT_PARAMS, SEGMENT_CMDLINE, SEGMENT_SETUP_DATA,
	SEGMENT_BLOCK, SEGMENT_OTHER,
};

/* One chunk's digests. The table lies outside the block in reserved memory; its own SHA-256 is in the plan. */
struct chunk_digest {
	uint8_t sha256[32];
	uint32_t page_crc32c[CHUNK_BYTES / PAGE_BYTES];	/* last page of a segment: only its bytes */
};

_Static_assert(sizeof(struct chunk_digest) == 32 + 1024, "chunk_digest is an ABI");

/* Digests length (1..CHUNK_BYTES) bytes at data into out, both kinds in one pass. Page entries beyond
 * length are zeroed. Any context; needs vector state only if sha256_select() chose it (sha256.h). Takes some 400
 * bytes of stack with all it calls. */
void chunk_digest_compute(struct chunk_digest *out, const void *data, uint32_t length);

#endif
