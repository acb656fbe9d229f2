// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/spcr.h"

static void make(uint8_t t[80], uint8_t interface, uint8_t space, uint8_t width, uint64_t address, uint8_t baud)
{
	memset(t, 0, 80);
	t[36] = interface;
	t[40] = space;
	t[41] = width;
	memcpy(t + 44, &address, 8);
	t[58] = baud;
}

static void test_spcr__io_port(void **state)
{
	struct console_spec out;
	struct problem p = { 0 };
	uint8_t t[80];

	(void)state;
	make(t, 0, 1, 8, 0x3f8, 7);
	assert_int_equal(spcr_parse(t, sizeof(t), &out, &p), OK);
	assert_int_equal(out.base, 0x3f8);
	assert_int_equal(out.mmio, 0);
	assert_int_equal(out.stride, 1);
	assert_int_equal(out.baud, 115200);
}

static void test_spcr__mmio32(void **state)
{
	struct console_spec out;
	struct problem p = { 0 };
	uint8_t t[80];

	(void)state;
	make(t, 0x12, 0, 32, 0xfe030000, 0);
	assert_int_equal(spcr_parse(t, sizeof(t), &out, &p), OK);
	assert_int_equal(out.base, 0xfe030000);
	assert_int_equal(out.mmio, 1);
	assert_int_equal(out.stride, 4);
	assert_int_equal(out.baud, 0);
}

static void test_spcr__refused(void **state)
{
	struct console_spec out = { .base = 7 };
	struct problem p = { 0 };
	uint8_t t[80];

	(void)state;
	make(t, 0, 1, 8, 0x3f8, 7);
	assert_int_equal(spcr_parse(t, 58, &out, &p), E_ACPI_TABLE);
	assert_string_equal(p.text, "SPCR: 58 bytes, its baud rate ends at 59");
	make(t, 3, 1, 8, 0x3f8, 7);
	assert_int_equal(spcr_parse(t, sizeof(t), &out, NULL), E_NOT_SUPPORTED);
	make(t, 0, 2, 8, 0x3f8, 7);
	assert_int_equal(spcr_parse(t, sizeof(t), &out, NULL), E_NOT_SUPPORTED);
	make(t, 0, 1, 8, 0, 7);
	assert_int_equal(spcr_parse(t, sizeof(t), &out, NULL), E_NOT_SUPPORTED);
	assert_int_equal(out.base, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spcr__io_port),
		cmocka_unit_test(test_spcr__mmio32),
		cmocka_unit_test(test_spcr__refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
