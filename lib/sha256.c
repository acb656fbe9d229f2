// SPDX-License-Identifier: MIT
#include "lib/sha256.h"

#include <stdbool.h>

#include "lib/engine_fault.h"
#include "lib/sha256_k.h"
#include "lib/sha256_ni.h"
#include "lib/sha256_plain.h"
#include "lib/string.h"
#include "x86/cpu.h"

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
static bool translated;			/* which shape of plain C */

static inline void store_be32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	__builtin_memcpy(p, &v, sizeof(v));
}

/* No function pointer: the block's link has no relocations. */
static void blocks_by(enum sha256_engine engine, uint32_t state[8], const uint8_t *data, size_t blocks)
{
	if (engine == SHA256_NI)
		sha256_blocks_ni(state, data, blocks);
	else if (translated)
		sha256_blocks_translated(state, data, blocks);
	else
		sha256_blocks_plain(state, data, blocks);
	state[0] ^= engine_fault(engine == SHA256_NI ? ENGINE_SHA256_NI : ENGINE_SHA256_C);
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

/* By the signature of a hypervisor, which TCG has like any. */
static bool is_translated(void)
{
	const uint32_t hypervisor = 1u << 31;
	struct cpuid_regs r;

	if (!(cpu_cpuid(1, 0).ecx & hypervisor))
		return false;
	r = cpu_cpuid(0x40000000, 0);
	return r.ebx == 0x54474354 && r.ecx == 0x43544743 && r.edx == 0x47435447;	/* "TCGTCGTCGTCG" */
}

/* "abc", padded, must give FIPS 180-4's example, and the constants, as four blocks, their own state: each of them is
 * used and looked at. */
static bool answers_right(enum sha256_engine engine)
{
	static const uint32_t of_abc[8] = {
		0xba7816bf, 0x8f01cfea, 0x414140de, 0x5dae2223, 0xb00361a3, 0x96177a9c, 0xb410ff61, 0xf20015ad,
	}, of_constants[8] = {
		0x295efeb5, 0x86610c1f, 0x7244b52a, 0x855f680a, 0xa7580e9b, 0x22e25cad, 0x49e432af, 0xbeae0a32,
	};
	static const uint8_t abc[SHA256_BLOCK] = { 'a', 'b', 'c', 0x80, [63] = 24 };
	uint32_t state[8];

	sha256_start(state);
	blocks_by(engine, state, abc, 1);
	if (memcmp(state, of_abc, sizeof(state)))
		return false;
	sha256_start(state);
	blocks_by(engine, state, (const uint8_t *)sha256_k, sizeof(sha256_k) / SHA256_BLOCK);
	return memcmp(state, of_constants, sizeof(state)) == 0;
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

static void race(struct engines *e)
{
	uint64_t plain = UINT32_MAX, ni = UINT32_MAX, spent = 0;

	for (unsigned round = 0; round < MEASURE_ROUNDS_MIN ||
				 (round < MEASURE_ROUNDS_MAX && spent < MEASURE_TICKS); round++) {
		uint64_t by_plain = measure(SHA256_PLAIN), by_ni = measure(SHA256_NI);

		plain = by_plain < plain ? by_plain : plain;
		ni = by_ni < ni ? by_ni : ni;
		spent += by_plain + by_ni;
	}
	e->ticks[ENGINE_SHA256_C] = (uint32_t)plain;
	e->ticks[ENGINE_SHA256_NI] = (uint32_t)ni;
}

enum sha256_engine sha256_select(struct engines *e)
{
	const uint32_t plain = 1u << ENGINE_SHA256_C, ni = 1u << ENGINE_SHA256_NI;
	uint32_t allowed = plain | (ni_allowed() ? ni : 0), right = 0;

	translated = is_translated();
	if (answers_right(SHA256_PLAIN))
		right |= plain;
	if (allowed & ni && answers_right(SHA256_NI))
		right |= ni;
	e->allowed |= allowed;
	e->right |= right;
	if (right == (plain | ni))
		race(e);
	engine_in_use = engine_choose(e, ENGINE_SHA256_C) == ENGINE_SHA256_NI ? SHA256_NI : SHA256_PLAIN;
	return engine_in_use;
}

enum sha256_engine sha256_engine(void)
{
	return engine_in_use;
}
