// SPDX-License-Identifier: MIT
/*
 * What an image that is entered in 32-bit protected mode finds: Multiboot information (specification 0.6.96),
 * Multiboot2 information (2.0), or PVH's hvm_start_info (Xen, include/public/arch-x86/hvm/start_info.h). Pure; any
 * context.
 */
#ifndef BOOT_START_INFO_H
#define BOOT_START_INFO_H

#include <stdint.h>

#include "boot/boot_info.h"
#include "boot/efimap.h"
#include "boot/segment.h"
#include "lib/status.h"

#define START_RSDP_BYTES 36u

struct start_info {
	enum next_protocol protocol;		/* not NEXT_LINUX */
	const char *cmdline;
	uint64_t load_base;			/* of the image */
	uint64_t modules_base;			/* what struct boot_module counts from */
	const struct boot_module *modules;
	unsigned module_count;
	const struct e820_entry *e820;		/* sorted */
	unsigned e820_count;
	const struct efi_map *efi_map;		/* NULL: no EFI for the next system */
	uint64_t efi_systab;
	const struct framebuffer *framebuffer;	/* NULL or base 0: none */
	uint64_t rsdp;				/* 0: none */
	const uint8_t *rsdp_copy;		/* its bytes */
	uint32_t rsdp_bytes;			/* 20, or 36 and then with a second checksum */
};

/* What goes into EAX at the entry, as these protocols mark themselves; 0: nothing special. */
uint32_t start_info_magic(enum next_protocol protocol);

/* Bytes that are enough for this many modules, e820 entries and bytes of EFI's map. */
uint64_t start_info_size(unsigned modules, unsigned e820, uint64_t efi_map_bytes);

/* Fills memory, which is size bytes at the physical address phys (8-byte aligned, all of it below 4 GiB): the structure
 * that EBX points to comes first. E50: it does not fit. */
enum status start_info_build(void *memory, uint64_t phys, uint64_t size, const struct start_info *in,
			     struct problem *problem) MUST_CHECK;

#endif
