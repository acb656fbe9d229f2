// SPDX-License-Identifier: MIT
/*
 * Multiboot headers (Multiboot specification 0.6.96, Multiboot2 specification 2.0), checked as hostile input. Pure;
 * any context.
 */
#ifndef BOOT_MULTIBOOT_H
#define BOOT_MULTIBOOT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"

#define MULTIBOOT_SEARCH_MAX	32768u		/* a header lies in a file's first bytes */

struct multiboot {
	unsigned version;		/* 1 or 2; 0: no header */
	uint32_t offset;		/* of the header in the file */
	uint32_t requests;		/* 1: its flags; 2: bit n is set if there is a tag of type n */
	bool addresses;			/* the header says what goes where, below; otherwise the file is ELF */
	uint64_t file_offset, file_size, load_address, memory_size;
	uint64_t entry;			/* 0: the ELF header's */
	bool boot_services_needed;	/* it has to be started while firmware's boot services live */
	bool efi_entry;			/* 2: it has one for EFI with boot services alive (tags 7 and 9) */
	uint64_t needs;			/* 2: bit n: it cannot do without information of type n; above 63 is refused */
	bool relocatable;		/* 2: it may lie anywhere in this range, inclusive, at this alignment */
	uint32_t min_address, max_address, align;
};

/* first: the file's first min(file_size, MULTIBOOT_SEARCH_MAX) bytes. OK with version 0: there is none. E24: a field
 * out of bounds, or a requirement that Baton does not know. E25: bytes that the header names are not there. */
enum status multiboot_check(struct multiboot *image, const char *name, const void *first, uint64_t file_size,
			    struct problem *problem) MUST_CHECK;

#endif
