// SPDX-License-Identifier: MIT
/*
 * A memory map, raw or built from small numbers, then carved: whatever prepare lets through stays sorted and
 * complete, and the lists made of it are sorted and apart.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "boot/efimap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DESCRIPTORS 80u

static uint8_t buffer[DESCRIPTORS * 48] __attribute__((aligned(8)));

static void want(bool so)
{
	if (!so)
		__builtin_trap();
}

static uint64_t pages_of(const struct efi_map *map)
{
	uint64_t pages = 0, end = 0;

	for (unsigned i = 0; i < efimap_count(map); i++) {
		const struct efi_descriptor *d = efimap_at(map, i);

		want(d->pages && d->phys >= end);
		end = d->phys + (d->pages << 12);
		pages += d->pages;
	}
	return pages;
}

/* Four bytes a descriptor: type, gap in pages, pages, attribute. */
static size_t build_map(struct efi_map *map, const uint8_t *data, size_t size)
{
	uint64_t at = 0;
	size_t used = 0;

	for (unsigned i = 0; i < 40 && used + 4 <= size && data[used] != 0xff; i++, used += 4) {
		struct efi_descriptor *d = (struct efi_descriptor *)(buffer + map->size);

		at += data[used + 1] & 0x3f;
		*d = (struct efi_descriptor){ data[used] & 0x1f, 0, at << 12, 0, data[used + 2],
					      data[used + 3] & 1 ? EFI_ATTRIBUTE_SP :
					      data[used + 3] & 2 ? EFI_ATTRIBUTE_RUNTIME : 0xf };
		/* Now and then back again: an overlap. */
		at += data[used + 1] & 0x80 ? 0 : data[used + 2];
		map->size += map->descriptor_size;
	}
	return used;
}

static void check_lists(const struct efi_map *map)
{
	struct e820_entry e820[DESCRIPTORS];
	struct place_range list[DESCRIPTORS + 2];
	uint64_t base;
	unsigned count;

	want(!efimap_to_e820(map, e820, DESCRIPTORS, &count, NULL));
	for (unsigned i = 1; i < count; i++)
		want(e820[i - 1].addr + e820[i - 1].size <= e820[i].addr);
	want(!efimap_list_free(map, true, list, DESCRIPTORS + 2, &count, NULL));
	for (unsigned i = 0; i < count; i++) {
		want(list[i].size && list[i].base >= 4096);
		want(!i || list[i - 1].base + list[i - 1].size < list[i].base);
		want(!place_overlap(list[i].base, list[i].size, 0x9f000, 0x61000));
	}
	if (!efimap_find_hole(map, 0x5000, 4096, 1ull << 32, NULL, 0, &base, NULL))
		want(efimap_is_memory(map, base, 0x5000) && base + 0x5000 <= 1ull << 32);
	(void)efimap_ram_bytes(map);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct efi_map map = { (uintptr_t)buffer, 0, sizeof(buffer), 48, 1 };
	struct problem p = { 0 };
	uint64_t pages;
	size_t used;

	if (size < 2 || size > sizeof(buffer))
		return 0;
	memset(buffer, 0, sizeof(buffer));
	if (data[0] & 1) {
		map.descriptor_size = data[1];
		map.size = (uint32_t)size - 2;
		memcpy(buffer, data + 2, size - 2);
		used = size;
	} else {
		used = 2 + build_map(&map, data + 2, size - 2);
	}
	if (efimap_prepare(&map, &p)) {
		want(p.code == E_MEMORY_MAP && p.text[0]);
		return 0;
	}
	pages = pages_of(&map);
	for (; used + 4 <= size; used += 4) {
		uint64_t base = (uint64_t)(data[used] | data[used + 1] << 8) << 12;
		uint64_t bytes = (uint64_t)data[used + 2] << 12;

		if (!efimap_carve(&map, base, bytes, data[used + 3] & 0xf, NULL))
			want(efimap_at(&map, 0) && bytes);
		want(pages_of(&map) == pages);
	}
	check_lists(&map);
	return 0;
}
