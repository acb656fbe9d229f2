// SPDX-License-Identifier: MIT
/* Both CRCs against a bit-by-bit model, the two CRC-32C engines against each other, and the choice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/crc32.h"
#include "lib/engine_fault.h"
#include "x86/cpu.h"

static struct { bool no_sse42, slow_instruction; uint64_t tsc; unsigned readings; } machine;

struct cpuid_regs twin_cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
	(void)leaf;
	(void)subleaf;
	return (struct cpuid_regs){ .eax = 1, .ecx = machine.no_sse42 ? 0 : 1u << 20 };
}

/* The first measurement, six readings, is the table's. */
uint64_t twin_cpu_rdtsc(void)
{
	bool first_half = machine.readings++ % 12 < 6;

	return machine.tsc += first_half != machine.slow_instruction ? 1000 : 10;
}

static uint32_t model(uint32_t polynomial, uint32_t seed, const uint8_t *p, size_t n)
{
	uint32_t crc = ~seed;

	while (n--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? polynomial : 0);
	}
	return ~crc;
}

static void check_values(void **state)
{
	(void)state;
	assert_int_equal(crc32(0, "123456789", 9), 0xcbf43926);
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32(7, "", 0), 7);
	assert_int_equal(crc32c(7, "", 0), 7);
}

static void random_data_against_the_model(void **state)
{
	unsigned seed = 5;

	(void)state;
	for (int round = 0; round < 500; round++) {
		size_t n = rand_r(&seed) % 600;
		uint32_t start = (uint32_t)rand_r(&seed) * 5u, expected;
		uint8_t *data = malloc(n);

		for (size_t i = 0; i < n; i++)
			data[i] = (uint8_t)rand_r(&seed);
		assert_int_equal(crc32(start, data, n), model(0xedb88320, start, data, n));
		expected = model(0x82f63b78, start, data, n);
		assert_int_equal(crc32c_table(start, data, n), expected);
		if (__builtin_cpu_supports("sse4.2"))
			assert_int_equal(crc32c_sse42(start, data, n), expected);
		assert_int_equal(crc32c(crc32c(start, data, n / 3), data + n / 3, n - n / 3), expected);
		free(data);
	}
}

static enum crc32c_engine select_anew(struct engines *e)
{
	*e = (struct engines){ 0 };
	machine.readings = 0;
	return crc32c_select(e);
}

static void selection(void **state)
{
	const uint32_t both = 1u << ENGINE_CRC32C_C | 1u << ENGINE_CRC32C_SSE42;
	struct engines e;

	(void)state;
	if (!__builtin_cpu_supports("sse4.2"))
		skip();
	machine.no_sse42 = true;
	assert_int_equal(select_anew(&e), CRC32C_TABLE);
	assert_true(e.allowed == 1u << ENGINE_CRC32C_C && e.right == e.allowed && e.chosen == e.allowed);
	machine.no_sse42 = false;
	machine.slow_instruction = true;
	assert_int_equal(select_anew(&e), CRC32C_TABLE);
	assert_true(e.right == both && e.chosen == 1u << ENGINE_CRC32C_C);
	assert_true(e.ticks[ENGINE_CRC32C_C] == 10 && e.ticks[ENGINE_CRC32C_SSE42] == 1000);
	machine.slow_instruction = false;
	assert_int_equal(select_anew(&e), CRC32C_SSE42);
	check_values(state);
}

static void wrong_answers(void **state)
{
	const uint32_t table = 1u << ENGINE_CRC32C_C, sse42 = 1u << ENGINE_CRC32C_SSE42, ieee = 1u << ENGINE_CRC32_C;
	struct engines e;

	(void)state;
	if (!__builtin_cpu_supports("sse4.2"))
		skip();
	machine.slow_instruction = false;
	engine_fault_mask = sse42;
	assert_int_equal(select_anew(&e), CRC32C_TABLE);
	assert_true(e.allowed == (table | sse42) && e.right == table && e.chosen == table);
	machine.slow_instruction = true;
	engine_fault_mask = table;
	assert_int_equal(select_anew(&e), CRC32C_SSE42);
	assert_true(e.right == sse42 && e.chosen == sse42);
	engine_fault_mask = table | sse42;
	assert_int_equal(select_anew(&e), CRC32C_TABLE);
	assert_true(!e.right && !e.chosen);
	engine_fault_mask = ieee;
	crc32_test(&e);
	assert_true(e.allowed == (table | sse42 | ieee) && !e.right && !e.chosen);
	engine_fault_mask = 0;
	crc32_test(&e);
	assert_true(e.right == ieee && e.chosen == ieee);
	machine.slow_instruction = false;
	select_anew(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_values),
		cmocka_unit_test(random_data_against_the_model),
		cmocka_unit_test(selection),
		cmocka_unit_test(wrong_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
