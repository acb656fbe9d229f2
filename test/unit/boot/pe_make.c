// SPDX-License-Identifier: MIT
#include "test/unit/boot/support.h"
#include "test/unit/boot/pe_make.h"

#include <string.h>

static void put(struct pe_made *pe, unsigned offset, unsigned bytes, uint64_t value)
{
	kernel_put(pe->file, offset, bytes, value);
}

void pe_make(struct pe_made *pe, uint8_t *file, uint64_t room)
{
	uint8_t code[0x200];

	*pe = (struct pe_made){ .file = file, .size = 0x1000, .room = room, .memory = 0x1000 };
	memset(file, 0, 0x1000);
	memcpy(file, "MZ", 2);
	put(pe, 0x3c, 4, PE_MADE_COFF);
	memcpy(file + PE_MADE_COFF, "PE\0\0", 4);
	put(pe, PE_MADE_COFF + 4, 2, 0x8664);
	put(pe, PE_MADE_COFF + 20, 2, 112 + 16 * 8);
	put(pe, PE_MADE_COFF + 22, 2, 0x206);
	put(pe, PE_MADE_OPTIONAL, 2, 0x20b);
	put(pe, PE_MADE_OPTIONAL + 16, 4, 0x1010);
	put(pe, PE_MADE_OPTIONAL + 32, 4, 0x1000);
	put(pe, PE_MADE_OPTIONAL + 36, 4, 0x200);
	put(pe, PE_MADE_OPTIONAL + 60, 4, 0x1000);
	put(pe, PE_MADE_OPTIONAL + 68, 2, 10);
	put(pe, PE_MADE_OPTIONAL + 108, 4, 16);
	memset(code, 0xc3, sizeof(code));
	pe_add(pe, ".text", code, sizeof(code));
	put(pe, PE_MADE_ROW(0) + 36, 4, 0x60000020);
}

uint64_t pe_add(struct pe_made *pe, const char *name, const void *data, uint32_t size)
{
	uint32_t padded = (size + 0x1ff) & ~0x1ffu;
	unsigned row = PE_MADE_ROW(pe->sections);
	uint64_t offset = pe->size;

	assert_true(offset + padded <= pe->room && row + 40 <= 0x1000);
	memset(pe->file + offset, 0, padded);
	memcpy(pe->file + offset, data, size);
	strncpy((char *)pe->file + row, name, 8);
	put(pe, row + 8, 4, size);
	put(pe, row + 12, 4, pe->memory);
	put(pe, row + 16, 4, padded);
	put(pe, row + 20, 4, offset);
	put(pe, row + 36, 4, 0x40000040);
	pe->size += padded;
	pe->memory += (padded + 0xfff) & ~0xfffu;
	put(pe, PE_MADE_COFF + 6, 2, ++pe->sections);
	put(pe, PE_MADE_OPTIONAL + 56, 4, pe->memory);
	return offset;
}
