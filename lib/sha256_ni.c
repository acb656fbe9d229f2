// SPDX-License-Identifier: MIT
#include "lib/sha256_ni.h"

#include <immintrin.h>

#include "lib/sha256_k.h"

/* Four rounds with the words in m: two instructions of two rounds each. */
#define ROUNDS(i, m)										\
	do {											\
		__m128i k_ = _mm_add_epi32(m, _mm_load_si128((const __m128i *)&sha256_k[i]));	\
		cdgh = _mm_sha256rnds2_epu32(cdgh, abef, k_);					\
		abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(k_, 0x0e));		\
	} while (0)

/* Four rounds with the words in m0, then m0 becomes the words of sixteen rounds later: its sigma0 part needs m1,
 * the rest m2 and m3. In the first round group of a block m3 has just been loaded. */
#define ROUNDS_EXPAND(i, m0, m1, m2, m3)							\
	do {											\
		ROUNDS(i, m0);									\
		m0 = _mm_sha256msg1_epu32(m0, m1);						\
		m0 = _mm_add_epi32(m0, _mm_alignr_epi8(m3, m2, 4));				\
		m0 = _mm_sha256msg2_epu32(m0, m3);						\
	} while (0)

#define LOAD(i) _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(data + 16 * (i))), swap)

void sha256_blocks_ni(uint32_t state[8], const uint8_t *data, size_t blocks)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bll, 0x0405060700010203ll);
	__m128i dcba = _mm_loadu_si128((const __m128i *)&state[0]);
	__m128i hgfe = _mm_loadu_si128((const __m128i *)&state[4]);
	__m128i cdab = _mm_shuffle_epi32(dcba, 0xb1);
	__m128i efgh = _mm_shuffle_epi32(hgfe, 0x1b);
	__m128i abef = _mm_alignr_epi8(cdab, efgh, 8);
	__m128i cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);

	for (; blocks; blocks--, data += 64) {
		const __m128i abef_before = abef, cdgh_before = cdgh;
		__m128i m0 = LOAD(0), m1 = LOAD(1), m2 = LOAD(2), m3 = LOAD(3);

		ROUNDS_EXPAND(0, m0, m1, m2, m3);
		ROUNDS_EXPAND(4, m1, m2, m3, m0);
		ROUNDS_EXPAND(8, m2, m3, m0, m1);
		ROUNDS_EXPAND(12, m3, m0, m1, m2);
		ROUNDS_EXPAND(16, m0, m1, m2, m3);
		ROUNDS_EXPAND(20, m1, m2, m3, m0);
		ROUNDS_EXPAND(24, m2, m3, m0, m1);
		ROUNDS_EXPAND(28, m3, m0, m1, m2);
		ROUNDS_EXPAND(32, m0, m1, m2, m3);
		ROUNDS_EXPAND(36, m1, m2, m3, m0);
		ROUNDS_EXPAND(40, m2, m3, m0, m1);
		ROUNDS_EXPAND(44, m3, m0, m1, m2);
		ROUNDS(48, m0);
		ROUNDS(52, m1);
		ROUNDS(56, m2);
		ROUNDS(60, m3);
		abef = _mm_add_epi32(abef, abef_before);
		cdgh = _mm_add_epi32(cdgh, cdgh_before);
	}

	__m128i feba = _mm_shuffle_epi32(abef, 0x1b);
	__m128i dchg = _mm_shuffle_epi32(cdgh, 0xb1);

	_mm_storeu_si128((__m128i *)&state[0], _mm_blend_epi16(feba, dchg, 0xf0));
	_mm_storeu_si128((__m128i *)&state[4], _mm_alignr_epi8(dchg, feba, 8));
}
