// SPDX-License-Identifier: MIT
/* The fixed power button out of a FADT: where it is, and why there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/power_button.h"

static uint8_t fadt[244];

static void set(unsigned at, uint32_t value) { memcpy(fadt + at, &value, 4); }

static int q35(void **state)
{
	(void)state;
	memset(fadt, 0, sizeof(fadt));
	set(48, 0xb2);
	fadt[52] = 2;
	set(56, 0x600);
	set(64, 0x604);
	fadt[88] = 4;
	return 0;
}

static void it_is_found(void **state)
{
	struct power_button b;

	(void)state;
	power_button_parse(&b, fadt, sizeof(fadt));
	assert_null(b.none);
	assert_int_equal(b.status, 0x600);
	assert_int_equal(b.enable, 0x602);
	assert_int_equal(b.control, 0x604);
	assert_int_equal(b.smi_command, 0xb2);
	assert_int_equal(b.acpi_enable, 2);
}

static void there_is_none(void **state)
{
	static const struct { unsigned at; uint32_t value; const char *why; } cases[] = {
		{ 112, 1u << 20, "hardware-reduced" }, { 112, 1u << 4, "control method" }, { 56, 0, "PM1a" },
		{ 56, 0xfed00000, "PM1a" }, { 88, 3, "PM1a" },
	};
	struct power_button b;

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		q35(state);
		set(cases[i].at, cases[i].value);
		power_button_parse(&b, fadt, sizeof(fadt));
		assert_non_null(b.none);
		assert_non_null(strstr(b.none, cases[i].why));
	}
	q35(state);
	power_button_parse(&b, fadt, 115);
	assert_non_null(b.none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(it_is_found, q35), cmocka_unit_test_setup(there_is_none, q35),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
