// SPDX-License-Identifier: MIT
/*
 * The boot_params page for the next kernel (Documentation/arch/x86/zero-page.rst). Pure; any context. The page
 * must lie outside [kernel, kernel + init_size).
 */
#ifndef BOOT_PARAMS_OUT_H
#define BOOT_PARAMS_OUT_H

#include <stdint.h>

#include "boot/boot_info.h"
#include "boot/efimap.h"
#include "lib/status.h"

#define PARAMS_BYTES		4096u
#define PARAMS_E820_MAX		128u

struct params_out {
	const uint8_t *setup_header;		/* boot_plan.setup_header, bytes 0x1f1.. of the kernel file */
	uint32_t setup_header_length;
	const struct e820_entry *e820;		/* sorted; those beyond 128 go into a SETUP_E820_EXT node */
	unsigned e820_count;
	const struct efi_map *efi_map;		/* NULL or base 0: no EFI for the next kernel */
	uint64_t efi_systab;
	const struct framebuffer *framebuffer;	/* NULL or base 0: none */
	uint64_t rsdp;
	uint64_t ramdisk, ramdisk_size;
	uint64_t cmdline;			/* physical address, NUL terminated */
	uint64_t setup_data;			/* first node, 0: none */
	uint64_t load_address;			/* kernel's dest, goes into code32_start */
	uint8_t secure_boot;
	const uint8_t *found;			/* the page that Baton was started with, NULL: by firmware */
};

/* Fills page completely. E24: setup_header_length out of bounds. E51: more than 128 e820 entries and no setup_data
 * list, or no RAM below 640 KiB, or a map of 4 GiB. E12: framebuffer masks that no pixel format can have. */
enum status params_build(uint8_t page[PARAMS_BYTES], const struct params_out *in, struct problem *problem) MUST_CHECK;

#endif
