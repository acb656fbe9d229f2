// SPDX-License-Identifier: MIT
/* Memory that is given back leaves the map as it was before it was taken: no descriptor more (protocol rule 18). */
#include "boot/efimap.h"
#include "lib/string.h"

#define PAGE_SHIFT 12

static bool continues(const struct efi_descriptor *low, const struct efi_descriptor *high)
{
	return low->type == EFI_TYPE_CONVENTIONAL && high->type == EFI_TYPE_CONVENTIONAL &&
	       low->attribute == high->attribute && low->phys + (low->pages << PAGE_SHIFT) == high->phys;
}

void efimap_join_free(struct efi_map *map)
{
	unsigned kept = 0;

	for (unsigned i = 1; i < efimap_count(map); i++) {
		struct efi_descriptor *last = efimap_at(map, kept), *d = efimap_at(map, i);

		if (continues(last, d)) {
			last->pages += d->pages;
			continue;
		}
		kept++;
		if (kept != i)
			memcpy(efimap_at(map, kept), d, map->descriptor_size);
	}
	if (map->size)
		map->size = (kept + 1) * map->descriptor_size;
}

enum status efimap_free(struct efi_map *map, uint64_t base, uint64_t size, struct problem *problem)
{
	enum status status = efimap_carve(map, base, size, EFI_TYPE_CONVENTIONAL, problem);

	if (!status)
		efimap_join_free(map);
	return status;
}

bool efimap_is_type(const struct efi_map *map, uint64_t base, uint64_t size, uint32_t type)
{
	uint64_t end = base + size;

	if (!size || end < base)
		return false;
	for (unsigned i = 0; i < efimap_count(map) && base < end; i++) {
		const struct efi_descriptor *d = efimap_at(map, i);
		uint64_t stop = d->phys + (d->pages << PAGE_SHIFT);

		if (stop <= base)
			continue;
		if (d->phys > base || d->type != type)
			return false;
		base = stop;
	}
	return base >= end;
}
