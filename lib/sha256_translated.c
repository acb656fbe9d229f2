// SPDX-License-Identifier: MIT
#include "lib/sha256_k.h"
#include "lib/sha256_plain.h"

/* Translated by an emulator, code jumps slowly from one page to another: the linker scripts keep this on one page. */
#define ONE_PAGE __attribute__((section(".text.one_page")))

/*
 * Under an emulator that translates, every access to memory costs a dozen instructions of the host and every 32-bit
 * result one more to clear the upper half, so words are loaded and stored in pairs and calculated in 64 bits whose
 * upper half nobody looks at; and what does not fit the host's instruction cache once translated is slower than a loop.
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

/* Not inline: two frames are smaller than one, for the sake of the lot's stacks. */
static ONE_PAGE __attribute__((noinline)) void block_translated(uint32_t state[8], const uint8_t *data)
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

ONE_PAGE void sha256_blocks_translated(uint32_t state[8], const uint8_t *data, size_t blocks)
{
	for (; blocks; blocks--, data += 64)
		block_translated(state, data);
}
