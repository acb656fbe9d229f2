// SPDX-License-Identifier: MIT
/* What the EFI map means: to the next kernel (e820) and to Baton (free memory, places for reservations). */
#include <stddef.h>

#include "boot/efimap.h"

#define PAGE_SHIFT	12
#define LOW_FIRST	0x1000ull	/* never page 0 */
#define LOW_END		0x9f000ull	/* EBDA, video memory and ROMs follow, whatever the map says */
#define HIGH_FIRST	0x100000ull

/* Types 0..15 in e820's words; 0: left out. Unaccepted memory has to be accepted first, so it is left out. */
static const uint8_t e820_of[] = {
	E820_RESERVED, E820_RAM, E820_RAM, E820_RAM, E820_RAM, E820_RESERVED, E820_RESERVED, E820_RAM, E820_UNUSABLE,
	E820_ACPI, E820_NVS, E820_RESERVED, E820_RESERVED, E820_RESERVED, E820_PMEM, 0,
};

static uint32_t e820_type(const struct efi_descriptor *d)
{
	uint32_t type = d->type < sizeof(e820_of) ? e820_of[d->type] : E820_RESERVED;

	return type == E820_RAM && (d->attribute & EFI_ATTRIBUTE_SP) ? E820_SOFT_RESERVED : type;
}

enum status efimap_to_e820(const struct efi_map *map, struct e820_entry *out, unsigned capacity, unsigned *count,
			   struct problem *problem)
{
	*count = 0;
	for (unsigned i = 0; i < efimap_count(map); i++) {
		const struct efi_descriptor *d = efimap_at(map, i);
		struct e820_entry *last = *count ? &out[*count - 1] : NULL;
		uint32_t type = e820_type(d);

		if (!type)
			continue;
		if (last && last->type == type && last->addr + last->size == d->phys) {
			last->size += d->pages << PAGE_SHIFT;
			continue;
		}
		if (*count == capacity)
			return problem_set(problem, E_NO_MEMORY, "e820: more than %u entries", capacity);
		out[(*count)++] = (struct e820_entry){ d->phys, d->pages << PAGE_SHIFT, type };
	}
	return OK;
}

static bool is_free(const struct efi_descriptor *d, bool with_loader)
{
	bool loader = d->type == EFI_TYPE_LOADER_CODE || d->type == EFI_TYPE_LOADER_DATA;

	return (d->type == EFI_TYPE_CONVENTIONAL || (with_loader && loader)) && !(d->attribute & EFI_ATTRIBUTE_SP);
}

/* Walks the free runs in order: adjacent descriptors merged, clipped to the memory that is ever used. */
struct free_walk {
	const struct efi_map *map;
	bool with_loader;
	unsigned index;			/* next descriptor to look at */
	uint64_t base, end;		/* rest of the current run */
};

static bool free_walk_next(struct free_walk *walk, struct place_range *run)
{
	unsigned count = efimap_count(walk->map);

	for (;;) {
		uint64_t stop;

		while (walk->base == walk->end) {
			const struct efi_descriptor *d;

			if (walk->index == count)
				return false;
			d = efimap_at(walk->map, walk->index++);
			if (!is_free(d, walk->with_loader))
				continue;
			walk->base = d->phys;
			walk->end = d->phys + (d->pages << PAGE_SHIFT);
			for (; walk->index < count; walk->index++) {
				d = efimap_at(walk->map, walk->index);
				if (d->phys != walk->end || !is_free(d, walk->with_loader))
					break;
				walk->end += d->pages << PAGE_SHIFT;
			}
		}
		if (walk->base < LOW_FIRST)
			walk->base = walk->end < LOW_FIRST ? walk->end : LOW_FIRST;
		if (walk->base >= LOW_END && walk->base < HIGH_FIRST)
			walk->base = walk->end < HIGH_FIRST ? walk->end : HIGH_FIRST;
		stop = walk->base < LOW_END && walk->end > LOW_END ? LOW_END : walk->end;
		*run = (struct place_range){ walk->base, stop - walk->base };
		walk->base = stop;
		if (run->size)
			return true;
	}
}

enum status efimap_list_free(const struct efi_map *map, bool with_loader, struct place_range *out, unsigned capacity,
			     unsigned *count, struct problem *problem)
{
	struct free_walk walk = { .map = map, .with_loader = with_loader };
	struct place_range run;

	for (*count = 0; free_walk_next(&walk, &run); (*count)++) {
		if (*count == capacity)
			return problem_set(problem, E_NO_MEMORY, "free memory: more than %u ranges", capacity);
		out[*count] = run;
	}
	return OK;
}

/* Of what starts (or, with end set, ends) at the address: 2 if it is reserved in e820's words, so that a reservation
 * makes no entry more there, 1 if it is something else that the next kernel does not use as RAM, else 0. */
static unsigned touch_of(const struct efi_map *map, uint64_t address, bool end)
{
	for (unsigned i = 0; i < efimap_count(map); i++) {
		const struct efi_descriptor *d = efimap_at(map, i);
		uint64_t border = end ? d->phys + (d->pages << PAGE_SHIFT) : d->phys;

		if (border == address && e820_type(d) == E820_RESERVED)
			return 2;
		if (border == address)
			return e820_type(d) && e820_type(d) != E820_RAM;
	}
	return 0;
}

/* The run's upper or lower end, if the request fits there: touch_of() of that end, else 0. */
static unsigned touching_base(const struct efi_map *map, const struct place_range *run, const struct place_range *avoid,
			  unsigned avoid_count, const struct place_request *request, bool upper, uint64_t *base)
{
	struct problem unused = { 0 };

	if (run->size < request->size)
		return 0;
	*base = upper ? run->base + run->size - request->size : run->base;
	if (place_check(request, *base, &unused) || place_conflict(avoid, avoid_count, *base, request->size))
		return 0;
	return touch_of(map, upper ? run->base + run->size : run->base, !upper);
}

enum status efimap_find_hole(const struct efi_map *map, uint64_t size, uint64_t align, uint64_t max,
			     const struct place_range *avoid, unsigned avoid_count, uint64_t *base,
			     struct problem *problem)
{
	struct place_request request = {
		.kind = PLACE_RESERVED, .size = (size + PLACE_PAGE - 1) & ~(PLACE_PAGE - 1), .align = align,
		.min = HIGH_FIRST, .max = max,
	};
	struct free_walk walk = { .map = map };
	uint64_t touching = 0, any = 0, at;
	unsigned best = 1, touch;
	struct place_range run;

	while (free_walk_next(&walk, &run)) {
		struct problem unused = { 0 };

		/* Runs ascend and the upper end is tried last: the highest of the best, the same at every boot. */
		for (unsigned upper = 0; upper < 2; upper++) {
			touch = touching_base(map, &run, avoid, avoid_count, &request, upper, &at);
			if (touch < best)
				continue;
			best = touch;
			touching = at;
		}
		if (!place_find(&run, 1, avoid, avoid_count, &request, &at, &unused))
			any = at;
	}
	if (!touching && !any)
		return problem_set(problem, E_PLACEMENT, "no free run of 0x%llx bytes below 0x%llx for a reservation",
				   (unsigned long long)size, (unsigned long long)max);
	*base = touching ? touching : any;
	return OK;
}
