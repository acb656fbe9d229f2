// SPDX-License-Identifier: MIT
/*
 * The boot_params page that a loader hands to Baton (Documentation/arch/x86/zero-page.rst), read as hostile input.
 * Pure over the page; the addresses in it are only copied out, whoever follows them asks first whether there is
 * memory. Any context.
 */
#ifndef BOOT_PARAMS_IN_H
#define BOOT_PARAMS_IN_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/boot_info.h"
#include "boot/efimap.h"
#include "boot/params_out.h"
#include "lib/status.h"

/* efi_info, as the loader filled it. systab 0: no EFI for 64 bits. */
struct params_efi {
	uint64_t systab;
	struct efi_map map;		/* capacity is its size */
};

struct params_in {
	const struct e820_entry *e820;	/* in the page */
	unsigned e820_count;
	uint64_t cmdline;		/* 0: none */
	uint64_t initrd, initrd_size;	/* size 0: none */
	uint64_t setup_data;		/* first node, 0: none */
	uint64_t rsdp;			/* 0: not said */
	struct params_efi efi;
	struct framebuffer framebuffer;	/* base 0: none, or one that makes no sense */
	uint8_t secure_boot;
};

/* E42 names the field: no setup header of protocol 2.12 or later, more than 128 e820 entries, an initrd that wraps, an
 * EFI map without address or size, a secure_boot that is not 0 to 3. */
enum status params_parse(const uint8_t page[PARAMS_BYTES], struct params_in *in, struct problem *problem) MUST_CHECK;

/* What a BIOS machine's loader found out and a next kernel cannot ask for any more: screen, APM, IST, disks, EDID, EDD.
 * Copied from one page to another, byte for byte; all else is left alone. */
void params_copy_found(uint8_t to[PARAMS_BYTES], const uint8_t from[PARAMS_BYTES]);

#endif
