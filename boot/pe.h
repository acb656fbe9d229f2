// SPDX-License-Identifier: MIT
/*
 * Headers and section table of a PE32+ file for x86-64 (Microsoft PE and COFF specification, with what EDK2 and shim
 * insist on), checked as hostile input. Baton takes sections out of such files (boot/uki.c) and never runs one itself,
 * so base relocations are checked and not applied. Pure; any context.
 */
#ifndef BOOT_PE_H
#define BOOT_PE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"

#define PE_HEADERS_MAX	32768u		/* section table and all before it lie in a file's first bytes */
#define PE_SECTION_MAX	96u
#define PE_NAME_BYTES	8u
#define PE_RELOCATIONS_MAX 32768u	/* bytes of base relocations taken */

struct pe_section {
	char name[PE_NAME_BYTES];	/* no NUL behind eight letters */
	uint32_t address;		/* RVA */
	uint32_t offset, size;		/* bytes of the file; those beyond the size in memory are padding, left out */
};

/* 2 KiB: keep it in .bss. */
struct pe {
	uint32_t image_bytes;		/* SizeOfImage */
	uint32_t relocations_offset, relocations_size;	/* base relocations in the file, size 0: there are none */
	unsigned section_count;
	struct pe_section sections[PE_SECTION_MAX];	/* in the table's order */
};

/* first: the file's first min(file_size, PE_HEADERS_MAX) bytes. Each message names file and field. E23: no PE32+ file
 * for x86-64. E24: a field out of bounds, or sections that overlap. E25: shorter than its own fields say. */
enum status pe_parse(struct pe *pe, const char *name, const void *first, uint64_t file_size,
		     struct problem *problem) MUST_CHECK;

/* Whether the section table of what begins like a PE file, malformed or not, has a row of this name, of PE_NAME_BYTES
 * with its NULs. first: as above. Never a reason to take anything from the file. */
bool pe_claims_section(const void *first, uint64_t file_size, const char *name);

/* blocks: the relocations_size bytes of pe's base relocations (PE format, "The .reloc Section"). Nobody applies them
 * here, but firmware would: E24 unless each block, and each place that it names, lies inside. */
enum status pe_check_relocations(const struct pe *pe, const char *name, const void *blocks,
				 struct problem *problem) MUST_CHECK;

#endif
