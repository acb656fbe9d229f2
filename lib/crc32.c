// SPDX-License-Identifier: MIT
#include "lib/crc32.h"

#include <stdbool.h>

#include "lib/engine_fault.h"
#include "x86/cpu.h"

#define MEASURE_ROUNDS	3
#define MEASURE_BYTES	4096u
#define CPUID1_ECX_SSE42 (1u << 20)

/* A table row is linear over GF(2): eight values, those of the single bits, give all 256. */
#define BIT(n, b, value)	((n) >> (b) & 1 ? (value) : 0u)
#define SUM(n, v0, v1, v2, v3, v4, v5, v6, v7)								\
	(BIT(n, 0, v0) ^ BIT(n, 1, v1) ^ BIT(n, 2, v2) ^ BIT(n, 3, v3) ^					\
	 BIT(n, 4, v4) ^ BIT(n, 5, v5) ^ BIT(n, 6, v6) ^ BIT(n, 7, v7))
#define SUM2(n, ...)	SUM(n, __VA_ARGS__), SUM((n) + 1, __VA_ARGS__)
#define SUM4(n, ...)	SUM2(n, __VA_ARGS__), SUM2((n) + 2, __VA_ARGS__)
#define SUM8(n, ...)	SUM4(n, __VA_ARGS__), SUM4((n) + 4, __VA_ARGS__)
#define SUM16(n, ...)	SUM8(n, __VA_ARGS__), SUM8((n) + 8, __VA_ARGS__)
#define SUM32(n, ...)	SUM16(n, __VA_ARGS__), SUM16((n) + 16, __VA_ARGS__)
#define SUM64(n, ...)	SUM32(n, __VA_ARGS__), SUM32((n) + 32, __VA_ARGS__)
#define SUM128(n, ...)	SUM64(n, __VA_ARGS__), SUM64((n) + 64, __VA_ARGS__)
#define ROW(...)	{ SUM128(0, __VA_ARGS__), SUM128(128, __VA_ARGS__) }

/* Polynomial 0xedb88320, bit-reversed 0x04c11db7. */
static const uint32_t ieee_row[256] =
	ROW(0x77073096, 0xee0e612c, 0x076dc419, 0x0edb8832, 0x1db71064, 0x3b6e20c8, 0x76dc4190, 0xedb88320);

/* Polynomial 0x82f63b78, bit-reversed 0x1edc6f41. Row k: a byte followed by k zero bytes. */
static const uint32_t castagnoli_row[8][256] = {
	ROW(0xf26b8303, 0xe13b70f7, 0xc79a971f, 0x8ad958cf, 0x105ec76f, 0x20bd8ede, 0x417b1dbc, 0x82f63b78),
	ROW(0x13a29877, 0x274530ee, 0x4e8a61dc, 0x9d14c3b8, 0x3fc5f181, 0x7f8be302, 0xff17c604, 0xfbc3faf9),
	ROW(0xa541927e, 0x4f6f520d, 0x9edea41a, 0x38513ec5, 0x70a27d8a, 0xe144fb14, 0xc76580d9, 0x8b277743),
	ROW(0xdd45aab8, 0xbf672381, 0x7b2231f3, 0xf64463e6, 0xe964b13d, 0xd725148b, 0xaba65fe7, 0x52a0c93f),
	ROW(0x38116fac, 0x7022df58, 0xe045beb0, 0xc5670b91, 0x8f2261d3, 0x1ba8b557, 0x37516aae, 0x6ea2d55c),
	ROW(0xef306b19, 0xdb8ca0c3, 0xb2f53777, 0x6006181f, 0xc00c303e, 0x85f4168d, 0x0e045beb, 0x1c08b7d6),
	ROW(0x68032cc8, 0xd0065990, 0xa5e0c5d1, 0x4e2dfd53, 0x9c5bfaa6, 0x3d5b83bd, 0x7ab7077a, 0xf56e0ef4),
	ROW(0x493c7d27, 0x9278fa4e, 0x211d826d, 0x423b04da, 0x847609b4, 0x0d006599, 0x1a00cb32, 0x34019664),
};

/* Of the tables themselves, so that each entry is looked at. */
#define CRC_OF_IEEE_ROW		0x6fcf9e13u
#define CRC_OF_CASTAGNOLI_ROWS	0x3f85cea3u

/* W: crc32c_select(), before any other CPU computes; constant after. */
static enum crc32c_engine engine_in_use = CRC32C_TABLE;

uint32_t crc32(uint32_t seed, const void *data, size_t bytes)
{
	const uint8_t *p = data;
	uint32_t crc = ~seed;

	while (bytes--)
		crc = crc >> 8 ^ ieee_row[(crc ^ *p++) & 0xff];
	return ~crc ^ engine_fault(ENGINE_CRC32_C);
}

uint32_t crc32c_table(uint32_t seed, const void *data, size_t bytes)
{
	const uint8_t *p = data;
	uint32_t crc = ~seed;
	uint64_t v;

	for (; bytes >= 8; bytes -= 8, p += 8) {
		__builtin_memcpy(&v, p, 8);
		v ^= crc;
		crc = castagnoli_row[7][v & 0xff] ^ castagnoli_row[6][v >> 8 & 0xff] ^
		      castagnoli_row[5][v >> 16 & 0xff] ^ castagnoli_row[4][v >> 24 & 0xff] ^
		      castagnoli_row[3][v >> 32 & 0xff] ^ castagnoli_row[2][v >> 40 & 0xff] ^
		      castagnoli_row[1][v >> 48 & 0xff] ^ castagnoli_row[0][v >> 56];
	}
	while (bytes--)
		crc = crc >> 8 ^ castagnoli_row[0][(crc ^ *p++) & 0xff];
	return ~crc ^ engine_fault(ENGINE_CRC32C_C);
}

uint32_t crc32c_sse42(uint32_t seed, const void *data, size_t bytes)
{
	const uint8_t *p = data;
	uint64_t crc = (uint32_t)~seed, v;

	for (; bytes >= 8; bytes -= 8, p += 8) {
		__builtin_memcpy(&v, p, 8);
		__asm__("crc32q %1, %0" : "+r"(crc) : "rm"(v));
	}
	for (; bytes; bytes--, p++)
		__asm__("crc32b %1, %k0" : "+r"(crc) : "rm"(*p));
	return ~(uint32_t)crc ^ engine_fault(ENGINE_CRC32C_SSE42);
}

uint32_t crc32c(uint32_t seed, const void *data, size_t bytes)
{
	return engine_in_use == CRC32C_SSE42 ? crc32c_sse42(seed, data, bytes) : crc32c_table(seed, data, bytes);
}

/* Of text: the check value of the usual catalogue. */
static bool answers_right(uint32_t (*compute)(uint32_t, const void *, size_t))
{
	return compute(0, "123456789", 9) == 0xe3069283 &&
	       compute(0, castagnoli_row, sizeof(castagnoli_row)) == CRC_OF_CASTAGNOLI_ROWS;
}

void crc32_test(struct engines *e)
{
	const uint32_t plain = 1u << ENGINE_CRC32_C;

	e->allowed |= plain;
	if (crc32(0, "123456789", 9) == 0xcbf43926 && crc32(0, ieee_row, sizeof(ieee_row)) == CRC_OF_IEEE_ROW) {
		e->right |= plain;
		e->chosen |= plain;
	}
}

/* TSC ticks of the best round over the tables, which serve as data. */
static uint32_t measure(uint32_t (*compute)(uint32_t, const void *, size_t))
{
	uint64_t best = UINT32_MAX;

	for (unsigned round = 0; round < MEASURE_ROUNDS; round++) {
		uint64_t start = cpu_rdtsc(), ticks;

		/* The result counts as used, so that the call is not dropped. */
		__asm__ volatile("" : : "r"(compute(0, castagnoli_row, MEASURE_BYTES)));
		ticks = cpu_rdtsc() - start;
		if (ticks < best)
			best = ticks;
	}
	return (uint32_t)best;
}

enum crc32c_engine crc32c_select(struct engines *e)
{
	const uint32_t plain = 1u << ENGINE_CRC32C_C, sse42 = 1u << ENGINE_CRC32C_SSE42;
	uint32_t allowed = plain | (cpu_cpuid(1, 0).ecx & CPUID1_ECX_SSE42 ? sse42 : 0), right = 0;

	if (answers_right(crc32c_table))
		right |= plain;
	if (allowed & sse42 && answers_right(crc32c_sse42))
		right |= sse42;
	e->allowed |= allowed;
	e->right |= right;
	if (right == (plain | sse42)) {
		e->ticks[ENGINE_CRC32C_C] = measure(crc32c_table);
		e->ticks[ENGINE_CRC32C_SSE42] = measure(crc32c_sse42);
	}
	engine_in_use = engine_choose(e, ENGINE_CRC32C_C) == ENGINE_CRC32C_SSE42 ? CRC32C_SSE42 : CRC32C_TABLE;
	return engine_in_use;
}
