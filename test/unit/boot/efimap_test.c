// SPDX-License-Identifier: MIT
#include "test/unit/boot/support.h"

#include <string.h>

#include "boot/efimap.h"

#define STRIDE		48u
#define ROOM		64u
#define MODEL_PAGES	512u

static uint8_t buffer[STRIDE * ROOM] __attribute__((aligned(8)));
static struct efi_map map;
static struct problem p;

static int fresh(void **state)
{
	(void)state;
	memset(buffer, 0, sizeof(buffer));
	map = (struct efi_map){ (uintptr_t)buffer, 0, sizeof(buffer), STRIDE, 1 };
	p = (struct problem){ 0 };
	return 0;
}

static void prepare_sorts_and_drops(void **state)
{
	(void)state;
	map_add(&map, EFI_TYPE_CONVENTIONAL, 0x200000, 16, 0xf);
	map_add(&map, EFI_TYPE_CONVENTIONAL, 0x5000, 0, 0xf);
	map_add(&map, EFI_TYPE_BOOT_DATA, 0, 16, 0xf);
	map_add(&map, EFI_TYPE_RESERVED, 0x100000, 256, 0);
	assert_problem(&p, efimap_prepare(&map, &p), OK, "");
	assert_int_equal(efimap_count(&map), 3);
	assert_int_equal(efimap_at(&map, 0)->phys, 0);
	assert_int_equal(efimap_at(&map, 1)->phys, 0x100000);
	assert_int_equal(efimap_at(&map, 2)->attribute, 0xf);
}

static void malformed_maps(void **state)
{
	static const struct { int field; uint64_t value; const char *piece; } bad[] = {
		{ 0, 0, "address" }, { 0, 4, "address" }, { 1, 47, "no multiple" }, { 1, 0, "no multiple" },
		{ 1, STRIDE * (ROOM + 1), "in a buffer of" }, { 2, 39, "descriptor size" },
		{ 2, 44, "descriptor size" }, { 2, 264, "descriptor size" }, { 2, 0, "descriptor size" },
		{ 3, 2, "version" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fresh(NULL);
		map_add(&map, EFI_TYPE_CONVENTIONAL, 0x100000, 16, 0);
		if (bad[i].field == 0)
			map.base = bad[i].value;
		else if (bad[i].field == 1)
			map.size = (uint32_t)bad[i].value;
		else if (bad[i].field == 2)
			map.descriptor_size = (uint32_t)bad[i].value;
		else
			map.descriptor_version = (uint32_t)bad[i].value;
		assert_problem(&p, efimap_prepare(&map, &p), E_MEMORY_MAP, bad[i].piece);
	}
	fresh(NULL);
	map.size = map.capacity = 8193 * STRIDE;
	assert_problem(&p, efimap_prepare(&map, &p), E_MEMORY_MAP, "more than 8192 descriptors");
	fresh(NULL);
	map_add(&map, EFI_TYPE_CONVENTIONAL, 0x100800, 16, 0);
	assert_problem(&p, efimap_prepare(&map, &p), E_MEMORY_MAP, "not on a page");
	fresh(NULL);
	map_add(&map, EFI_TYPE_CONVENTIONAL, 0x100000, 1ull << 52, 0);
	assert_problem(&p, efimap_prepare(&map, &p), E_MEMORY_MAP, "wraps");
	fresh(NULL);
	map_add(&map, EFI_TYPE_CONVENTIONAL, ~0ull << 12, 1, 0);
	assert_problem(&p, efimap_prepare(&map, &p), E_MEMORY_MAP, "wraps");
	fresh(NULL);
	map_add(&map, EFI_TYPE_CONVENTIONAL, 0x100000, 16, 0);
	map_add(&map, EFI_TYPE_RESERVED, 0x10f000, 1, 0);
	assert_problem(&p, efimap_prepare(&map, &p), E_MEMORY_MAP, "overlaps");
}

static void carve_splits(void **state)
{
	(void)state;
	map_add(&map, EFI_TYPE_CONVENTIONAL, 0x100000, 256, 0xf);
	efimap_at(&map, 0)->virt = 0xffff0000ull;
	assert_problem(&p, efimap_carve(&map, 0x110000, 0x4000, EFI_TYPE_RESERVED, &p), OK, "");
	assert_int_equal(efimap_count(&map), 3);
	assert_int_equal(efimap_at(&map, 0)->pages, 16);
	assert_int_equal(efimap_at(&map, 1)->type, EFI_TYPE_RESERVED);
	assert_int_equal(efimap_at(&map, 1)->phys, 0x110000);
	assert_int_equal(efimap_at(&map, 1)->pages, 4);
	assert_int_equal(efimap_at(&map, 1)->attribute, 0xf);
	assert_int_equal(efimap_at(&map, 2)->phys, 0x114000);
	assert_int_equal(efimap_at(&map, 2)->virt, 0xffff0000ull + 0x14000);
	/* Again changes nothing: what has the type is not split. */
	assert_int_equal(efimap_carve(&map, 0x111000, 0x1000, EFI_TYPE_RESERVED, &p), OK);
	assert_int_equal(efimap_count(&map), 3);
	/* Across all three and exactly at the ends. */
	assert_int_equal(efimap_carve(&map, 0x100000, 0x100000, EFI_TYPE_RESERVED, &p), OK);
	assert_int_equal(efimap_count(&map), 3);
	assert_int_equal(efimap_at(&map, 2)->type, EFI_TYPE_RESERVED);
}

static void carve_refuses(void **state)
{
	uint8_t before[sizeof(buffer)];

	(void)state;
	map_add(&map, EFI_TYPE_CONVENTIONAL, 0x100000, 16, 0);
	map_add(&map, EFI_TYPE_RUNTIME_DATA, 0x110000, 16, EFI_ATTRIBUTE_RUNTIME);
	map_add(&map, EFI_TYPE_CONVENTIONAL, 0x130000, 16, 0);
	/* What an earlier, longer map left behind the end is no part of this one. */
	map_add(&map, EFI_TYPE_CONVENTIONAL, 0x140000, 16, 0);
	map.size -= STRIDE;
	memcpy(before, buffer, sizeof(before));
	assert_problem(&p, efimap_carve(&map, 0x12f000, 0x2000, 0, &p), E_MEMORY_MAP, "0x12f000 is not in");
	assert_int_equal(efimap_carve(&map, 0x13f000, 0x2000, 0, NULL), E_MEMORY_MAP);
	assert_int_equal(efimap_carve(&map, 0xff000, 0x2000, 0, NULL), E_MEMORY_MAP);
	p = (struct problem){ 0 };
	assert_problem(&p, efimap_carve(&map, 0x10f000, 0x2000, 0, &p), E_MEMORY_MAP, "runtime");
	p = (struct problem){ 0 };
	assert_problem(&p, efimap_carve(&map, 0x100800, 0x1000, 0, &p), E_MEMORY_MAP, "whole pages");
	assert_int_equal(efimap_carve(&map, 0x100000, 0, 0, NULL), E_MEMORY_MAP);
	assert_int_equal(efimap_carve(&map, ~0xfffull, 0x2000, 0, NULL), E_MEMORY_MAP);
	p = (struct problem){ 0 };
	map.capacity = map.size + STRIDE;
	assert_problem(&p, efimap_carve(&map, 0x101000, 0x1000, 0, &p), E_NO_MEMORY, "no room");
	assert_memory_equal(before, buffer, sizeof(before));
	assert_int_equal(efimap_carve(&map, 0x100000, 0x1000, 0, NULL), OK);
}

static void e820_types(void **state)
{
	static const uint32_t wanted[] = { 2, 1, 1, 1, 1, 2, 2, 1, 5, 3, 4, 2, 2, 2, 7 };
	struct e820_entry out[ROOM];
	unsigned count;

	(void)state;
	for (uint32_t type = 0; type < 15; type++)
		map_add(&map, type, (type + 1) * 0x100000ull, 1, 0);
	map_add(&map, EFI_TYPE_UNACCEPTED, 0x2000000, 1, 0);
	map_add(&map, 0x80000001, 0x3000000, 1, 0);
	map_add(&map, EFI_TYPE_CONVENTIONAL, 0x4000000, 1, EFI_ATTRIBUTE_SP);
	map_add(&map, EFI_TYPE_BOOT_DATA, 0x4001000, 1, EFI_ATTRIBUTE_SP);
	map_add(&map, EFI_TYPE_CONVENTIONAL, 0x4002000, 1, 0);
	map_add(&map, EFI_TYPE_LOADER_DATA, 0x4003000, 2, 0);
	assert_problem(&p, efimap_to_e820(&map, out, ROOM, &count, &p), OK, "");
	assert_int_equal(count, 18);
	for (unsigned i = 0; i < 15; i++)
		assert_int_equal(out[i].type, wanted[i]);
	assert_int_equal(out[15].type, E820_RESERVED);
	assert_int_equal(out[16].type, E820_SOFT_RESERVED);
	assert_int_equal(out[16].size, 0x2000);
	assert_int_equal(out[17].type, E820_RAM);
	assert_int_equal(out[17].size, 0x3000);
	assert_problem(&p, efimap_to_e820(&map, out, 17, &count, &p), E_NO_MEMORY, "17 entries");
}

static void low_memory_is_clipped(void **state)
{
	struct place_range out[8];
	unsigned count;

	(void)state;
	map_add(&map, EFI_TYPE_CONVENTIONAL, 0, 0x200, 0);
	assert_int_equal(efimap_list_free(&map, false, out, 8, &count, &p), OK);
	assert_int_equal(count, 2);
	assert_int_equal(out[0].base, 0x1000);
	assert_int_equal(out[0].size, 0x9e000);
	assert_int_equal(out[1].base, 0x100000);
	assert_int_equal(out[1].size, 0x100000);
	assert_problem(&p, efimap_list_free(&map, false, out, 1, &count, &p), E_NO_MEMORY, "1 ranges");
}

static void holes_touch_reserved_memory(void **state)
{
	struct place_range avoid = { 0x3f0000, 0x1000 };
	uint64_t base;

	(void)state;
	map_add(&map, EFI_TYPE_CONVENTIONAL, 0x100000, 0x100, 0);		/* free on both sides */
	map_add(&map, EFI_TYPE_BOOT_DATA, 0x200000, 0x100, 0);
	map_add(&map, EFI_TYPE_CONVENTIONAL, 0x300000, 0x100, 0);		/* reserved above */
	map_add(&map, EFI_TYPE_ACPI_NVS, 0x400000, 0x10, 0);
	map_add(&map, EFI_TYPE_LOADER_DATA, 0x410000, 0x10, 0);
	map_add(&map, EFI_TYPE_CONVENTIONAL, 0x420000, 0x1000, 0);	/* higher, but nothing reserved beside it */
	assert_int_equal(efimap_find_hole(&map, 0x10000, 4096, 1ull << 32, NULL, 0, &base, &p), OK);
	assert_int_equal(base, 0x3f0000);
	/* Taken: nothing touches any more, so the highest. */
	assert_int_equal(efimap_find_hole(&map, 0x10000, 4096, 1ull << 32, &avoid, 1, &base, &p), OK);
	assert_int_equal(base, 0x1410000);
	assert_int_equal(efimap_find_hole(&map, 0x10000, 4096, 0x200000, NULL, 0, &base, &p), OK);
	assert_int_equal(base, 0x1f0000);
	/* A size that is no whole page still ends at the border. */
	assert_int_equal(efimap_find_hole(&map, 0xf001, 4096, 1ull << 32, NULL, 0, &base, &p), OK);
	assert_int_equal(base, 0x3f0000);
	assert_problem(&p, efimap_find_hole(&map, 0x10000000, 4096, 1ull << 32, NULL, 0, &base, &p), E_PLACEMENT,
		       "no free");
	/* After carving, the next one lies beside it. */
	assert_int_equal(efimap_carve(&map, 0x3f0000, 0x10000, EFI_TYPE_RESERVED, NULL), OK);
	assert_int_equal(efimap_find_hole(&map, 0x2000, 4096, 1ull << 32, NULL, 0, &base, NULL), OK);
	assert_int_equal(base, 0x3ee000);
}

/* Beside what is reserved e820 has no entry more, so that comes first, even if it is lower. */
static void holes_beside_reserved_first(void **state)
{
	struct e820_entry e820[8];
	unsigned before, after;
	uint64_t base = 0;

	(void)state;
	map_add(&map, EFI_TYPE_CONVENTIONAL, 0x100000, 0x100, 0);
	map_add(&map, EFI_TYPE_RESERVED, 0x200000, 0x10, 0);
	map_add(&map, EFI_TYPE_LOADER_DATA, 0x210000, 0x10, 0);
	map_add(&map, EFI_TYPE_CONVENTIONAL, 0x220000, 0x100, 0);
	map_add(&map, EFI_TYPE_ACPI_NVS, 0x320000, 0x10, 0);
	assert_int_equal(efimap_to_e820(&map, e820, 8, &before, NULL), OK);
	assert_int_equal(efimap_find_hole(&map, 0x10000, 4096, 1ull << 32, NULL, 0, &base, NULL), OK);
	assert_int_equal(base, 0x1f0000);
	assert_int_equal(efimap_carve(&map, base, 0x10000, EFI_TYPE_RESERVED, NULL), OK);
	assert_int_equal(efimap_to_e820(&map, e820, 8, &after, NULL), OK);
	assert_int_equal(after, before);
}

static void memory_questions(void **state)
{
	(void)state;
	map_add(&map, EFI_TYPE_CONVENTIONAL, 0x100000, 16, 0);
	map_add(&map, EFI_TYPE_ACPI_RECLAIM, 0x110000, 16, 0);
	map_add(&map, EFI_TYPE_MMIO, 0x120000, 16, 0);
	map_add(&map, EFI_TYPE_CONVENTIONAL, 0x130000, 16, EFI_ATTRIBUTE_SP);
	map_add(&map, EFI_TYPE_CONVENTIONAL, 0x140000, 16, 0);
	map.size -= STRIDE;
	assert_int_equal(efimap_ram_bytes(&map), 0x20000);
	for (uint64_t at = 0xff000; at < 0x150000; at += 0x1000)
		assert_int_equal(efimap_is_ram(&map, at), at >= 0x100000 && at < 0x120000);
	assert_true(efimap_is_memory(&map, 0x10ffff, 2));
	assert_true(efimap_is_memory(&map, 0x100000, 0x20000));
	assert_false(efimap_is_memory(&map, 0x11ffff, 2));
	assert_false(efimap_is_memory(&map, 0xfffff, 2));
	assert_false(efimap_is_memory(&map, 0x13ffff, 2));
	assert_false(efimap_is_memory(&map, 0x100000, 0));
	assert_false(efimap_is_memory(&map, ~0ull, 2));
}

/* One number per page of the first two MiB: type + 1, bit 7 for SP; 0: not in the map. */
static uint8_t model[MODEL_PAGES];

static void random_map(struct rng *rng)
{
	static const uint8_t types[] = { 7, 7, 7, 7, 0, 1, 2, 3, 4, 5, 9, 10, 11 };

	fresh(NULL);
	memset(model, 0, sizeof(model));
	for (uint64_t at = rng_below(rng, 3) * 16; at < MODEL_PAGES && efimap_count(&map) < 20;) {
		uint64_t pages = 1 + rng_below(rng, 60);
		uint32_t type = types[rng_below(rng, sizeof(types))];
		bool sp = type == 7 && !rng_below(rng, 6);

		if (at + pages > MODEL_PAGES)
			pages = MODEL_PAGES - at;
		map_add(&map, type, at << 12, pages, sp ? EFI_ATTRIBUTE_SP : 0xf);
		memset(model + at, (int)(type + 1) | (sp ? 0x80 : 0), pages);
		at += pages + (rng_below(rng, 3) ? 0 : rng_below(rng, 20));
	}
	/* Shuffled, as prepare has to sort. */
	for (unsigned i = 0; i < efimap_count(&map); i++) {
		struct efi_descriptor *a = efimap_at(&map, i), t = *a;
		struct efi_descriptor *b = efimap_at(&map, (unsigned)rng_below(rng, i + 1));

		*a = *b;
		*b = t;
	}
	assert_problem(&p, efimap_prepare(&map, &p), OK, "");
}

static void check_map(void)
{
	uint8_t seen[MODEL_PAGES] = { 0 };

	for (unsigned i = 0; i < efimap_count(&map); i++) {
		const struct efi_descriptor *d = efimap_at(&map, i);

		assert_true(d->pages && (!i || efimap_at(&map, i - 1)->phys < d->phys));
		for (uint64_t page = d->phys >> 12; page < (d->phys >> 12) + d->pages; page++) {
			assert_int_equal(seen[page], 0);
			seen[page] = (uint8_t)((d->type + 1) | (d->attribute & EFI_ATTRIBUTE_SP ? 0x80 : 0));
		}
	}
	assert_memory_equal(seen, model, sizeof(model));
}

static uint32_t model_e820(unsigned page)
{
	static const uint8_t kinds[] = { 2, 1, 1, 1, 1, 2, 2, 1, 5, 3, 4, 2 };

	uint32_t kind = model[page] ? kinds[(model[page] & 0x7f) - 1] : 0;

	return kind == E820_RAM && model[page] & 0x80 ? E820_SOFT_RESERVED : kind;
}

static bool model_free(unsigned page, bool with_loader)
{
	bool loader = model[page] == 2 || model[page] == 3;

	return page && (page < 0x9f || page >= 0x100) && (model[page] == 8 || (with_loader && loader));
}

static void check_e820(void)
{
	struct e820_entry out[ROOM];
	unsigned count, page = 0;

	assert_int_equal(efimap_to_e820(&map, out, ROOM, &count, &p), OK);
	for (unsigned i = 0; i < count; i++) {
		for (; page < out[i].addr >> 12; page++)
			assert_int_equal(model_e820(page), 0);
		for (; page < (out[i].addr + out[i].size) >> 12; page++)
			assert_int_equal(model_e820(page), out[i].type);
		assert_true(!i || out[i].type != out[i - 1].type || out[i - 1].addr + out[i - 1].size < out[i].addr);
	}
	for (; page < MODEL_PAGES; page++)
		assert_int_equal(model_e820(page), 0);
}

static void check_free(bool with_loader)
{
	struct place_range out[ROOM];
	unsigned count, page = 0;

	assert_int_equal(efimap_list_free(&map, with_loader, out, ROOM, &count, &p), OK);
	for (unsigned i = 0; i < count; i++) {
		assert_true(out[i].size && (!i || out[i].base > out[i - 1].base + out[i - 1].size));
		for (; page < out[i].base >> 12; page++)
			assert_false(model_free(page, with_loader));
		for (; page < (out[i].base + out[i].size) >> 12; page++)
			assert_true(model_free(page, with_loader));
	}
	for (; page < MODEL_PAGES; page++)
		assert_false(model_free(page, with_loader));
}

static bool model_reserved(unsigned page)
{
	return page < MODEL_PAGES && model_e820(page) && model_e820(page) != E820_RAM;
}

/* All places by trial: there is one if the answer is OK, and it touches reserved memory if any does. */
static void check_hole(uint64_t pages)
{
	uint64_t base = 0;
	bool any = false, touching = false, got = false;
	enum status status = efimap_find_hole(&map, pages << 12, 4096, MODEL_PAGES << 12, NULL, 0, &base, NULL);

	for (unsigned at = 0x100; at + pages <= MODEL_PAGES; at++) {
		bool fits = true, touches;

		for (unsigned i = 0; i < pages; i++)
			fits = fits && model_free(at + i, false);
		touches = fits && (model_reserved(at - 1) || model_reserved(at + (unsigned)pages));
		any |= fits;
		touching |= touches;
		if (!status && at == base >> 12) {
			assert_true(fits);
			got = touches;
		}
	}
	assert_int_equal(status, any ? OK : E_PLACEMENT);
	assert_int_equal(got, touching);
}

static void against_a_model(void **state)
{
	struct rng rng = { 0x656669 };
	unsigned carved = 0, refused = 0;

	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		random_map(&rng);
		check_map();
		for (unsigned step = 0; step < 6; step++) {
			uint64_t at = rng_below(&rng, MODEL_PAGES), pages = 1 + rng_below(&rng, 40);
			uint32_t type = rng_below(&rng, 2) ? EFI_TYPE_RESERVED : EFI_TYPE_LOADER_DATA;
			bool inside = at + pages <= MODEL_PAGES;

			for (uint64_t i = at; inside && i < at + pages; i++)
				inside = model[i];
			assert_int_equal(efimap_carve(&map, at << 12, pages << 12, type, NULL),
					 inside ? OK : E_MEMORY_MAP);
			for (uint64_t i = at; inside && i < at + pages; i++)
				model[i] = (uint8_t)((type + 1) | (model[i] & 0x80));
			inside ? carved++ : refused++;
			check_map();
		}
		check_e820();
		check_free(false);
		check_free(true);
		check_hole(1 + rng_below(&rng, 30));
	}
	assert_true(carved > 1000 && refused > 1000);
}

/* Free memory in the range becomes the loader's, whole pages; nothing else changes. */
static void claims(void **state)
{
	(void)state;
	map_add(&map, EFI_TYPE_CONVENTIONAL, 0x100000, 16, 0xf);
	map_add(&map, EFI_TYPE_RESERVED, 0x110000, 16, 0);
	map_add(&map, EFI_TYPE_CONVENTIONAL, 0x140000, 16, 0xf);
	map_add(&map, EFI_TYPE_CONVENTIONAL, 0x160000, 16, EFI_ATTRIBUTE_RUNTIME);
	assert_problem(&p, efimap_prepare(&map, &p), OK, "");
	assert_problem(&p, efimap_claim(&map, 0x10f123, 0x32000, &p), OK, "");
	assert_int_equal(efimap_count(&map), 6);
	assert_int_equal(efimap_at(&map, 1)->phys, 0x10f000);
	assert_int_equal(efimap_at(&map, 1)->type, EFI_TYPE_LOADER_DATA);
	assert_int_equal(efimap_at(&map, 2)->type, EFI_TYPE_RESERVED);
	assert_int_equal(efimap_at(&map, 3)->phys, 0x140000);
	assert_int_equal(efimap_at(&map, 3)->type, EFI_TYPE_LOADER_DATA);
	assert_int_equal(efimap_at(&map, 3)->pages, 2);
	assert_int_equal(efimap_at(&map, 4)->type, EFI_TYPE_CONVENTIONAL);
	assert_problem(&p, efimap_claim(&map, 0x112000, 0x1000, &p), OK, "");	/* inside what is not free */
	assert_problem(&p, efimap_claim(&map, 0x10f000, 0x800, &p), OK, "");
	assert_problem(&p, efimap_claim(&map, 0x120000, 0x1000, &p), OK, "");
	assert_problem(&p, efimap_claim(&map, 0x100000, 0, &p), OK, "");
	assert_problem(&p, efimap_claim(&map, 0x900000, 0x1000, &p), OK, "");
	assert_int_equal(efimap_count(&map), 6);
	assert_problem(&p, efimap_claim(&map, 0x160000, 0x1000, &p), E_MEMORY_MAP, "runtime");
	/* The same, for good. */
	assert_problem(&p, efimap_keep(&map, 0x148123, 0x1000, &p), OK, "");
	assert_problem(&p, efimap_keep(&map, 0x10f000, 0x1000, &p), OK, "");
	assert_int_equal(efimap_at(&map, 1)->type, EFI_TYPE_LOADER_DATA);
	assert_int_equal(efimap_count(&map), 8);
	assert_int_equal(efimap_at(&map, 5)->phys, 0x148000);
	assert_int_equal(efimap_at(&map, 5)->pages, 2);
	assert_int_equal(efimap_at(&map, 5)->type, EFI_TYPE_RESERVED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(prepare_sorts_and_drops, fresh), cmocka_unit_test_setup(malformed_maps, fresh),
		cmocka_unit_test_setup(carve_splits, fresh), cmocka_unit_test_setup(carve_refuses, fresh),
		cmocka_unit_test_setup(e820_types, fresh), cmocka_unit_test_setup(low_memory_is_clipped, fresh),
		cmocka_unit_test_setup(holes_touch_reserved_memory, fresh),
		cmocka_unit_test_setup(holes_beside_reserved_first, fresh),
		cmocka_unit_test_setup(memory_questions, fresh),
		cmocka_unit_test_setup(against_a_model, fresh),
		cmocka_unit_test_setup(claims, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
