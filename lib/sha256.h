// SPDX-License-Identifier: MIT
/*
 * SHA-256 (FIPS 180-4) with two engines: plain C (lib/sha256_plain.h) and the SHA instructions (lib/sha256_ni.h).
 * The choice is one variable per linked image, plain until engines_select() decides otherwise; it is made by one CPU
 * before others hash, and every CPU that hashes after it must have CR4.OSFXSR set and a stack aligned as the ABI says.
 * Stack: one function's frame is under 200 bytes.
 */
#ifndef LIB_SHA256_H
#define LIB_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "lib/engine.h"

#define SHA256_BYTES	32u
#define SHA256_BLOCK	64u

enum sha256_engine { SHA256_PLAIN, SHA256_NI };

/* Owned by the caller, no pointers inside: may be copied to fork a digest. */
struct sha256_ctx {
	uint32_t state[8];
	uint64_t bytes;			/* taken so far */
	uint8_t pending[SHA256_BLOCK];	/* bytes % 64 of them */
};

/* Any context, any number of contexts at a time. */
void sha256_init(struct sha256_ctx *ctx);
void sha256_update(struct sha256_ctx *ctx, const void *data, size_t bytes);
void sha256_final(struct sha256_ctx *ctx, uint8_t out[SHA256_BYTES]);

/* One call for one piece of memory; with all it calls under 400 bytes of stack. */
void sha256_compute(uint8_t out[SHA256_BYTES], const void *data, size_t bytes);

/* The parts, for callers with whole blocks and little stack: initial state; any number of whole blocks by the
 * engine in use; then the last rest_bytes (under 64) of bytes in total. */
void sha256_start(uint32_t state[8]);
void sha256_blocks(uint32_t state[8], const uint8_t *data, size_t blocks);
void sha256_finish(uint32_t state[8], const void *rest, size_t rest_bytes, uint64_t bytes, uint8_t out[SHA256_BYTES]);

/* engines_select()'s part (lib/engine.h): the SHA instructions are allowed if CPUID has them (and SSSE3, SSE4.1). What
 * is faster is decided by the best of their rounds of 8 KiB, in turns for 2 million ticks of the TSC, about a
 * millisecond, and at least three. Returns the choice. */
enum sha256_engine sha256_select(struct engines *engines);

/* The engine in use. */
enum sha256_engine sha256_engine(void);

#endif
