// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "x86/pc/reset.h"

static bool usable(uint8_t space, uint64_t address, uint16_t smi_port)
{
	struct reset_info info = { .address = address, .space = space, .value = 6, .smi_port = smi_port };

	return reset_register_usable(&info);
}

static void registers(void **state)
{
	(void)state;
	assert_true(usable(1, 0xcf9, 0xb2));
	assert_false(usable(1, 0xb2, 0xb2));	/* the SMI port: a reset there calls firmware */
	assert_false(usable(1, 0, 0xb2));
	assert_false(usable(1, 0x10cf9, 0xb2));
	assert_true(usable(0, 0xfed80000, 0xb2));
	assert_true(usable(0, 0xb2, 0xb2));	/* memory, not the port */
	assert_false(usable(0, 0, 0));
	assert_true(usable(2, 31ull << 32 | 0x64, 0));
	assert_false(usable(2, 32ull << 32 | 0x64, 0));
	assert_false(usable(2, 8ull << 16 | 0x64, 0));
	assert_false(usable(2, 0x100, 0));
	assert_false(usable(3, 0xcf9, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
