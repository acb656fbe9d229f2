// SPDX-License-Identifier: MIT
#include "test/bench/sha256_kexec.h"

#include "lib/sha256_k.h"

static uint32_t ror(uint32_t v, unsigned n)
{
	return v >> n | v << (32 - n);
}

#define EXPAND(i)											\
	(w[i] = w[(i) - 16] + w[(i) - 7] + (ror(w[(i) - 15], 7) ^ ror(w[(i) - 15], 18) ^ w[(i) - 15] >> 3) +	\
		(ror(w[(i) - 2], 17) ^ ror(w[(i) - 2], 19) ^ w[(i) - 2] >> 10))

#ifdef UNROLLED				/* the schedule too, each word in the round that needs it */
#define WORD(i) ((i) < 16 ? w[i] : EXPAND((i) < 16 ? 16 : (i)))
#else
#define WORD(i) w[i]
#endif

/* The names rotate in the caller, as in both. */
#define ROUND(a, b, c, d, e, f, g, h, i)								\
	do {												\
		uint32_t t1 = h + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) + (g ^ (e & (f ^ g))) + sha256_k[i] + \
			      WORD(i);								\
		uint32_t t2 = (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) + ((a & b) | (c & (a | b)));	\
		d += t1;										\
		h = t1 + t2;										\
	} while (0)

#define EIGHT_ROUNDS(i)											\
	do {												\
		ROUND(a, b, c, d, e, f, g, h, (i));							\
		ROUND(h, a, b, c, d, e, f, g, (i) + 1);							\
		ROUND(g, h, a, b, c, d, e, f, (i) + 2);							\
		ROUND(f, g, h, a, b, c, d, e, (i) + 3);							\
		ROUND(e, f, g, h, a, b, c, d, (i) + 4);							\
		ROUND(d, e, f, g, h, a, b, c, (i) + 5);							\
		ROUND(c, d, e, f, g, h, a, b, (i) + 6);							\
		ROUND(b, c, d, e, f, g, h, a, (i) + 7);							\
	} while (0)

static void transform(uint32_t state[8], const uint8_t *p)
{
	uint32_t w[64], a = state[0], b = state[1], c = state[2], d = state[3];
	uint32_t e = state[4], f = state[5], g = state[6], h = state[7];

	for (unsigned i = 0; i < 16; i++)
		w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 | (uint32_t)p[4 * i + 2] << 8 |
		       p[4 * i + 3];
#ifdef UNROLLED
	EIGHT_ROUNDS(0);
	EIGHT_ROUNDS(8);
	EIGHT_ROUNDS(16);
	EIGHT_ROUNDS(24);
	EIGHT_ROUNDS(32);
	EIGHT_ROUNDS(40);
	EIGHT_ROUNDS(48);
	EIGHT_ROUNDS(56);
#else
	for (unsigned i = 16; i < 64; i++)
		EXPAND(i);
	for (unsigned i = 0; i < 64; i += 8)
		EIGHT_ROUNDS(i);
#endif
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
	state[5] += f;
	state[6] += g;
	state[7] += h;
}

void SHA256_KEXEC(uint8_t out[32], const uint8_t *data, size_t bytes)
{
	uint32_t state[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
			      0x5be0cd19 };
	size_t rest = bytes % 64, length = rest < 56 ? 64 : 128;
	uint8_t tail[128] = { 0 };

	for (size_t at = 0; at + 64 <= bytes; at += 64)
		transform(state, data + at);
	for (size_t i = 0; i < rest; i++)
		tail[i] = data[bytes - rest + i];
	tail[rest] = 0x80;
	for (unsigned i = 0; i < 8; i++)
		tail[length - 1 - i] = (uint8_t)((uint64_t)bytes * 8 >> 8 * i);
	for (size_t at = 0; at < length; at += 64)
		transform(state, tail + at);
	for (unsigned i = 0; i < 32; i++)
		out[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
}
