// SPDX-License-Identifier: MIT
#include "boot/efimap.h"

#include <stddef.h>

#include "lib/string.h"

#define PAGE_SHIFT		12
#define DESCRIPTOR_SIZE_MAX	256u
#define DESCRIPTORS_MAX		8192u

unsigned efimap_count(const struct efi_map *map)
{
	return map->size / map->descriptor_size;
}

struct efi_descriptor *efimap_at(const struct efi_map *map, unsigned index)
{
	return (struct efi_descriptor *)(uintptr_t)(map->base + (uint64_t)index * map->descriptor_size);
}

static uint64_t bytes_of(const struct efi_descriptor *d)
{
	return d->pages << PAGE_SHIFT;
}

static uint64_t end_of(const struct efi_descriptor *d)
{
	return d->phys + bytes_of(d);
}

static enum status check_shape(const struct efi_map *map, struct problem *problem)
{
	if (!map->base || map->base & 7)
		return problem_set(problem, E_MEMORY_MAP, "EFI map: address 0x%llx", (unsigned long long)map->base);
	if (map->descriptor_version != 1)
		return problem_set(problem, E_MEMORY_MAP, "EFI map: descriptor version %u, not 1",
				   map->descriptor_version);
	if (map->descriptor_size < sizeof(struct efi_descriptor) || map->descriptor_size > DESCRIPTOR_SIZE_MAX ||
	    map->descriptor_size & 7)
		return problem_set(problem, E_MEMORY_MAP, "EFI map: descriptor size %u", map->descriptor_size);
	if (!map->size || map->size % map->descriptor_size)
		return problem_set(problem, E_MEMORY_MAP, "EFI map: %u bytes are no multiple of descriptor size %u",
				   map->size, map->descriptor_size);
	if (map->size > map->capacity)
		return problem_set(problem, E_MEMORY_MAP, "EFI map: %u bytes in a buffer of %u", map->size,
				   map->capacity);
	if (efimap_count(map) > DESCRIPTORS_MAX)
		return problem_set(problem, E_MEMORY_MAP, "EFI map: more than %u descriptors", DESCRIPTORS_MAX);
	return OK;
}

static enum status check_descriptors(const struct efi_map *map, struct problem *problem)
{
	for (unsigned i = 0; i < efimap_count(map); i++) {
		const struct efi_descriptor *d = efimap_at(map, i);

		if (d->phys & (PLACE_PAGE - 1))
			return problem_set(problem, E_MEMORY_MAP, "EFI map: descriptor %u at 0x%llx is not on a page",
					   i, (unsigned long long)d->phys);
		if (d->pages > (~0ull - d->phys) >> PAGE_SHIFT)
			return problem_set(problem, E_MEMORY_MAP, "EFI map: descriptor %u at 0x%llx wraps: %llu pages",
					   i, (unsigned long long)d->phys, (unsigned long long)d->pages);
	}
	return OK;
}

static void drop_empty(struct efi_map *map)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < efimap_count(map); i++) {
		if (!efimap_at(map, i)->pages)
			continue;
		if (kept != i)
			memcpy(efimap_at(map, kept), efimap_at(map, i), map->descriptor_size);
		kept++;
	}
	map->size = kept * map->descriptor_size;
}

/* Insertion: firmware's maps are sorted or nearly so. */
static void sort_by_address(struct efi_map *map)
{
	uint8_t moving[DESCRIPTOR_SIZE_MAX];

	for (unsigned i = 1; i < efimap_count(map); i++) {
		uint64_t phys = efimap_at(map, i)->phys;
		unsigned at = i;

		while (at && efimap_at(map, at - 1)->phys > phys)
			at--;
		if (at == i)
			continue;
		memcpy(moving, efimap_at(map, i), map->descriptor_size);
		memmove(efimap_at(map, at + 1), efimap_at(map, at), (size_t)(i - at) * map->descriptor_size);
		memcpy(efimap_at(map, at), moving, map->descriptor_size);
	}
}

enum status efimap_prepare(struct efi_map *map, struct problem *problem)
{
	enum status status = check_shape(map, problem);

	if (!status)
		status = check_descriptors(map, problem);
	if (status)
		return status;
	drop_empty(map);
	sort_by_address(map);
	for (unsigned i = 1; i < efimap_count(map); i++) {
		const struct efi_descriptor *before = efimap_at(map, i - 1), *d = efimap_at(map, i);

		if (end_of(before) > d->phys)
			return problem_set(problem, E_MEMORY_MAP, "EFI map: 0x%llx..0x%llx overlaps 0x%llx",
					   (unsigned long long)before->phys, (unsigned long long)end_of(before),
					   (unsigned long long)d->phys);
	}
	return OK;
}

/* Index of the descriptor that holds the address, or of the first one above it. */
static unsigned find_index(const struct efi_map *map, uint64_t address)
{
	unsigned i = 0;

	while (i < efimap_count(map) && end_of(efimap_at(map, i)) <= address)
		i++;
	return i;
}

static bool needs_split(const struct efi_map *map, uint64_t address, uint32_t type)
{
	unsigned i = find_index(map, address);

	return i < efimap_count(map) && efimap_at(map, i)->phys < address && efimap_at(map, i)->type != type;
}

/* Makes address, inside a descriptor, the start of one. */
static void split_at(struct efi_map *map, uint64_t address)
{
	unsigned i = find_index(map, address);
	struct efi_descriptor *low = efimap_at(map, i), *high = efimap_at(map, i + 1);
	uint64_t low_bytes = address - low->phys;

	memmove(high, low, (size_t)(efimap_count(map) - i) * map->descriptor_size);
	map->size += map->descriptor_size;
	low->pages = low_bytes >> PAGE_SHIFT;
	high->phys = address;
	high->pages -= low->pages;
	if (high->virt)
		high->virt += low_bytes;
}

/* The range is in the map without a hole, and firmware has no later use for any of it. */
static enum status check_carve(const struct efi_map *map, uint64_t base, uint64_t end, struct problem *problem)
{
	uint64_t at = base;

	for (unsigned i = find_index(map, base); at < end; i++) {
		const struct efi_descriptor *d;

		if (i >= efimap_count(map) || efimap_at(map, i)->phys > at)
			return problem_set(problem, E_MEMORY_MAP, "0x%llx..0x%llx: 0x%llx is not in the EFI map",
					   (unsigned long long)base, (unsigned long long)end, (unsigned long long)at);
		d = efimap_at(map, i);
		if (d->attribute & EFI_ATTRIBUTE_RUNTIME)
			return problem_set(problem, E_MEMORY_MAP, "0x%llx..0x%llx: 0x%llx belongs to runtime services",
					   (unsigned long long)base, (unsigned long long)end, (unsigned long long)at);
		at = end_of(d);
	}
	return OK;
}

enum status efimap_carve(struct efi_map *map, uint64_t base, uint64_t size, uint32_t type, struct problem *problem)
{
	uint64_t end = base + size;
	unsigned splits;
	enum status status;

	if (!size || end < base || (base | size) & (PLACE_PAGE - 1))
		return problem_set(problem, E_MEMORY_MAP, "0x%llx bytes at 0x%llx are no whole pages",
				   (unsigned long long)size, (unsigned long long)base);
	status = check_carve(map, base, end, problem);
	if (status)
		return status;
	splits = (unsigned)needs_split(map, base, type) + (unsigned)needs_split(map, end, type);
	if (map->capacity - map->size < splits * map->descriptor_size)
		return problem_set(problem, E_NO_MEMORY, "EFI map: no room to split descriptors at 0x%llx",
				   (unsigned long long)base);
	if (needs_split(map, base, type))
		split_at(map, base);
	if (needs_split(map, end, type))
		split_at(map, end);
	/* What is left across an end has the new type already. */
	for (unsigned i = find_index(map, base); i < efimap_count(map) && efimap_at(map, i)->phys < end; i++)
		efimap_at(map, i)->type = type;
	return OK;
}

/* What is free in the range gets the type. */
static enum status take_free(struct efi_map *map, uint64_t base, uint64_t size, uint32_t type, struct problem *problem)
{
	uint64_t at = base & ~(PLACE_PAGE - 1), end = (base + size + PLACE_PAGE - 1) & ~(PLACE_PAGE - 1);

	while (size && at < end) {
		unsigned i = find_index(map, at);
		const struct efi_descriptor *d = efimap_at(map, i);
		uint64_t stop;
		enum status status = OK;

		if (i == efimap_count(map) || d->phys >= end)
			return OK;
		at = d->phys > at ? d->phys : at;
		stop = end_of(d) < end ? end_of(d) : end;
		if (d->type == EFI_TYPE_CONVENTIONAL)
			status = efimap_carve(map, at, stop - at, type, problem);
		if (status)
			return status;
		at = stop;
	}
	return OK;
}

enum status efimap_claim(struct efi_map *map, uint64_t base, uint64_t size, struct problem *problem)
{
	return take_free(map, base, size, EFI_TYPE_LOADER_DATA, problem);
}

enum status efimap_keep(struct efi_map *map, uint64_t base, uint64_t size, struct problem *problem)
{
	return take_free(map, base, size, EFI_TYPE_RESERVED, problem);
}

static bool is_ram(const struct efi_descriptor *d)
{
	return ((d->type >= EFI_TYPE_LOADER_CODE && d->type <= EFI_TYPE_BOOT_DATA) ||
		d->type == EFI_TYPE_CONVENTIONAL || d->type == EFI_TYPE_ACPI_RECLAIM ||
		d->type == EFI_TYPE_ACPI_NVS) && !(d->attribute & EFI_ATTRIBUTE_SP);
}

bool efimap_is_ram(const struct efi_map *map, uint64_t address)
{
	unsigned i = find_index(map, address);

	return i < efimap_count(map) && efimap_at(map, i)->phys <= address && is_ram(efimap_at(map, i));
}

uint64_t efimap_ram_bytes(const struct efi_map *map)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < efimap_count(map); i++) {
		const struct efi_descriptor *d = efimap_at(map, i);

		if (is_ram(d))
			sum += bytes_of(d);
	}
	return sum;
}

bool efimap_is_memory(const struct efi_map *map, uint64_t base, uint64_t size)
{
	uint64_t at = base, end = base + size;

	if (!size || end < base)
		return false;
	for (unsigned i = find_index(map, base); at < end; i++) {
		const struct efi_descriptor *d;

		if (i >= efimap_count(map) || efimap_at(map, i)->phys > at)
			return false;
		d = efimap_at(map, i);
		if (d->type > EFI_TYPE_CONVENTIONAL && d->type != EFI_TYPE_ACPI_RECLAIM &&
		    d->type != EFI_TYPE_ACPI_NVS && d->type != EFI_TYPE_PERSISTENT)
			return false;
		at = end_of(d);
	}
	return true;
}
