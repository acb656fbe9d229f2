// SPDX-License-Identifier: MIT
/*
 * The EFI memory map as data: check, sort, carve, convert. Pure over the buffer that struct efi_map names (its base
 * is usable as a pointer); never allocates; any context after GetMemoryMap. UEFI 2.10, 7.2.
 */
#ifndef BOOT_EFIMAP_H
#define BOOT_EFIMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/place.h"
#include "lib/status.h"

enum efi_type {
	EFI_TYPE_RESERVED, EFI_TYPE_LOADER_CODE, EFI_TYPE_LOADER_DATA, EFI_TYPE_BOOT_CODE, EFI_TYPE_BOOT_DATA,
	EFI_TYPE_RUNTIME_CODE, EFI_TYPE_RUNTIME_DATA, EFI_TYPE_CONVENTIONAL, EFI_TYPE_UNUSABLE,
	EFI_TYPE_ACPI_RECLAIM, EFI_TYPE_ACPI_NVS, EFI_TYPE_MMIO, EFI_TYPE_MMIO_PORT, EFI_TYPE_PAL,
	EFI_TYPE_PERSISTENT, EFI_TYPE_UNACCEPTED,
};

#define EFI_ATTRIBUTE_SP	0x40000ull	/* specific purpose: not for general use */
#define EFI_ATTRIBUTE_RUNTIME	(1ull << 63)

/* The part of a descriptor that version 1 defines; the stride is efi_map.descriptor_size. */
struct efi_descriptor {
	uint32_t type, pad;
	uint64_t phys, virt, pages, attribute;
};

_Static_assert(sizeof(struct efi_descriptor) == 40, "UEFI ABI");

/* EFI memory map as GetMemoryMap returned it last; the buffer has room for growth, see capacity. */
struct efi_map {
	uint64_t base;			/* physical address of the first descriptor */
	uint32_t size;			/* bytes used */
	uint32_t capacity;		/* bytes of the buffer: kernel/ splits descriptors in place */
	uint32_t descriptor_size;
	uint32_t descriptor_version;
};

/* boot_params' e820 entry, 20 bytes. */
struct e820_entry {
	uint64_t addr, size;
	uint32_t type;
} __attribute__((packed));

_Static_assert(sizeof(struct e820_entry) == 20, "boot protocol ABI");

enum e820_type { E820_RAM = 1, E820_RESERVED = 2, E820_ACPI = 3, E820_NVS = 4, E820_UNUSABLE = 5, E820_PMEM = 7 };
#define E820_SOFT_RESERVED	0xefffffffu

unsigned efimap_count(const struct efi_map *map);
struct efi_descriptor *efimap_at(const struct efi_map *map, unsigned index);

/* Checks sizes and every descriptor, drops empty ones, sorts by address, checks for overlap. First call on a new map;
 * all functions below want a map prepared like this. E51 names the descriptor. */
enum status efimap_prepare(struct efi_map *map, struct problem *problem) MUST_CHECK;

/* Gives [base, base + size) (whole pages) the new type, splitting descriptors at the ends; neighbours keep theirs and
 * attributes stay. E51: a part of the range is not in the map. E50: no room for the split (two descriptors at most
 * per call). Nothing is changed on error. */
enum status efimap_carve(struct efi_map *map, uint64_t base, uint64_t size, uint32_t type, struct problem *problem)
	MUST_CHECK;

/* Makes type 2 (in use by the loader) of what is type 7 in the pages of [base, base + size); all else in the range and
 * outside of the map stays. E50 as above; what came before the full descriptor is done then. */
enum status efimap_claim(struct efi_map *map, uint64_t base, uint64_t size, struct problem *problem) MUST_CHECK;

/* The same with type 0: the next system, too, is told to leave it alone. */
enum status efimap_keep(struct efi_map *map, uint64_t base, uint64_t size, struct problem *problem) MUST_CHECK;

/* Makes the range type 7 and joins all descriptors of type 7 that touch and have the same attributes. E50, E51 as
 * efimap_carve(). */
enum status efimap_free(struct efi_map *map, uint64_t base, uint64_t size, struct problem *problem) MUST_CHECK;
void efimap_join_free(struct efi_map *map);

/* True if all of [base, base + size) is in the map and of that type. */
bool efimap_is_type(const struct efi_map *map, uint64_t base, uint64_t size, uint32_t type);

/* The map as sorted, merged e820; *count entries. E50: out has room for fewer. */
enum status efimap_to_e820(const struct efi_map *map, struct e820_entry *out, unsigned capacity, unsigned *count,
			   struct problem *problem) MUST_CHECK;

/* Baton's free memory (protocol rule 17): type 7 without SP, with with_loader also types 1 and 2 (the caller then
 * avoids what it uses of those); never page 0 nor 0x9F000-0xFFFFF. Sorted, adjacent ones merged. E50 as above. */
enum status efimap_list_free(const struct efi_map *map, bool with_loader, struct place_range *out, unsigned capacity,
			     unsigned *count, struct problem *problem) MUST_CHECK;

/* A place for a reservation in free memory (type 7) below max that touches a range that is reserved for the next kernel
 * anyway (then its e820 has no entry more), else one that is no RAM for it, if there is such; depends only on the map
 * and the avoid list (protocol rule 18). E52: none. */
enum status efimap_find_hole(const struct efi_map *map, uint64_t size, uint64_t align, uint64_t max,
			     const struct place_range *avoid, unsigned avoid_count, uint64_t *base,
			     struct problem *problem) MUST_CHECK;

/* RAM for an operating system: types 1-4, 7, 9, 10 without SP. The byte at address; all bytes of the map. */
bool efimap_is_ram(const struct efi_map *map, uint64_t address);
uint64_t efimap_ram_bytes(const struct efi_map *map);

/* True if [base, base + size) lies in RAM (types 0-7, 9, 10, 14): where tables and setup_data may lie. */
bool efimap_is_memory(const struct efi_map *map, uint64_t base, uint64_t size);

#endif
