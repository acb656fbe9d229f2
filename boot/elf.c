// SPDX-License-Identifier: MIT
#include "boot/elf.h"

#include <stddef.h>

#include "boot/field.h"
#include "lib/string.h"

/* Offsets in the ELF header, in a program header, in a note. */
enum {
	AT_CLASS = 4, AT_DATA = 5, AT_IDENT_VERSION = 6, AT_TYPE = 16, AT_MACHINE = 18, AT_ENTRY = 24, AT_PHOFF = 32,
	AT_EHSIZE = 52, AT_PHENTSIZE = 54, AT_PHNUM = 56, HEADER_BYTES = 64,
	AT_P_TYPE = 0, AT_P_OFFSET = 8, AT_P_PADDR = 24, AT_P_FILESZ = 32, AT_P_MEMSZ = 40, ROW_BYTES = 56,
	AT_NAMESZ = 0, AT_DESCSZ = 4, NOTE_BYTES = 12,
};

enum { CLASS_64 = 2, DATA_LSB = 1, TYPE_EXEC = 2, TYPE_DYN = 3, MACHINE_X86_64 = 62, PT_LOAD = 1, PT_NOTE = 4 };

#define LOW_END		(1ull << 20)
#define ADDRESS_END	(1ull << 46)

bool elf_recognise(const void *first)
{
	return !memcmp(first, "\177ELF", 4);
}

static enum status check_header(const char *name, const uint8_t *f, uint64_t there, struct problem *problem)
{
	if (there < HEADER_BYTES || !elf_recognise(f))
		return problem_set(problem, E_NOT_A_KERNEL, "%s: no ELF file", name);
	if (f[AT_CLASS] != CLASS_64)
		return field_refuse(problem, E_NOT_A_KERNEL, name, "EI_CLASS", f[AT_CLASS], "not ELF64");
	if (f[AT_DATA] != DATA_LSB)
		return field_refuse(problem, E_NOT_A_KERNEL, name, "EI_DATA", f[AT_DATA], "not little-endian");
	if (f[AT_IDENT_VERSION] != 1)
		return field_refuse(problem, E_NOT_A_KERNEL, name, "EI_VERSION", f[AT_IDENT_VERSION], "not 1");
	if (field16(f + AT_MACHINE) != MACHINE_X86_64)
		return field_refuse(problem, E_NOT_A_KERNEL, name, "e_machine", field16(f + AT_MACHINE),
				    "not 62 (x86-64)");
	if (field16(f + AT_TYPE) != TYPE_EXEC && field16(f + AT_TYPE) != TYPE_DYN)
		return field_refuse(problem, E_NOT_A_KERNEL, name, "e_type", field16(f + AT_TYPE),
				    "neither ET_EXEC nor ET_DYN");
	if (field16(f + AT_EHSIZE) != HEADER_BYTES)
		return field_refuse(problem, E_KERNEL_HEADER, name, "e_ehsize", field16(f + AT_EHSIZE), "not 64");
	if (field16(f + AT_PHENTSIZE) != ROW_BYTES)
		return field_refuse(problem, E_KERNEL_HEADER, name, "e_phentsize", field16(f + AT_PHENTSIZE), "not 56");
	if (!field16(f + AT_PHNUM) || field16(f + AT_PHNUM) > ELF_SEGMENTS_MAX)
		return field_refuse(problem, E_KERNEL_HEADER, name, "e_phnum", field16(f + AT_PHNUM),
				    "not within 1..64");
	return OK;
}

static enum status refuse_row(const char *name, unsigned row, enum status code, const char *field, uint64_t value,
			      const char *reason, struct problem *problem)
{
	return problem_set(problem, code, "%s: program header %u: %s is 0x%llx, %s", name, row, field,
			   (unsigned long long)value, reason);
}

/* The bytes that a program header promises are there. */
static enum status read_row(struct elf_segment *segment, const uint8_t *p, const char *name, unsigned row,
			    uint64_t file_size, struct problem *problem)
{
	*segment = (struct elf_segment){
		.offset = field64(p + AT_P_OFFSET), .file_size = field64(p + AT_P_FILESZ),
		.address = field64(p + AT_P_PADDR), .memory_size = field64(p + AT_P_MEMSZ),
	};
	if (segment->offset > file_size)
		return refuse_row(name, row, E_KERNEL_TRUNCATED, "p_offset", segment->offset,
				  "the file ends before it", problem);
	if (segment->file_size > file_size - segment->offset)
		return refuse_row(name, row, E_KERNEL_TRUNCATED, "p_filesz", segment->file_size,
				  "the file ends before its end", problem);
	return OK;
}

/* Keeps loads sorted by address. */
static enum status add_load(struct elf *elf, const struct elf_segment *segment, const char *name, unsigned row,
			    struct problem *problem)
{
	uint64_t end = segment->address + segment->memory_size;
	unsigned at = elf->load_count;

	if (segment->file_size > segment->memory_size)
		return refuse_row(name, row, E_KERNEL_HEADER, "p_filesz", segment->file_size, "more than p_memsz",
				  problem);
	if (segment->address < LOW_END)
		return refuse_row(name, row, E_KERNEL_HEADER, "p_paddr", segment->address, "below 1 MiB", problem);
	if (segment->address > ADDRESS_END || segment->memory_size > ADDRESS_END - segment->address)
		return refuse_row(name, row, E_KERNEL_HEADER, "p_paddr + p_memsz", end, "beyond 64 TiB", problem);
	for (unsigned i = 0; i < elf->load_count; i++)
		if (segment->address < elf->loads[i].address + elf->loads[i].memory_size &&
		    elf->loads[i].address < end)
			return refuse_row(name, row, E_KERNEL_HEADER, "p_paddr", segment->address,
					  "inside another segment", problem);
	for (; at && elf->loads[at - 1].address > segment->address; at--)
		elf->loads[at] = elf->loads[at - 1];
	elf->loads[at] = *segment;
	elf->load_count++;
	return OK;
}

static enum status add_note(struct elf *elf, const struct elf_segment *segment, const char *name, unsigned row,
			    struct problem *problem)
{
	if (segment->file_size > ELF_NOTES_MAX)
		return refuse_row(name, row, E_KERNEL_HEADER, "p_filesz", segment->file_size,
				  "more than 4096 for notes", problem);
	elf->notes[elf->note_count++] = *segment;
	return OK;
}

static enum status check_whole(struct elf *elf, const char *name, struct problem *problem)
{
	const struct elf_segment *last;
	bool inside = false;

	if (!elf->load_count)
		return problem_set(problem, E_KERNEL_HEADER, "%s: nothing to load: no PT_LOAD with memory", name);
	last = &elf->loads[elf->load_count - 1];
	elf->start = elf->loads[0].address;
	elf->end = last->address + last->memory_size;
	if (elf->end - elf->start > ELF_SPAN_MAX)
		return field_refuse(problem, E_KERNEL_HEADER, name, "memory from first to last segment",
				    elf->end - elf->start, "more than 1 GiB");
	for (unsigned i = 0; i < elf->load_count; i++)
		inside |= elf->entry >= elf->loads[i].address &&
			  elf->entry - elf->loads[i].address < elf->loads[i].file_size;
	if (!inside)
		return field_refuse(problem, E_KERNEL_HEADER, name, "e_entry", elf->entry, "inside no PT_LOAD's bytes");
	return OK;
}

enum status elf_check(struct elf *elf, const char *name, const void *first, uint64_t file_size,
		      struct problem *problem)
{
	uint64_t there = file_size < ELF_HEADERS_MAX ? file_size : ELF_HEADERS_MAX, table;
	const uint8_t *f = first;
	enum status status = check_header(name, f, there, problem);

	memset(elf, 0, sizeof(*elf));
	if (status)
		return status;
	elf->entry = field64(f + AT_ENTRY);
	table = field64(f + AT_PHOFF);
	if (table < HEADER_BYTES || table > there || there - table < ROW_BYTES * field16(f + AT_PHNUM))
		return field_refuse(problem, there == file_size ? E_KERNEL_TRUNCATED : E_KERNEL_HEADER, name, "e_phoff",
				    table, "program headers not within the file or its first 32 KiB");
	for (unsigned i = 0; !status && i < field16(f + AT_PHNUM); i++) {
		const uint8_t *p = f + table + ROW_BYTES * i;
		uint32_t type = field32(p + AT_P_TYPE);
		struct elf_segment segment;

		if (type != PT_LOAD && type != PT_NOTE)
			continue;
		status = read_row(&segment, p, name, i, file_size, problem);
		if (!status && type == PT_NOTE)
			status = add_note(elf, &segment, name, i, problem);
		else if (!status && (segment.memory_size || segment.file_size))
			status = add_load(elf, &segment, name, i, problem);
	}
	return status ? status : check_whole(elf, name, problem);
}

static uint64_t padded(uint32_t size)
{
	return ((uint64_t)size + 3) & ~3ull;
}

enum status elf_check_notes(const char *name, const void *notes, uint64_t size, bool *is_linux,
			    struct problem *problem)
{
	const uint8_t *note = notes;

	/* Each turn takes at least a note's header, whatever the sizes in it say. */
	for (uint64_t at = 0, bytes; at < size; at += bytes) {
		uint32_t name_size, body_size;

		if (size - at < NOTE_BYTES)
			return field_refuse(problem, E_KERNEL_HEADER, name, "note at byte", at, "cut off by p_filesz");
		name_size = field32(note + at + AT_NAMESZ);
		body_size = field32(note + at + AT_DESCSZ);
		bytes = NOTE_BYTES + padded(name_size) + padded(body_size);
		/* Padding behind the last one may be missing. */
		if (NOTE_BYTES + padded(name_size) + body_size > size - at)
			return field_refuse(problem, E_KERNEL_HEADER, name, "note at byte", at, "longer than p_filesz");
		if (name_size == 6 && !memcmp(note + at + NOTE_BYTES, "Linux", 6))
			*is_linux = true;
	}
	return OK;
}
