// SPDX-License-Identifier: MIT
#include "lib/sha256_plain.h"

#include "lib/sha256_k.h"

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

/* The rotations of FIPS 180-4, 4.1.2; the large ones as chains. */
static inline uint32_t big1(uint32_t e) { return rotate(rotate(rotate(e, 14) ^ e, 5) ^ e, 6); }
static inline uint32_t big0(uint32_t a) { return rotate(rotate(rotate(a, 9) ^ a, 11) ^ a, 2); }
static inline uint32_t small0(uint32_t v) { return rotate(v, 7) ^ rotate(v, 18) ^ v >> 3; }
static inline uint32_t small1(uint32_t v) { return rotate(v, 17) ^ rotate(v, 19) ^ v >> 10; }

/* Word i of the schedule, the first time and from then on, in the place of word i - 16. */
#define LOAD(i)		(w[i] = load_be32(data + 4 * (i)))
#define EXPAND(i)	(w[(i) & 15] += small0(w[((i) + 1) & 15]) + w[((i) + 9) & 15] + small1(w[((i) + 14) & 15]))

/* One round; the eight names rotate in the caller instead of their values. b_c is b ^ c, left over from the round
 * before as its a ^ b: majority is b where a equals b or b equals c, else c. */
#define ROUND(a, b, c, d, e, f, g, h, i, word)								\
	do {												\
		uint32_t t_ = h + big1(e) + (g ^ (e & (f ^ g))) + sha256_k[i] + (word), a_b_ = a ^ b;	\
		d += t_;										\
		h = t_ + big0(a) + (b ^ (a_b_ & b_c));							\
		b_c = a_b_;										\
	} while (0)

#define EIGHT_ROUNDS(i, WORD)										\
	do {												\
		ROUND(a, b, c, d, e, f, g, h, (i), WORD(i));						\
		ROUND(h, a, b, c, d, e, f, g, (i) + 1, WORD((i) + 1));					\
		ROUND(g, h, a, b, c, d, e, f, (i) + 2, WORD((i) + 2));					\
		ROUND(f, g, h, a, b, c, d, e, (i) + 3, WORD((i) + 3));					\
		ROUND(e, f, g, h, a, b, c, d, (i) + 4, WORD((i) + 4));					\
		ROUND(d, e, f, g, h, a, b, c, (i) + 5, WORD((i) + 5));					\
		ROUND(c, d, e, f, g, h, a, b, (i) + 6, WORD((i) + 6));					\
		ROUND(b, c, d, e, f, g, h, a, (i) + 7, WORD((i) + 7));					\
	} while (0)

void sha256_blocks_plain(uint32_t state[8], const uint8_t *data, size_t blocks)
{
	for (; blocks; blocks--, data += 64) {
		uint32_t w[16], a = state[0], b = state[1], c = state[2], d = state[3];
		uint32_t e = state[4], f = state[5], g = state[6], h = state[7], b_c = b ^ c;

		EIGHT_ROUNDS(0, LOAD);
		EIGHT_ROUNDS(8, LOAD);
		for (unsigned i = 16; i < 64; i += 16) {
			EIGHT_ROUNDS(i, EXPAND);
			EIGHT_ROUNDS(i + 8, EXPAND);
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
}
