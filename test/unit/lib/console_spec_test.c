// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/console_spec.h"

static void good_ones(void **state)
{
	static const struct { const char *text; struct console_spec spec; } cases[] = {
		{ "ttyS0", { 0x3f8, 0, 1, 0 } },
		{ "ttyS3", { 0x2e8, 0, 1, 0 } },
		{ "ttyS1,115200n8", { 0x2f8, 0, 1, 115200 } },
		{ "ttyS2,9600", { 0x3e8, 0, 1, 9600 } },
		{ "ttyS2,9600n", { 0x3e8, 0, 1, 9600 } },
		{ "uart8250,io,0x3f8,115200", { 0x3f8, 0, 1, 115200 } },
		{ "uart,io,1016", { 0x3f8, 0, 1, 0 } },
		{ "uart8250,mmio,0xFE031001", { 0xfe031001, 1, 1, 0 } },
		{ "uart8250,mmio32,0xfe031000,115200n8", { 0xfe031000, 1, 4, 115200 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct console_spec spec = { 0 };
		struct problem p = { 0 };

		assert_int_equal(console_spec_parse(cases[i].text, &spec, &p), OK);
		assert_memory_equal(&spec, &cases[i].spec, sizeof(spec));
		assert_int_equal(p.code, OK);
	}
}

static void bad_ones_name_the_word(void **state)
{
	static const struct { const char *text, *word; } cases[] = {
		{ "", "''" },
		{ "tty0", "'tty0'" },
		{ "ttyS", "'ttyS'" },
		{ "ttyS4", "'ttyS4'" },
		{ "ttyS10", "'ttyS10'" },
		{ "ttyS0,", "''" },
		{ "ttyS0,0", "'0'" },
		{ "ttyS0,n8", "'n8'" },
		{ "ttyS0,115200e8", "'e8'" },
		{ "ttyS0,115200n7", "'n7'" },
		{ "ttyS0,115200n8r", "'n8r'" },
		{ "ttyS0,99999999999999999999999", "'99999999999999999999999'" },
		{ "ttyS0,9600,x", "'x'" },
		{ "ttyS0,9600,x,y,z", "'x'" },
		{ "uart8250", "'uart8250'" },
		{ "uart8250,io", "'uart8250'" },
		{ "uart8250,pci,0x10", "'pci'" },
		{ "uart8250,io,", "''" },
		{ "uart8250,io,0x", "'0x'" },
		{ "uart8250,io,3f8", "'3f8'" },
		{ "uart8250,io,0", "'0'" },
		{ "uart8250,io,0xfff9", "'0xfff9'" },
		{ "uart8250,mmio32,0xfe031002", "'0xfe031002'" },
		{ "uart8250,mmio,0xffffffffffffffff", "'0xffffffffffffffff'" },
		{ "uart8250,mmio,0x1ffffffffffffffff", "'0x1ffffffffffffffff'" },
		{ "uart8250,mmio,0x1000,9600,x", "'x'" },
		{ "uart8250,mmio,0x1000,9600,x,y", "'x'" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct console_spec spec = { 1, 2, 3, 4 }, untouched = spec;
		struct problem p = { 0 };

		assert_int_equal(console_spec_parse(cases[i].text, &spec, &p), E_CONFIG_VALUE);
		assert_memory_equal(&spec, &untouched, sizeof(spec));
		if (!strstr(p.text, cases[i].word))
			fail_msg("%s: %s is not named in: %s", cases[i].text, cases[i].word, p.text);
	}
}

/* Random edits of good texts: no crash, and what is accepted keeps the promises of the header. */
static void random_edits(void **state)
{
	static const char *const seeds[] = { "ttyS1,115200n8", "uart8250,mmio32,0xfe031000,115200n8", "uart,io,0x3f8" };
	static const char soup[] = ",0123456789xXabcdefnmiotyS8";
	unsigned seed = 6, accepted = 0;

	(void)state;
	for (int round = 0; round < 50000; round++) {
		const char *from = seeds[rand_r(&seed) % 3];
		size_t n = strlen(from) + 1;
		char *text = malloc(n);
		struct console_spec spec;
		struct problem p = { 0 };

		memcpy(text, from, n);
		for (int edits = rand_r(&seed) % 4; edits >= 0; edits--)
			text[rand_r(&seed) % (n - 1)] = rand_r(&seed) % 20 ? soup[rand_r(&seed) % (sizeof(soup) - 1)]
									    : (char)rand_r(&seed);
		if (console_spec_parse(text, &spec, &p) == OK) {
			accepted++;
			assert_true(spec.base != 0 && spec.base % spec.stride == 0);
			assert_true(spec.mmio || spec.base < 0xfff8);
			assert_true(spec.stride == 1 || (spec.mmio && spec.stride == 4));
		} else {
			assert_int_equal(p.code, E_CONFIG_VALUE);
		}
		free(text);
	}
	assert_true(accepted > 1000 && accepted < 49000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones),
		cmocka_unit_test(bad_ones_name_the_word),
		cmocka_unit_test(random_edits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
