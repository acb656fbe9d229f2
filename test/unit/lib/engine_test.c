// SPDX-License-Identifier: MIT
/* What is made of all engines' answers: the choice, the refusal, the line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/engine_fault.h"
#include "x86/cpu.h"

#define BIT(name) (1u << ENGINE_##name)

/* Neither instruction. */
struct cpuid_regs twin_cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
	(void)leaf;
	(void)subleaf;
	return (struct cpuid_regs){ .eax = 7 };
}

static void each_hash_needs_an_engine(void **state)
{
	const uint32_t plain = BIT(SHA256_C) | BIT(CRC32C_C) | BIT(CRC32_C);
	struct engines e;

	(void)state;
	assert_int_equal(engines_select(&e), OK);
	assert_true(e.allowed == plain && e.right == plain && e.chosen == plain);
	assert_int_equal(engines_refused(&e, 0), ENGINES);
	for (enum engine wrong = 0; wrong < ENGINES; wrong++) {
		engine_fault_mask = 1u << wrong;
		assert_int_equal(engines_select(&e), plain >> wrong & 1 ? E_ENGINE : OK);
		assert_int_equal(engines_check(&e), plain >> wrong & 1 ? E_ENGINE : OK);
		assert_int_equal(engines_refused(&e, 0), plain >> wrong & 1 ? wrong : ENGINES);
		assert_int_equal(engines_refused(&e, 1), ENGINES);
	}
	engine_fault_mask = plain;
	assert_int_equal(engines_select(&e), E_ENGINE);
	assert_int_equal(engines_refused(&e, 2), ENGINE_CRC32_C);
	engine_fault_mask = 0;
}

static void right_before_fast(void **state)
{
	struct engines e = { .right = BIT(SHA256_C) | BIT(SHA256_NI), .ticks = { 10, 9 } };

	(void)state;
	assert_int_equal(engine_choose(&e, ENGINE_SHA256_C), ENGINE_SHA256_NI);
	assert_int_equal(e.chosen, BIT(SHA256_NI));
	e = (struct engines){ .right = BIT(CRC32C_C) | BIT(CRC32C_SSE42), .ticks = { [ENGINE_CRC32C_C] = 9, 9 } };
	assert_int_equal(engine_choose(&e, ENGINE_CRC32C_C), ENGINE_CRC32C_C);
	assert_int_equal(e.chosen, BIT(CRC32C_C));
	e = (struct engines){ .right = BIT(SHA256_C), .ticks = { 10, 9 } };
	assert_int_equal(engine_choose(&e, ENGINE_SHA256_C), ENGINE_SHA256_C);
	e = (struct engines){ .right = BIT(SHA256_NI), .ticks = { 9, 10 } };
	assert_int_equal(engine_choose(&e, ENGINE_SHA256_C), ENGINE_SHA256_NI);
}

static void the_line(void **state)
{
	struct engines e = { .allowed = 0x1f, .right = 0x1d, .chosen = 0x15, .ticks = { 0, 0, 7, 8 } };
	char text[ENGINES_TEXT_BYTES];

	(void)state;
	engines_text(&e, text);
	assert_string_equal(text, "allowed=sha256-c,sha256-ni,crc32c-c,crc32c-sse42,crc32-c "
			    "right=sha256-c,crc32c-c,crc32c-sse42,crc32-c chosen=sha256-c,crc32c-c,crc32-c "
			    "ticks=0,0,7,8,0");
	e = (struct engines){ .allowed = 0x1f, .right = 0x1f, .chosen = 0x19 };
	memset(e.ticks, 0xff, sizeof(e.ticks));
	engines_text(&e, text);
	assert_in_range(strlen(text), ENGINES_TEXT_BYTES - 12, ENGINES_TEXT_BYTES - 1);
	assert_string_equal(text + strlen(text) - 11, ",4294967295");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_hash_needs_an_engine),
		cmocka_unit_test(right_before_fast),
		cmocka_unit_test(the_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
