// SPDX-License-Identifier: MIT
#include "boot/pe.h"

#include <stdbool.h>
#include <stddef.h>

#include "boot/field.h"
#include "boot/place.h"
#include "lib/string.h"

/* Offsets: in the DOS header, behind the signature (COFF header), in the optional header, in a section's row. */
enum {
	AT_LFANEW = 0x3c,
	AT_MACHINE = 4, AT_SECTIONS = 6, AT_OPTIONAL_BYTES = 20, AT_OPTIONAL = 24,
	AT_MAGIC = 0, AT_ENTRY = 16, AT_SECTION_ALIGNMENT = 32, AT_FILE_ALIGNMENT = 36, AT_IMAGE_BYTES = 56,
	AT_HEADER_BYTES = 60, AT_DIRECTORIES = 108, AT_DIRECTORY = 112,
	AT_MEMORY_BYTES = 8, AT_ADDRESS = 12, AT_RAW_BYTES = 16, AT_RAW_OFFSET = 20, AT_FLAGS = 36,
};

#define MACHINE_X64	0x8664
#define MAGIC_PE32_PLUS	0x20b
#define OPTIONAL_BYTES	112u		/* without data directories */
#define DIRECTORY_BYTES	8u
#define DIRECTORIES_MAX	16u
#define CERTIFICATES	4u		/* index; its "address" is an offset in the file */
#define RELOCATIONS	5u		/* index */
#define ROW_BYTES	40u
#define BLOCK_BYTES	8u		/* of relocations, without its entries */
#define FLAG_EXECUTE	0x20000000u

/* One file on its way. */
struct walk {
	struct pe *pe;
	const char *name;
	uint64_t file_size;
	const uint8_t *optional, *table;	/* both inside the bytes that are there */
	uint64_t table_end;			/* offset in the file */
	uint32_t header_bytes, image_bytes, alignment;
	struct problem *problem;
};

static enum status refuse(const struct walk *w, enum status code, const char *field, uint64_t value, const char *reason)
{
	return field_refuse(w->problem, code, w->name, field, value, reason);
}

static bool is_power_of_two(uint32_t value)
{
	return value && !(value & (value - 1));
}

/* Everything up to the section table: what kind of file it is, and that the table is there. */
static enum status find_table(struct walk *w, const uint8_t *f)
{
	uint64_t there = w->file_size < PE_HEADERS_MAX ? w->file_size : PE_HEADERS_MAX;
	uint32_t coff, optional_bytes, directories;

	if (there < AT_LFANEW + 4 || f[0] != 'M' || f[1] != 'Z')
		return problem_set(w->problem, E_NOT_A_KERNEL, "%s: no PE file: it does not begin with MZ", w->name);
	coff = field32(f + AT_LFANEW);
	if (coff < AT_LFANEW + 4 || coff >= PE_HEADERS_MAX)
		return refuse(w, E_KERNEL_HEADER, "e_lfanew", coff, "not within 0x40..0x7fff");
	if (coff + AT_OPTIONAL + OPTIONAL_BYTES > there)
		return refuse(w, E_KERNEL_TRUNCATED, "e_lfanew", coff, "the file ends before the PE headers do");
	f += coff;
	if (memcmp(f, "PE\0\0", 4))
		return refuse(w, E_NOT_A_KERNEL, "PE signature", field32(f), "not \"PE\"");
	if (field16(f + AT_MACHINE) != MACHINE_X64)
		return refuse(w, E_NOT_A_KERNEL, "Machine", field16(f + AT_MACHINE), "not 0x8664 (x86-64)");
	w->optional = f + AT_OPTIONAL;
	if (field16(w->optional + AT_MAGIC) != MAGIC_PE32_PLUS)
		return refuse(w, E_NOT_A_KERNEL, "Magic", field16(w->optional + AT_MAGIC), "not 0x20b (PE32+)");
	directories = field32(w->optional + AT_DIRECTORIES);
	if (directories > DIRECTORIES_MAX)
		return refuse(w, E_KERNEL_HEADER, "NumberOfRvaAndSizes", directories, "more than 16");
	optional_bytes = field16(f + AT_OPTIONAL_BYTES);
	if (optional_bytes != OPTIONAL_BYTES + DIRECTORY_BYTES * directories)
		return refuse(w, E_KERNEL_HEADER, "SizeOfOptionalHeader", optional_bytes,
			      "not what NumberOfRvaAndSizes says");
	w->pe->section_count = field16(f + AT_SECTIONS);
	if (!w->pe->section_count || w->pe->section_count > PE_SECTION_MAX)
		return refuse(w, E_KERNEL_HEADER, "NumberOfSections", w->pe->section_count, "not within 1..96");
	w->table = w->optional + optional_bytes;
	w->table_end = (uint64_t)coff + AT_OPTIONAL + optional_bytes + ROW_BYTES * w->pe->section_count;
	if (w->table_end > there)
		return refuse(w, there == w->file_size ? E_KERNEL_TRUNCATED : E_KERNEL_HEADER, "section table's end",
			      w->table_end, "beyond the file or beyond 32 KiB");
	return OK;
}

static enum status check_sizes(struct walk *w)
{
	uint32_t file_alignment = field32(w->optional + AT_FILE_ALIGNMENT);

	w->alignment = field32(w->optional + AT_SECTION_ALIGNMENT);
	w->image_bytes = field32(w->optional + AT_IMAGE_BYTES);
	w->header_bytes = field32(w->optional + AT_HEADER_BYTES);
	if (!is_power_of_two(file_alignment))
		return refuse(w, E_KERNEL_HEADER, "FileAlignment", file_alignment, "not a power of two");
	if (!is_power_of_two(w->alignment) || w->alignment < file_alignment)
		return refuse(w, E_KERNEL_HEADER, "SectionAlignment", w->alignment,
			      "not a power of two from FileAlignment on");
	if (w->header_bytes < w->table_end)
		return refuse(w, E_KERNEL_HEADER, "SizeOfHeaders", w->header_bytes, "ends inside the section table");
	if (w->image_bytes < w->header_bytes)
		return refuse(w, E_KERNEL_HEADER, "SizeOfImage", w->image_bytes, "less than SizeOfHeaders");
	/* EDK2 asks for it too: the table's rows must fit the image with one to spare. */
	if ((w->image_bytes - (w->table_end - ROW_BYTES * w->pe->section_count)) / ROW_BYTES <= w->pe->section_count)
		return refuse(w, E_KERNEL_HEADER, "SizeOfImage", w->image_bytes, "too small for the section table");
	return OK;
}

/* A data directory's address and size, both 0 where there is none. */
static void read_directory(const struct walk *w, unsigned index, uint32_t *address, uint32_t *size)
{
	const uint8_t *row = w->optional + AT_DIRECTORY + index * DIRECTORY_BYTES;
	bool there = field32(w->optional + AT_DIRECTORIES) > index;

	*address = there ? field32(row) : 0;
	*size = there ? field32(row + 4) : 0;
}

static enum status check_certificates(const struct walk *w)
{
	uint32_t offset, size;

	read_directory(w, CERTIFICATES, &offset, &size);
	if ((uint64_t)offset + size > w->file_size)
		return refuse(w, E_KERNEL_TRUNCATED, "certificate table's end", (uint64_t)offset + size,
			      "the file ends before it");
	return OK;
}

/* The sections are good: the directory lies in the bytes of one. */
static enum status find_relocations(const struct walk *w)
{
	uint32_t address, size;

	read_directory(w, RELOCATIONS, &address, &size);
	if (!size)
		return OK;
	if (size > PE_RELOCATIONS_MAX)
		return refuse(w, E_KERNEL_HEADER, "base relocations' size", size, "more than 32 KiB");
	for (unsigned i = 0; i < w->pe->section_count; i++) {
		const struct pe_section *section = &w->pe->sections[i];

		if (address < section->address || size > section->size ||
		    address - section->address > section->size - size)
			continue;
		w->pe->relocations_offset = section->offset + (address - section->address);
		w->pe->relocations_size = size;
		return OK;
	}
	return refuse(w, E_KERNEL_HEADER, "base relocations' address", address, "not with all bytes in one section");
}

static enum status refuse_section(const struct walk *w, unsigned index, enum status code, const char *field,
				  uint64_t value, const char *reason)
{
	return problem_set(w->problem, code, "%s: section %u (%.8s): %s is 0x%llx, %s", w->name, index,
			   w->pe->sections[index].name, field, (unsigned long long)value, reason);
}

/* Bytes that a section takes in memory: padding in the file behind its size there is not loaded. */
static uint32_t loaded_bytes(const uint8_t *row)
{
	uint32_t bytes = field32(row + AT_MEMORY_BYTES);

	return bytes ? bytes : field32(row + AT_RAW_BYTES);
}

/* The rows before this one are good. */
static enum status check_apart(const struct walk *w, unsigned index)
{
	const struct pe_section *section = &w->pe->sections[index];
	uint32_t loaded = loaded_bytes(w->table + ROW_BYTES * index);

	for (unsigned i = 0; i < index; i++) {
		const uint8_t *row = w->table + ROW_BYTES * i;
		uint32_t raw = field32(row + AT_RAW_BYTES);

		if (place_overlap(field32(row + AT_ADDRESS), loaded_bytes(row), section->address, loaded))
			return refuse_section(w, index, E_KERNEL_HEADER, "VirtualAddress", section->address,
					      "inside another section");
		if (place_overlap(field32(row + AT_RAW_OFFSET), raw, section->offset,
				  field32(w->table + ROW_BYTES * index + AT_RAW_BYTES)))
			return refuse_section(w, index, E_KERNEL_HEADER, "PointerToRawData", section->offset,
					      "inside another section's bytes");
	}
	return OK;
}

static enum status check_section(const struct walk *w, unsigned index, bool *entry_inside)
{
	struct pe_section *section = &w->pe->sections[index];
	const uint8_t *row = w->table + ROW_BYTES * index;
	uint32_t bytes = field32(row + AT_MEMORY_BYTES), raw = field32(row + AT_RAW_BYTES);
	uint32_t memory = bytes > raw ? bytes : raw, entry = field32(w->optional + AT_ENTRY);
	bool executable = field32(row + AT_FLAGS) & FLAG_EXECUTE;
	enum status status;

	memcpy(section->name, row, PE_NAME_BYTES);
	section->address = field32(row + AT_ADDRESS);
	section->offset = field32(row + AT_RAW_OFFSET);
	section->size = raw;
	if (raw && section->offset < w->header_bytes)
		return refuse_section(w, index, E_KERNEL_HEADER, "PointerToRawData", section->offset,
				      "inside the headers");
	if ((uint64_t)section->offset + raw > w->file_size)
		return refuse_section(w, index, E_KERNEL_TRUNCATED, "end of its bytes", (uint64_t)section->offset + raw,
				      "the file ends before it");
	/* Of data sections nobody asks it: EDK2 compares no section's address with the alignment, only the image's
	 * own, and in Debian's systemd stub .sdmagic lies on a multiple of 0x100 where the alignment is 0x200. */
	if (executable && (section->address & (w->alignment - 1)))
		return refuse_section(w, index, E_KERNEL_HEADER, "VirtualAddress", section->address,
				      "not on SectionAlignment");
	if ((uint64_t)section->address + memory > w->image_bytes)
		return refuse_section(w, index, E_KERNEL_HEADER, "end in memory", (uint64_t)section->address + memory,
				      "beyond SizeOfImage");
	status = check_apart(w, index);
	if (status)
		return status;
	if (executable && entry >= section->address && entry - section->address < loaded_bytes(row))
		*entry_inside = true;
	if (loaded_bytes(row) < raw)
		section->size = bytes;
	return OK;
}

enum status pe_parse(struct pe *pe, const char *name, const void *first, uint64_t file_size, struct problem *problem)
{
	struct walk w = { .pe = pe, .name = name, .file_size = file_size, .problem = problem };
	bool entry_inside = false;
	enum status status;

	memset(pe, 0, sizeof(*pe));
	status = find_table(&w, first);
	if (!status)
		status = check_sizes(&w);
	if (!status)
		status = check_certificates(&w);
	for (unsigned i = 0; !status && i < pe->section_count; i++)
		status = check_section(&w, i, &entry_inside);
	/* Sections do not overlap, so it is inside one at most. */
	if (!status && !entry_inside)
		status = refuse(&w, E_KERNEL_HEADER, "AddressOfEntryPoint", field32(w.optional + AT_ENTRY),
				"inside no executable section");
	w.pe->image_bytes = w.image_bytes;
	return status ? status : find_relocations(&w);
}

bool pe_claims_section(const void *first, uint64_t file_size, const char *name)
{
	uint64_t there = file_size < PE_HEADERS_MAX ? file_size : PE_HEADERS_MAX, row;
	const uint8_t *f = first;
	uint32_t coff;

	if (there < AT_LFANEW + 4 || f[0] != 'M' || f[1] != 'Z')
		return false;
	coff = field32(f + AT_LFANEW);
	if ((uint64_t)coff + AT_OPTIONAL > there || memcmp(f + coff, "PE\0\0", 4))
		return false;
	row = (uint64_t)coff + AT_OPTIONAL + field16(f + coff + AT_OPTIONAL_BYTES);
	for (unsigned i = field16(f + coff + AT_SECTIONS); i && row + ROW_BYTES <= there; i--, row += ROW_BYTES)
		if (!memcmp(f + row, name, PE_NAME_BYTES))
			return true;
	return false;
}

/* Bytes that an entry of this type changes, 0: none such on x86-64. */
static unsigned patched_bytes(unsigned type)
{
	static const uint8_t bytes[] = { [1] = 2, [2] = 2, [3] = 4, [10] = 8 };	/* HIGH, LOW, HIGHLOW, DIR64 */

	return type < sizeof(bytes) ? bytes[type] : 0;
}

/* One block, which lies inside the directory. */
static enum status check_block(const struct pe *pe, const char *name, const uint8_t *block, uint32_t bytes,
			       struct problem *problem)
{
	for (uint32_t at = BLOCK_BYTES; at < bytes; at += 2) {
		unsigned entry = field16(block + at), type = entry >> 12;
		uint64_t place = (uint64_t)field32(block) + (entry & 0xfff);

		if (!type)	/* ABSOLUTE: padding */
			continue;
		if (!patched_bytes(type))
			return field_refuse(problem, E_KERNEL_HEADER, name, "base relocation's type", type,
					    "not known for x86-64");
		if (place + patched_bytes(type) > pe->image_bytes)
			return field_refuse(problem, E_KERNEL_HEADER, name, "base relocation's place", place,
					    "beyond SizeOfImage");
	}
	return OK;
}

enum status pe_check_relocations(const struct pe *pe, const char *name, const void *blocks, struct problem *problem)
{
	const uint8_t *block = blocks;
	enum status status = OK;

	/* Each turn takes at least a block's header. */
	for (uint32_t rest = pe->relocations_size, bytes; !status && rest; rest -= bytes, block += bytes) {
		if (rest < BLOCK_BYTES)
			return field_refuse(problem, E_KERNEL_HEADER, name, "rest of the base relocations", rest,
					    "less than a block");
		bytes = field32(block + 4);
		if (bytes < BLOCK_BYTES || bytes > rest || bytes & 1)
			return field_refuse(problem, E_KERNEL_HEADER, name, "base relocation block's size", bytes,
					    "odd, less than 8 or beyond the directory");
		status = check_block(pe, name, block, bytes, problem);
	}
	return status;
}
