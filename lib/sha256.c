// SPDX-License-Identifier: MIT
#include "lib/sha256.h"

#include <stdbool.h>

#include "lib/sha256_ni.h"
#include "lib/sha256_k.h"
#include "lib/string.h"
#include "x86/cpu.h"

#define MEASURE_ROUNDS	3
#define MEASURE_CALLS	32		/* of 4 blocks each: 8 KiB a round */

const uint32_t sha256_k[64] __attribute__((aligned(16))) = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static const uint32_t initial_state[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

/* W: sha256_select(), before any other CPU hashes; constant after. */
static enum sha256_engine engine_in_use = SHA256_PLAIN;

static inline uint32_t rotate(uint32_t v, unsigned n)
{
	return v >> n | v << (32 - n);
}

static inline uint32_t load_be32(const uint8_t *p)
{
	uint32_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

static inline void store_be32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	__builtin_memcpy(p, &v, sizeof(v));
}

/* One round; the eight names rotate in the caller instead of their values. */
#define ROUND(a, b, c, d, e, f, g, h, i, word)								\
	do {												\
		uint32_t t_ = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + (g ^ (e & (f ^ g))) +	\
			      sha256_k[i] + (word);							\
		d += t_;										\
		h = t_ + (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) | (c & (a | b)));	\
	} while (0)

#define EIGHT_ROUNDS(i, word)										\
	do {												\
		ROUND(a, b, c, d, e, f, g, h, (i) + 0, word((i) + 0));					\
		ROUND(h, a, b, c, d, e, f, g, (i) + 1, word((i) + 1));					\
		ROUND(g, h, a, b, c, d, e, f, (i) + 2, word((i) + 2));					\
		ROUND(f, g, h, a, b, c, d, e, (i) + 3, word((i) + 3));					\
		ROUND(e, f, g, h, a, b, c, d, (i) + 4, word((i) + 4));					\
		ROUND(d, e, f, g, h, a, b, c, (i) + 5, word((i) + 5));					\
		ROUND(c, d, e, f, g, h, a, b, (i) + 6, word((i) + 6));					\
		ROUND(b, c, d, e, f, g, h, a, (i) + 7, word((i) + 7));					\
	} while (0)

/* The schedule rolls in 16 words, for the sake of the lot's stacks. */
#define WORD_LOADED(i)	 (w[(i) & 15] = load_be32(data + 4 * ((i) & 15)))
#define WORD_EXPANDED(i) (w[(i) & 15] += small1(w[((i) + 14) & 15]) + w[((i) + 9) & 15] + small0(w[((i) + 1) & 15]))

static inline uint32_t small0(uint32_t v)
{
	return rotate(v, 7) ^ rotate(v, 18) ^ v >> 3;
}

static inline uint32_t small1(uint32_t v)
{
	return rotate(v, 17) ^ rotate(v, 19) ^ v >> 10;
}

static void block_plain(uint32_t state[8], const uint8_t *data)
{
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
	uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
	uint32_t w[16];

	EIGHT_ROUNDS(0, WORD_LOADED);
	EIGHT_ROUNDS(8, WORD_LOADED);
	for (unsigned i = 16; i < 64; i += 16) {
		EIGHT_ROUNDS(i, WORD_EXPANDED);
		EIGHT_ROUNDS(i + 8, WORD_EXPANDED);
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
	state[5] += f;
	state[6] += g;
	state[7] += h;
}

void sha256_blocks_plain(uint32_t state[8], const uint8_t *data, size_t blocks)
{
	for (; blocks; blocks--, data += SHA256_BLOCK)
		block_plain(state, data);
}

/* No function pointer: the block's link has no relocations. */
static void blocks_by(enum sha256_engine engine, uint32_t state[8], const uint8_t *data, size_t blocks)
{
	if (engine == SHA256_NI)
		sha256_blocks_ni(state, data, blocks);
	else
		sha256_blocks_plain(state, data, blocks);
}

void sha256_blocks(uint32_t state[8], const uint8_t *data, size_t blocks)
{
	blocks_by(engine_in_use, state, data, blocks);
}

void sha256_start(uint32_t state[8])
{
	memcpy(state, initial_state, sizeof(initial_state));
}

void sha256_init(struct sha256_ctx *ctx)
{
	sha256_start(ctx->state);
	ctx->bytes = 0;
}

void sha256_update(struct sha256_ctx *ctx, const void *data, size_t bytes)
{
	size_t have = ctx->bytes % SHA256_BLOCK;
	const uint8_t *p = data;

	ctx->bytes += bytes;
	if (have) {
		size_t take = SHA256_BLOCK - have < bytes ? SHA256_BLOCK - have : bytes;

		memcpy(ctx->pending + have, p, take);
		p += take;
		bytes -= take;
		if (have + take < SHA256_BLOCK)
			return;
		sha256_blocks(ctx->state, ctx->pending, 1);
	}
	if (bytes / SHA256_BLOCK)
		sha256_blocks(ctx->state, p, bytes / SHA256_BLOCK);
	if (bytes % SHA256_BLOCK)
		memcpy(ctx->pending, p + bytes / SHA256_BLOCK * SHA256_BLOCK, bytes % SHA256_BLOCK);
}

void sha256_finish(uint32_t state[8], const void *rest, size_t rest_bytes, uint64_t bytes, uint8_t out[SHA256_BYTES])
{
	uint8_t block[SHA256_BLOCK] = { 0 };

	memcpy(block, rest, rest_bytes);
	block[rest_bytes] = 0x80;
	if (rest_bytes >= SHA256_BLOCK - 8) {
		sha256_blocks(state, block, 1);
		memset(block, 0, sizeof(block));
	}
	store_be32(block + 56, (uint32_t)(bytes >> 29));
	store_be32(block + 60, (uint32_t)(bytes << 3));
	sha256_blocks(state, block, 1);
	for (unsigned i = 0; i < 8; i++)
		store_be32(out + 4 * i, state[i]);
}

void sha256_final(struct sha256_ctx *ctx, uint8_t out[SHA256_BYTES])
{
	sha256_finish(ctx->state, ctx->pending, ctx->bytes % SHA256_BLOCK, ctx->bytes, out);
}

void sha256_compute(uint8_t out[SHA256_BYTES], const void *data, size_t bytes)
{
	size_t whole = bytes / SHA256_BLOCK;
	uint32_t state[8];

	sha256_start(state);
	sha256_blocks(state, data, whole);
	sha256_finish(state, (const uint8_t *)data + whole * SHA256_BLOCK, bytes % SHA256_BLOCK, bytes, out);
}

static bool ni_allowed(void)
{
	const uint32_t ssse3 = 1u << 9, sse41 = 1u << 19, sha = 1u << 29;

	return cpu_cpuid(0, 0).eax >= 7 && (cpu_cpuid(7, 0).ebx & sha) &&
	       (cpu_cpuid(1, 0).ecx & (ssse3 | sse41)) == (ssse3 | sse41);
}

/* "abc", padded, must give FIPS 180-4's example. */
static bool ni_hashes_abc(void)
{
	static const uint32_t expected[8] = {
		0xba7816bf, 0x8f01cfea, 0x414140de, 0x5dae2223, 0xb00361a3, 0x96177a9c, 0xb410ff61, 0xf20015ad,
	};
	uint8_t block[SHA256_BLOCK] = { 'a', 'b', 'c', 0x80, [63] = 24 };
	uint32_t state[8];

	sha256_start(state);
	sha256_blocks_ni(state, block, 1);
	return memcmp(state, expected, sizeof(state)) == 0;
}

/* TSC ticks of the best round over the constants, which serve as data. */
static uint64_t measure(enum sha256_engine engine)
{
	uint32_t state[8] = { 0 };
	uint64_t best = UINT64_MAX;

	for (unsigned round = 0; round < MEASURE_ROUNDS; round++) {
		uint64_t start = cpu_rdtsc(), ticks;

		for (unsigned i = 0; i < MEASURE_CALLS; i++)
			blocks_by(engine, state, (const uint8_t *)sha256_k, sizeof(sha256_k) / SHA256_BLOCK);
		ticks = cpu_rdtsc() - start;
		if (ticks < best)
			best = ticks;
	}
	return best;
}

enum sha256_engine sha256_select(void)
{
	engine_in_use = SHA256_PLAIN;
	if (ni_allowed() && ni_hashes_abc() && measure(SHA256_NI) < measure(SHA256_PLAIN))
		engine_in_use = SHA256_NI;
	return engine_in_use;
}

void sha256_use(enum sha256_engine engine)
{
	engine_in_use = engine;
}

enum sha256_engine sha256_engine(void)
{
	return engine_in_use;
}
