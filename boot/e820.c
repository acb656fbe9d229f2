// SPDX-License-Identifier: MIT
#include "boot/e820.h"

#include <stddef.h>

#include "lib/string.h"

#define PAGE_SHIFT		12
#define E820_RESERVED_KERN	128u		/* Linux's own mark of RAM that holds setup_data */

/* As RAM to whoever asks: Linux's mark is no business of ours. */
static uint32_t type_of(const struct e820_entry *e)
{
	return e->type == E820_RESERVED_KERN ? E820_RAM : e->type;
}

static uint64_t start_of(const struct e820_entry *e)
{
	return type_of(e) == E820_RAM ? (e->addr + PLACE_PAGE - 1) & ~(PLACE_PAGE - 1) : e->addr & ~(PLACE_PAGE - 1);
}

static uint64_t end_of(const struct e820_entry *e)
{
	uint64_t end = e->addr + e->size;

	return type_of(e) == E820_RAM ? end & ~(PLACE_PAGE - 1) : (end + PLACE_PAGE - 1) & ~(PLACE_PAGE - 1);
}

static enum status check(const struct e820_entry *list, unsigned count, struct problem *problem)
{
	for (unsigned i = 0; i < count; i++)
		if (list[i].size > ~0ull - list[i].addr - PLACE_PAGE || list[i].addr > ~0ull - PLACE_PAGE)
			return problem_set(problem, E_MEMORY_MAP, "e820: entry %u at 0x%llx wraps: 0x%llx bytes", i,
					   (unsigned long long)list[i].addr, (unsigned long long)list[i].size);
	return OK;
}

/* The type of the page at an address, 0: no entry covers it; *end: up to where that stays so. */
static uint32_t type_at(const struct e820_entry *list, unsigned count, uint64_t at, uint64_t *end)
{
	uint32_t type = 0;

	*end = ~0ull;
	for (unsigned i = 0; i < count; i++) {
		uint64_t start = start_of(&list[i]), stop = end_of(&list[i]);

		if (start >= stop)
			continue;
		if (start > at && start < *end)
			*end = start;
		if (stop > at && stop < *end)
			*end = stop;
		if (start <= at && at < stop && type_of(&list[i]) > type)
			type = type_of(&list[i]);
	}
	return type;
}

static struct efi_descriptor describe(uint64_t base, uint64_t end, uint32_t type)
{
	struct efi_descriptor d = { .phys = base, .pages = (end - base) >> PAGE_SHIFT };

	switch (type) {
	case E820_RAM: d.type = EFI_TYPE_CONVENTIONAL; break;
	case E820_SOFT_RESERVED: d.type = EFI_TYPE_CONVENTIONAL; d.attribute = EFI_ATTRIBUTE_SP; break;
	case E820_ACPI: d.type = EFI_TYPE_ACPI_RECLAIM; break;
	case E820_NVS: d.type = EFI_TYPE_ACPI_NVS; break;
	case E820_UNUSABLE: d.type = EFI_TYPE_UNUSABLE; break;
	case E820_PMEM: d.type = EFI_TYPE_PERSISTENT; break;
	default: d.type = EFI_TYPE_RESERVED;
	}
	return d;
}

enum status e820_to_map(const struct e820_entry *list, unsigned count, struct efi_map *map, struct problem *problem)
{
	enum status status = check(list, count, problem);
	uint64_t at = 0, end = 0, ram = 0;

	if (status)
		return status;
	map->size = 0;
	map->descriptor_size = sizeof(struct efi_descriptor);
	map->descriptor_version = 1;
	for (; end != ~0ull; at = end) {
		uint32_t type = type_at(list, count, at, &end);
		struct efi_descriptor d = describe(at, end, type);
		struct efi_descriptor *last = map->size ? efimap_at(map, efimap_count(map) - 1) : NULL;

		if (!type)
			continue;
		ram += type == E820_RAM ? d.pages : 0;
		if (last && last->type == d.type && last->attribute == d.attribute &&
		    last->phys + (last->pages << PAGE_SHIFT) == at) {
			last->pages += d.pages;
			continue;
		}
		if (map->capacity - map->size < map->descriptor_size)
			return problem_set(problem, E_NO_MEMORY, "e820: more than %u ranges",
					   map->capacity / map->descriptor_size);
		map->size += map->descriptor_size;
		*efimap_at(map, efimap_count(map) - 1) = d;
	}
	return ram ? OK : problem_set(problem, E_MEMORY_MAP, "e820: no RAM in %u entries", count);
}
