// SPDX-License-Identifier: MIT
/* Taking memory and giving it back leaves the map as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "boot/efimap.h"

#define PAGE 4096ull

static struct efi_descriptor d[32], before[32];
static struct efi_map map;

static int make(void **state)
{
	static const struct efi_descriptor made[] = {
		{ EFI_TYPE_CONVENTIONAL, 0, 0, 0, 0xa0, 0xf }, { EFI_TYPE_CONVENTIONAL, 0, 0x100000, 0, 0x700, 0xf },
		{ EFI_TYPE_RESERVED, 0, 0x800000, 0, 0x10, 0xf },
		{ EFI_TYPE_CONVENTIONAL, 0, 0x810000, 0, 0x100, 0xf },
		{ EFI_TYPE_CONVENTIONAL, 0, 0x910000, 0, 0x100, EFI_ATTRIBUTE_SP | 0xf },
		{ EFI_TYPE_LOADER_DATA, 0, 0xa10000, 0, 0x10, 0xf },
	};

	(void)state;
	memset(d, 0, sizeof(d));
	memcpy(d, made, sizeof(made));
	memcpy(before, d, sizeof(d));
	map = (struct efi_map){ (uintptr_t)d, sizeof(made), sizeof(d), sizeof(d[0]), 1 };
	return 0;
}

static void test_back_as_it_was(void **state)
{
	struct problem p = { .code = OK };

	(void)state;
	for (uint64_t base = 0x100000; base < 0x800000; base += 0x80000) {
		assert_int_equal(efimap_carve(&map, base, 2 * PAGE, EFI_TYPE_RESERVED, &p), OK);
		assert_true(efimap_is_type(&map, base, 2 * PAGE, EFI_TYPE_RESERVED));
		assert_false(efimap_is_type(&map, base, 3 * PAGE, EFI_TYPE_RESERVED));
		assert_int_equal(efimap_free(&map, base, 2 * PAGE, &p), OK);
		assert_int_equal(efimap_count(&map), 6);
		assert_memory_equal(d, before, 6 * sizeof(d[0]));
	}
}

static void test_only_equals_are_joined(void **state)
{
	(void)state;
	efimap_join_free(&map);
	assert_int_equal(efimap_count(&map), 6);	/* a hole, another type, another attribute */
	assert_memory_equal(d, before, 6 * sizeof(d[0]));
}

static void test_several_in_a_row(void **state)
{
	struct problem p = { .code = OK };

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(efimap_carve(&map, 0x200000 + i * 0x1000, PAGE, i % 2 ? EFI_TYPE_RESERVED
					      : EFI_TYPE_LOADER_DATA, &p), OK);
	assert_int_equal(efimap_free(&map, 0x200000, 4 * PAGE, &p), OK);
	assert_int_equal(efimap_count(&map), 6);
	assert_memory_equal(d, before, 6 * sizeof(d[0]));
}

static void test_type_over_holes(void **state)
{
	(void)state;
	assert_false(efimap_is_type(&map, 0x9f000, 2 * PAGE, EFI_TYPE_CONVENTIONAL));
	assert_false(efimap_is_type(&map, 0xa1f000, 2 * PAGE, EFI_TYPE_LOADER_DATA));
	assert_true(efimap_is_type(&map, 0xa1f000, PAGE, EFI_TYPE_LOADER_DATA));
	assert_false(efimap_is_type(&map, 0x200000, 0, EFI_TYPE_CONVENTIONAL));
	assert_false(efimap_is_type(&map, ~0xfffull, 2 * PAGE, EFI_TYPE_CONVENTIONAL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_back_as_it_was, make), cmocka_unit_test_setup(test_only_equals_are_joined, make),
		cmocka_unit_test_setup(test_several_in_a_row, make), cmocka_unit_test_setup(test_type_over_holes, make),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
