// SPDX-License-Identifier: MIT
#include "test/unit/boot/support.h"

#include <string.h>

#include "boot/e820.h"

#define MODEL_PAGES 64u

static uint8_t buffer[200 * sizeof(struct efi_descriptor)] __attribute__((aligned(8)));
static struct efi_map map;
static struct e820_entry list[64];
static unsigned count;
static struct problem p;

static int fresh(void **state)
{
	(void)state;
	map = (struct efi_map){ (uintptr_t)buffer, 0, sizeof(buffer), 0, 0 };
	count = 0;
	p = (struct problem){ 0 };
	return 0;
}

static void add(uint64_t addr, uint64_t size, uint32_t type)
{
	list[count++] = (struct e820_entry){ addr, size, type };
}

static enum status convert(void)
{
	return e820_to_map(list, count, &map, &p);
}

static void assert_descriptor(unsigned i, uint64_t phys, uint64_t pages, uint32_t type)
{
	const struct efi_descriptor *d = efimap_at(&map, i);

	assert_int_equal(d->phys, phys);
	assert_int_equal(d->pages, pages);
	assert_int_equal(d->type, type);
}

/* SeaBIOS's list of a machine with 1 GiB, with its odd ends. */
static void pc(void **state)
{
	(void)state;
	add(0, 0x9fc00, 1);
	add(0x9fc00, 0x400, 2);
	add(0xf0000, 0x10000, 2);
	add(0x100000, 0x3fee0000, 1);
	add(0x3ffe0000, 0x20000, 3);
	add(0xfeffc000, 0x4000, 2);
	assert_problem(&p, convert(), OK, "");
	assert_int_equal(efimap_count(&map), 6);
	assert_descriptor(0, 0, 0x9f, EFI_TYPE_CONVENTIONAL);
	assert_descriptor(1, 0x9f000, 1, EFI_TYPE_RESERVED);
	assert_descriptor(3, 0x100000, 0x3fee0, EFI_TYPE_CONVENTIONAL);
	assert_descriptor(4, 0x3ffe0000, 0x20, EFI_TYPE_ACPI_RECLAIM);
	assert_int_equal(efimap_prepare(&map, &p), OK);
}

static void types_and_order(void **state)
{
	(void)state;
	add(0x50000, 0x1000, 0xefffffff);
	add(0x40000, 0x1000, 7);
	add(0x30000, 0x1000, 5);
	add(0x20000, 0x1000, 4);
	add(0x10000, 0x1000, 128);	/* Linux's mark of RAM with setup_data */
	add(0x11000, 0x1000, 1);
	add(0x60000, 0x1000, 12);
	add(0x70000, 0, 2);
	assert_problem(&p, convert(), OK, "");
	assert_int_equal(efimap_count(&map), 6);
	assert_descriptor(0, 0x10000, 2, EFI_TYPE_CONVENTIONAL);
	assert_descriptor(1, 0x20000, 1, EFI_TYPE_ACPI_NVS);
	assert_descriptor(2, 0x30000, 1, EFI_TYPE_UNUSABLE);
	assert_descriptor(3, 0x40000, 1, EFI_TYPE_PERSISTENT);
	assert_descriptor(4, 0x50000, 1, EFI_TYPE_CONVENTIONAL);
	assert_int_equal(efimap_at(&map, 4)->attribute, EFI_ATTRIBUTE_SP);
	assert_descriptor(5, 0x60000, 1, EFI_TYPE_RESERVED);
}

static void higher_type_wins(void **state)
{
	(void)state;
	add(0x10000, 0x10000, 2);
	add(0x8000, 0x20000, 1);
	add(0x14000, 0x1000, 4);
	assert_problem(&p, convert(), OK, "");
	assert_int_equal(efimap_count(&map), 5);
	assert_descriptor(0, 0x8000, 8, EFI_TYPE_CONVENTIONAL);
	assert_descriptor(1, 0x10000, 4, EFI_TYPE_RESERVED);
	assert_descriptor(2, 0x14000, 1, EFI_TYPE_ACPI_NVS);
	assert_descriptor(3, 0x15000, 11, EFI_TYPE_RESERVED);
	assert_descriptor(4, 0x20000, 8, EFI_TYPE_CONVENTIONAL);
}

static void malformed(void **state)
{
	(void)state;
	assert_problem(&p, convert(), E_MEMORY_MAP, "no RAM in 0");
	fresh(NULL);
	add(0x1000, 0x1000, 2);
	assert_problem(&p, convert(), E_MEMORY_MAP, "no RAM");
	fresh(NULL);
	add(0x1000, 0x1000, 1);
	add(0x10000, ~0ull - 0x100, 2);
	assert_problem(&p, convert(), E_MEMORY_MAP, "entry 1 at 0x10000 wraps");
	fresh(NULL);
	add(~0ull, 0, 1);
	assert_problem(&p, convert(), E_MEMORY_MAP, "entry 0");
	fresh(NULL);
	for (unsigned i = 0; i < 10; i++)
		add(i * 0x2000, 0x1000, 1);
	map.capacity = 9 * sizeof(struct efi_descriptor);
	assert_problem(&p, convert(), E_NO_MEMORY, "more than 9");
}

/* Page by page: RAM only where all of it is RAM and nothing else touches it, the highest type else. */
static uint32_t model(unsigned page)
{
	uint64_t start = page * 4096ull, end = start + 4096;
	uint32_t type = 0;

	for (unsigned i = 0; i < count; i++) {
		uint64_t from = list[i].addr, to = from + list[i].size;
		bool ram = list[i].type == 1;

		if (ram ? from <= start && to >= end : from < end && to > start)
			type = list[i].type > type ? list[i].type : type;
	}
	return type;
}

static void random_lists(void **state)
{
	static const uint32_t of_efi[] = { [EFI_TYPE_RESERVED] = 2, [EFI_TYPE_CONVENTIONAL] = 1, [EFI_TYPE_UNUSABLE] = 5,
					   [EFI_TYPE_ACPI_RECLAIM] = 3, [EFI_TYPE_ACPI_NVS] = 4 };
	struct rng rng = { 0x65383230 };
	unsigned good = 0;

	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		uint32_t got[MODEL_PAGES] = { 0 };

		fresh(NULL);
		for (unsigned i = rng_below(&rng, 12); i; i--)
			add(rng_below(&rng, MODEL_PAGES * 3000), 1 + rng_below(&rng, 60000), 1 + rng_below(&rng, 5));
		if (convert() != OK)
			continue;
		good++;
		assert_int_equal(efimap_prepare(&map, &p), OK);
		for (unsigned i = 0; i < efimap_count(&map); i++)
			for (uint64_t n = 0; n < efimap_at(&map, i)->pages; n++)
				if (efimap_at(&map, i)->phys / 4096 + n < MODEL_PAGES)
					got[efimap_at(&map, i)->phys / 4096 + n] = of_efi[efimap_at(&map, i)->type];
		for (unsigned page = 0; page < MODEL_PAGES; page++)
			assert_int_equal(got[page], model(page));
	}
	assert_true(good > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(pc, fresh), cmocka_unit_test_setup(types_and_order, fresh),
		cmocka_unit_test_setup(higher_type_wins, fresh), cmocka_unit_test_setup(malformed, fresh),
		cmocka_unit_test(random_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
