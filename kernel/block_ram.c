// SPDX-License-Identifier: MIT
#include "kernel/block.h"

#define FOUR_GIB	(4 * MM_1G_BYTES)

/* Not type 0: that may be anything, MMIO configuration space too. */
static bool is_ram(const struct efi_descriptor *d)
{
	switch (d->type) {
	case EFI_TYPE_RESERVED: case EFI_TYPE_UNUSABLE: case EFI_TYPE_MMIO: case EFI_TYPE_MMIO_PORT: case EFI_TYPE_PAL:
		return false;
	default:
		return d->type <= EFI_TYPE_PERSISTENT;
	}
}

/* To the borders of the 2 MiB pages that it ends in, where all between is some kind of memory. */
static struct mm_range round_out(const struct efi_map *map, uint64_t base, uint64_t end)
{
	uint64_t first = base & ~(MM_2M_BYTES - 1), last = (end + MM_2M_BYTES - 1) & ~(MM_2M_BYTES - 1);

	if (efimap_is_memory(map, first, base - first))
		base = first;
	if (efimap_is_memory(map, end, last - end))
		end = last;
	return (struct mm_range){ base, end - base };
}

enum status block_list_ram(const struct efi_map *map, struct mm_range *ram, unsigned capacity, unsigned *count,
			   struct problem *problem)
{
	unsigned i;

	*count = 0;
	for (i = 0; i < efimap_count(map); i++) {
		const struct efi_descriptor *d = efimap_at(map, i);
		uint64_t end = d->phys + d->pages * MM_PAGE_BYTES;
		struct mm_range *last = *count ? &ram[*count - 1] : NULL;
		struct mm_range range;

		if (!is_ram(d) || d->phys >= FOUR_GIB)
			continue;
		range = round_out(map, d->phys, end < FOUR_GIB ? end : FOUR_GIB);
		if (last && range.base <= last->base + last->size) {
			end = range.base + range.size;
			if (end > last->base + last->size)
				last->size = end - last->base;
		} else if (*count == capacity) {
			return problem_set(problem, E_NO_MEMORY, "memory map: more than %u ranges of RAM below 4 GiB",
					   capacity);
		} else {
			ram[(*count)++] = range;
		}
	}
	return OK;
}
