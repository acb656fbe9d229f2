// SPDX-License-Identifier: MIT
/*
 * A PE32+ file made of nothing: PE signature at PE_MADE_COFF, 16 data directories, sections as asked for behind a .text
 * that holds the entry point. SizeOfHeaders 0x1000, SectionAlignment 0x1000, FileAlignment 0x200.
 */
#ifndef TEST_UNIT_BOOT_PE_MAKE_H
#define TEST_UNIT_BOOT_PE_MAKE_H

#include <stdint.h>

#define PE_MADE_COFF		0x80u
#define PE_MADE_OPTIONAL	(PE_MADE_COFF + 24)
#define PE_MADE_TABLE		(PE_MADE_OPTIONAL + 112 + 16 * 8)
#define PE_MADE_ROW(i)		(PE_MADE_TABLE + 40 * (i))

struct pe_made {
	uint8_t *file;
	uint64_t size;		/* so far, a multiple of 0x200 */
	uint64_t room;
	unsigned sections;
	uint32_t memory;	/* next free RVA */
};

/* With .text alone: one page of memory, 0x200 bytes. */
void pe_make(struct pe_made *pe, uint8_t *file, uint64_t room);

/* Returns the section's offset in the file. */
uint64_t pe_add(struct pe_made *pe, const char *name, const void *data, uint32_t size);

#endif
