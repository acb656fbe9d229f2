// SPDX-License-Identifier: MIT
#include "lib/sha256.h"

#include <stdbool.h>

#include "lib/sha256_ni.h"
#include "lib/sha256_k.h"
#include "lib/string.h"
#include "x86/cpu.h"

/* Translated by an emulator, code jumps slowly from one page to another: the linker scripts keep this on one page. */
#define ONE_PAGE __attribute__((section(".text.one_page")))

/* The best round of either engine counts, taken in turns, so that neither a colder start nor a break decides. */
#define MEASURE_ROUNDS_MIN 3u
#define MEASURE_ROUNDS_MAX 100u
#define MEASURE_TICKS	2000000u	/* of the TSC, about a millisecond; no clock is calibrated yet */
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

/*
 * Plain C, shaped for emulators, which are where it runs on much of its data: there every access to memory costs a
 * dozen instructions of the host and every 32-bit result one more to clear the upper half, so words are loaded and
 * stored in pairs and calculated in 64 bits whose upper half nobody looks at; and what does not fit the host's
 * instruction cache once translated is slower than a loop.
 */
typedef uint64_t word;			/* the value is the lower half */

static inline word rotate(word w, unsigned n)
{
	uint32_t v = (uint32_t)w;

	return v >> n | v << (32 - n);
}

/* Words 2i and 2i + 1 of big-endian data; the first is the lower half. */
static inline word load_pair(const uint8_t *p)
{
	uint64_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	v = __builtin_bswap64(v);
	return v >> 32 | v << 32;
}

static inline void store_be32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	__builtin_memcpy(p, &v, sizeof(v));
}

/* The rotations of FIPS 180-4, 4.1.2, each as a chain. */
static inline word big1(word e) { return rotate(rotate(rotate(e, 14) ^ e, 5) ^ e, 6); }
static inline word big0(word a) { return rotate(rotate(rotate(a, 9) ^ a, 11) ^ a, 2); }
static inline word small0(uint32_t v) { return rotate(rotate(v, 11) ^ v, 7) ^ v >> 3; }
static inline word small1(uint32_t v) { return rotate(rotate(v, 2) ^ v, 17) ^ v >> 10; }

/* Pair w[0] of the schedule from the eight before it. */
static inline void expand(word *w)
{
	word low = w[-8] + small0((uint32_t)(w[-8] >> 32)) + (w[-4] >> 32) + small1((uint32_t)w[-1]);
	word high = (w[-8] >> 32) + small0((uint32_t)w[-7]) + w[-3] + small1((uint32_t)(w[-1] >> 32));

	w[0] = (uint32_t)low | high << 32;
}

/* One round; the eight names rotate in the caller instead of their values. Majority: b where a equals b or b equals
 * c, else c; b_c is b ^ c, left over from the round before as its a ^ b. */
#define ROUND(a, b, c, d, e, f, g, h, k_and_w)									\
	do {												\
		word t_ = h + big1(e) + (g ^ (e & (f ^ g))) + (k_and_w), a_b_ = a ^ b;			\
		d += t_;										\
		h = t_ + big0(a) + (b ^ (a_b_ & b_c));							\
		b_c = a_b_;										\
	} while (0)

#define TWO_ROUNDS(a, b, c, d, e, f, g, h, i)								\
	do {												\
		word w_ = w[i], k_;									\
													\
		__builtin_memcpy(&k_, &sha256_k[2 * (i)], sizeof(k_));					\
		ROUND(a, b, c, d, e, f, g, h, w_ + k_);							\
		ROUND(h, a, b, c, d, e, f, g, (w_ >> 32) + (k_ >> 32));					\
	} while (0)

#define EIGHT_ROUNDS(i)											\
	do {												\
		TWO_ROUNDS(a, b, c, d, e, f, g, h, i);							\
		TWO_ROUNDS(g, h, a, b, c, d, e, f, (i) + 1);						\
		TWO_ROUNDS(e, f, g, h, a, b, c, d, (i) + 2);						\
		TWO_ROUNDS(c, d, e, f, g, h, a, b, (i) + 3);						\
	} while (0)

static ONE_PAGE void block_plain(uint32_t state[8], const uint8_t *data)
{
	word w[32];			/* the schedule, in pairs */

	for (unsigned i = 0; i < 8; i++)
		w[i] = load_pair(data + 8 * i);
	for (unsigned i = 8; i < 32; i += 4) {
		expand(w + i);
		expand(w + i + 1);
		expand(w + i + 2);
		expand(w + i + 3);
	}
	word a = state[0], b = state[1], c = state[2], d = state[3];
	word e = state[4], f = state[5], g = state[6], h = state[7], b_c = b ^ c;

	for (unsigned i = 0; i < 32; i += 8) {
		EIGHT_ROUNDS(i);
		EIGHT_ROUNDS(i + 4);
	}
	/* The old state is read again rather than kept, for the sake of the lot's stacks. */
	__asm__ volatile("" : : : "memory");
	state[0] += (uint32_t)a;
	state[1] += (uint32_t)b;
	state[2] += (uint32_t)c;
	state[3] += (uint32_t)d;
	state[4] += (uint32_t)e;
	state[5] += (uint32_t)f;
	state[6] += (uint32_t)g;
	state[7] += (uint32_t)h;
}

ONE_PAGE void sha256_blocks_plain(uint32_t state[8], const uint8_t *data, size_t blocks)
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

/* TSC ticks of a round over the constants, which serve as data. */
static uint64_t measure(enum sha256_engine engine)
{
	uint32_t state[8] = { 0 };
	uint64_t start = cpu_rdtsc();

	for (unsigned i = 0; i < MEASURE_CALLS; i++)
		blocks_by(engine, state, (const uint8_t *)sha256_k, sizeof(sha256_k) / SHA256_BLOCK);
	return cpu_rdtsc() - start;
}

static bool ni_is_faster(void)
{
	uint64_t plain = UINT64_MAX, ni = UINT64_MAX, spent = 0;

	for (unsigned round = 0; round < MEASURE_ROUNDS_MIN ||
				 (round < MEASURE_ROUNDS_MAX && spent < MEASURE_TICKS); round++) {
		uint64_t by_plain = measure(SHA256_PLAIN), by_ni = measure(SHA256_NI);

		plain = by_plain < plain ? by_plain : plain;
		ni = by_ni < ni ? by_ni : ni;
		spent += by_plain + by_ni;
	}
	return ni < plain;
}

enum sha256_engine sha256_select(void)
{
	engine_in_use = SHA256_PLAIN;
	if (ni_allowed() && ni_hashes_abc() && ni_is_faster())
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
