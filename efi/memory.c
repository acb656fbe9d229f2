// SPDX-License-Identifier: MIT
#include "efi/memory.h"

#include "boot/efimap.h"
#include "boot/survive.h"
#include "efi/print.h"
#include "efi/protocols.h"
#include "lib/string.h"

#define PAGE		4096ull
#define FOUR_GIB	(1ull << 32)
#define LOW_END		0xa0000ull
#define HIGH_START	0x100000ull
#define MAP_SLACK	16		/* descriptors that the allocation of the buffer itself may add */
#define MAP_TRIES	4

struct map_view { uint8_t *base; UINTN size, stride; };

static enum status take_map(struct map_view *map, struct problem *problem)
{
	unsigned i;

	for (i = 0; i < MAP_TRIES; i++) {
		UINTN key;
		UINT32 version;
		EFI_STATUS status;

		map->size = 0;
		map->base = NULL;
		firmware.boot->GetMemoryMap(&map->size, NULL, &key, &map->stride, &version);
		map->size += MAP_SLACK * map->stride;
		status = firmware.boot->AllocatePool(EfiLoaderData, map->size, (void **)&map->base);
		if (!status)
			status = firmware.boot->GetMemoryMap(&map->size, (EFI_MEMORY_DESCRIPTOR *)map->base, &key,
							     &map->stride, &version);
		if (!status)
			return OK;
		if (map->base)
			firmware.boot->FreePool(map->base);
		if (status != EFI_BUFFER_TOO_SMALL)
			break;
	}
	return problem_set(problem, E_NO_MEMORY, "firmware's memory map cannot be read");
}

static uint64_t find_in_run(uint64_t start, uint64_t end, const struct place_request *want, bool lowest)
{
	uint64_t bytes = (want->size + PAGE - 1) & ~(PAGE - 1), base;

	if (start >= end || end - start < bytes)
		return 0;
	base = lowest ? (start + want->align - 1) & ~(want->align - 1) : (end - bytes) & ~(want->align - 1);
	return base < start || base > end - bytes ? 0 : base;
}

/* The lowest (or highest) aligned base of a free run inside [min, max), 0: none. *largest: biggest free run seen. */
static uint64_t find_hole(const struct map_view *map, const struct place_request *want, uint64_t max, bool lowest,
			  uint64_t *largest)
{
	uint64_t best = 0, kept_end = want->kept_base + want->kept_size;
	UINTN at;

	for (at = 0; at + map->stride <= map->size; at += map->stride) {
		const EFI_MEMORY_DESCRIPTOR *d = (const EFI_MEMORY_DESCRIPTOR *)(map->base + at);
		uint64_t start = d->PhysicalStart, end = start + d->NumberOfPages * PAGE, part[2];

		if (d->Type != EfiConventionalMemory || (d->Attribute & EFI_ATTRIBUTE_SP) || end <= start)
			continue;
		if (end - start > *largest)
			*largest = end - start;
		if (start < want->min)
			start = want->min;
		if (start < PAGE)
			start = PAGE;
		if (end > max)
			end = max;
		part[0] = find_in_run(start, end < want->kept_base ? end : want->kept_base, want, lowest);
		part[1] = find_in_run(start > kept_end ? start : kept_end, end, want, lowest);
		for (unsigned i = 0; i < 2; i++)
			if (part[i] && (!best || (lowest ? part[i] < best : part[i] > best)))
				best = part[i];
	}
	return best;
}

static bool take_at(uint64_t base, uint64_t size, EFI_MEMORY_TYPE type)
{
	EFI_PHYSICAL_ADDRESS address = base;

	return firmware.boot->AllocatePages(AllocateAddress, type, (size + PAGE - 1) / PAGE, &address) == EFI_SUCCESS;
}

enum status memory_place(const struct place_request *want, uint64_t *phys, struct problem *problem)
{
	EFI_MEMORY_TYPE type = want->kind == PLACE_RESERVED ? EfiReservedMemoryType : EfiLoaderData;
	uint64_t largest = 0, base;
	struct map_view map;
	enum status error;
	bool lowest;

	if (want->preferred && want->preferred >= want->min && want->size <= want->max &&
	    want->preferred <= want->max - want->size && take_at(want->preferred, want->size, type)) {
		*phys = want->preferred;
		return OK;
	}
	error = take_map(&map, problem);
	if (error)
		return error;
	lowest = want->kind == PLACE_KERNEL;
	base = find_hole(&map, want, want->max < FOUR_GIB ? want->max : FOUR_GIB, lowest, &largest);
	if (!base && want->max > FOUR_GIB)
		base = find_hole(&map, want, want->max, lowest, &largest);
	firmware.boot->FreePool(map.base);
	if (!base || !take_at(base, want->size, type))
		return problem_set(problem, E_NO_MEMORY,
				   "no %llu KiB aligned to %llu KiB between 0x%llx and 0x%llx, "
				   "largest free run is %llu KiB",
				   (unsigned long long)(want->size >> 10), (unsigned long long)(want->align >> 10),
				   (unsigned long long)want->min, (unsigned long long)want->max,
				   (unsigned long long)(largest >> 10));
	*phys = base;
	return OK;
}

static bool descriptor_usable(const EFI_MEMORY_DESCRIPTOR *d)
{
	return d->Type >= EfiLoaderCode && d->Type <= EfiConventionalMemory && d->Type != EfiRuntimeServicesCode &&
	       d->Type != EfiRuntimeServicesData;
}

/* Grows [*start, *end) over all neighbours that are memory for the system, whoever holds them now. The map need not be
 * sorted. */
static void grow_run(const struct map_view *map, uint64_t *start, uint64_t *end)
{
	bool grown;
	UINTN at;

	do {
		grown = false;
		for (at = 0; at + map->stride <= map->size; at += map->stride) {
			const EFI_MEMORY_DESCRIPTOR *d = (const EFI_MEMORY_DESCRIPTOR *)(map->base + at);
			uint64_t first = d->PhysicalStart, behind = first + d->NumberOfPages * PAGE;

			if (!descriptor_usable(d) || behind <= first)
				continue;
			grown = grown || behind == *start || first == *end;
			*start = behind == *start ? first : *start;
			*end = first == *end ? behind : *end;
		}
	} while (grown);
}

void memory_walk_borders(uint64_t reach, void (*visit)(void *ctx, uint64_t base, uint64_t end), void *ctx,
			 struct problem *problem)
{
	struct map_view map;
	UINTN at;

	if (take_map(&map, problem))
		return;
	for (at = 0; at + map.stride <= map.size; at += map.stride) {
		const EFI_MEMORY_DESCRIPTOR *d = (const EFI_MEMORY_DESCRIPTOR *)(map.base + at);
		uint64_t start = d->PhysicalStart, end = start + d->NumberOfPages * PAGE, low = start, high = end;

		if (d->Type != EfiConventionalMemory || (d->Attribute & EFI_ATTRIBUTE_SP) || end <= start)
			continue;
		grow_run(&map, &low, &high);
		low = low < HIGH_START ? HIGH_START : low;
		high = high > FOUR_GIB ? FOUR_GIB : high;
		start = start < low ? low : start;
		end = end > high ? high : end;
		if (high - low <= 2 * reach) {
			if (start < end)
				visit(ctx, start, end);
			continue;
		}
		if (start < low + reach)
			visit(ctx, start, end < low + reach ? end : low + reach);
		if (end > high - reach)
			visit(ctx, start > high - reach ? start : high - reach, end);
	}
	firmware.boot->FreePool(map.base);
}

void memory_release(uint64_t phys, uint64_t size)
{
	firmware.boot->FreePages(phys, (size + PAGE - 1) / PAGE);
}

static const void *identity_at(void *ctx, uint64_t phys, uint32_t length)
{
	(void)ctx;
	(void)length;
	return (const void *)phys;
}

static void find_survivors(struct survivors *found)
{
	struct acpi_reader reader = { identity_at, NULL };
	void *rsdp = firmware_find_table(&guid_acpi2);

	found->count = 0;
	found->full = false;
	survive_find_efi(found, &reader, (uint64_t)firmware.table, 0);
	survive_find_acpi(found, &reader, (uint64_t)(rsdp ? rsdp : firmware_find_table(&guid_acpi1)));
}

static struct survivors survivors;

static void print_conflict(void *ctx, const struct problem *conflict)
{
	(void)ctx;
	print_problem(conflict);
}

enum status memory_may_overwrite(uint64_t base, uint64_t size, const char *what, struct problem *problem)
{
	struct map_view view;
	struct efi_map map;
	enum status error = take_map(&view, problem);

	if (error)
		return error;
	map = (struct efi_map){ (uint64_t)view.base, (uint32_t)view.size, (uint32_t)view.size, (uint32_t)view.stride,
				EFI_MEMORY_DESCRIPTOR_VERSION };
	error = efimap_prepare(&map, problem);
	find_survivors(&survivors);
	if (!error)
		error = survive_check(&survivors, &map, base, size, what, print_conflict, NULL, problem);
	firmware.boot->FreePool(view.base);
	return error;
}

void memory_keep_promised(void)
{
	find_survivors(&survivors);
	for (unsigned i = 0; i < survivors.count; i++) {
		const struct survivor *s = &survivors.list[i];
		uint64_t end = s->base + s->size;

		/* Page by page: which of them firmware itself has allocated is its own business. */
		for (uint64_t at = s->base & ~(PAGE - 1); s->promised && at < end; at += PAGE)
			(void)take_at(at, PAGE, EfiReservedMemoryType);
	}
}

uint64_t memory_take_low_page(void)
{
	uint64_t base;

	/* Around 0x80000 first: firmware's and option ROMs' own uses cluster at both ends of low memory. */
	for (base = 0x8f000; base >= 0x10000; base -= PAGE)
		if (take_at(base, PAGE, EfiLoaderData))
			return base;
	for (base = 0x90000; base < LOW_END - PAGE; base += PAGE)
		if (take_at(base, PAGE, EfiLoaderData))
			return base;
	return 0;
}

enum status memory_new(uint64_t bytes, void **out, struct problem *problem)
{
	if (firmware.boot->AllocatePool(EfiLoaderData, bytes, out))
		return problem_set(problem, E_NO_MEMORY, "no %llu KiB for Baton itself",
				   (unsigned long long)(bytes >> 10));
	memset(*out, 0, bytes);
	return OK;
}
