// SPDX-License-Identifier: MIT
#include "boot/elf.h"

#include <stddef.h>

#include "boot/field.h"
#include "lib/string.h"

/* Offsets that both classes have; then in a note. */
enum { AT_CLASS = 4, AT_DATA = 5, AT_IDENT_VERSION = 6, AT_TYPE = 16, AT_MACHINE = 18, AT_ENTRY = 24,
       AT_NAMESZ = 0, AT_DESCSZ = 4, AT_NOTE_TYPE = 8, NOTE_BYTES = 12 };

/* Where the classes differ: the header's fields, then a program header's. */
struct layout {
	uint8_t bits, header_bytes, row_bytes, machine;
	uint8_t phoff, ehsize, phentsize, phnum;
	uint8_t p_offset, p_paddr, p_filesz, p_memsz, p_align;
};

static const struct layout layouts[] = {
	{ 32, 52, 32, 3, 28, 40, 42, 44, 4, 12, 16, 20, 28 },	/* EM_386 */
	{ 64, 64, 56, 62, 32, 52, 54, 56, 8, 24, 32, 40, 48 },	/* EM_X86_64 */
};

enum { CLASS_32 = 1, CLASS_64 = 2, DATA_LSB = 1, TYPE_EXEC = 2, TYPE_DYN = 3, PT_LOAD = 1, PT_NOTE = 4,
       XEN_PHYS32_ENTRY = 18 };

#define LOW_END		(1ull << 20)
#define ADDRESS_END	(1ull << 46)

bool elf_recognise(const void *first)
{
	return !memcmp(first, "\177ELF", 4);
}

static uint64_t word(const struct layout *l, const uint8_t *p)
{
	return l->bits == 32 ? field32(p) : field64(p);
}

static enum status check_header(const char *name, const uint8_t *f, uint64_t there, const struct layout **layout,
				struct problem *problem)
{
	const struct layout *l;

	if (there < layouts[1].header_bytes || !elf_recognise(f))
		return problem_set(problem, E_NOT_A_KERNEL, "%s: no ELF file", name);
	if (f[AT_CLASS] != CLASS_32 && f[AT_CLASS] != CLASS_64)
		return field_refuse(problem, E_NOT_A_KERNEL, name, "EI_CLASS", f[AT_CLASS], "neither ELF32 nor ELF64");
	*layout = l = &layouts[f[AT_CLASS] - CLASS_32];
	if (f[AT_DATA] != DATA_LSB)
		return field_refuse(problem, E_NOT_A_KERNEL, name, "EI_DATA", f[AT_DATA], "not little-endian");
	if (f[AT_IDENT_VERSION] != 1)
		return field_refuse(problem, E_NOT_A_KERNEL, name, "EI_VERSION", f[AT_IDENT_VERSION], "not 1");
	if (field16(f + AT_MACHINE) != l->machine)
		return field_refuse(problem, E_NOT_A_KERNEL, name, "e_machine", field16(f + AT_MACHINE),
				    l->bits == 64 ? "not 62 (x86-64)" : "not 3 (i386)");
	if (field16(f + AT_TYPE) != TYPE_EXEC && field16(f + AT_TYPE) != TYPE_DYN)
		return field_refuse(problem, E_NOT_A_KERNEL, name, "e_type", field16(f + AT_TYPE),
				    "neither ET_EXEC nor ET_DYN");
	if (field16(f + l->ehsize) != l->header_bytes)
		return field_refuse(problem, E_KERNEL_HEADER, name, "e_ehsize", field16(f + l->ehsize),
				    l->bits == 64 ? "not 64" : "not 52");
	if (field16(f + l->phentsize) != l->row_bytes)
		return field_refuse(problem, E_KERNEL_HEADER, name, "e_phentsize", field16(f + l->phentsize),
				    l->bits == 64 ? "not 56" : "not 32");
	if (!field16(f + l->phnum) || field16(f + l->phnum) > ELF_SEGMENTS_MAX)
		return field_refuse(problem, E_KERNEL_HEADER, name, "e_phnum", field16(f + l->phnum),
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
static enum status read_row(struct elf_segment *segment, const struct layout *l, const uint8_t *p, const char *name,
			    unsigned row, uint64_t file_size, struct problem *problem)
{
	*segment = (struct elf_segment){
		.offset = word(l, p + l->p_offset), .file_size = word(l, p + l->p_filesz),
		.address = word(l, p + l->p_paddr), .memory_size = word(l, p + l->p_memsz),
		.align = word(l, p + l->p_align),
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

	if (!elf->load_count)
		return problem_set(problem, E_KERNEL_HEADER, "%s: nothing to load: no PT_LOAD with memory", name);
	last = &elf->loads[elf->load_count - 1];
	elf->start = elf->loads[0].address;
	elf->end = last->address + last->memory_size;
	if (elf->end - elf->start > ELF_SPAN_MAX)
		return field_refuse(problem, E_KERNEL_HEADER, name, "memory from first to last segment",
				    elf->end - elf->start, "more than 1 GiB");
	return OK;
}

enum status elf_check_entry(const struct elf *elf, const char *name, const char *field, uint64_t entry,
			    struct problem *problem)
{
	for (unsigned i = 0; i < elf->load_count; i++)
		if (entry >= elf->loads[i].address && entry - elf->loads[i].address < elf->loads[i].file_size)
			return OK;
	return field_refuse(problem, E_KERNEL_HEADER, name, field, entry, "inside no PT_LOAD's bytes");
}

enum status elf_check(struct elf *elf, const char *name, const void *first, uint64_t file_size,
		      struct problem *problem)
{
	uint64_t there = file_size < ELF_HEADERS_MAX ? file_size : ELF_HEADERS_MAX, table;
	const struct layout *l = &layouts[1];
	const uint8_t *f = first;
	enum status status = check_header(name, f, there, &l, problem);

	memset(elf, 0, sizeof(*elf));
	if (status)
		return status;
	elf->bits = l->bits;
	elf->entry = word(l, f + AT_ENTRY);
	table = word(l, f + l->phoff);
	if (table < l->header_bytes || table > there || there - table < (uint64_t)l->row_bytes * field16(f + l->phnum))
		return field_refuse(problem, there == file_size ? E_KERNEL_TRUNCATED : E_KERNEL_HEADER, name, "e_phoff",
				    table, "program headers not within the file or its first 32 KiB");
	for (unsigned i = 0; !status && i < field16(f + l->phnum); i++) {
		const uint8_t *p = f + table + (uint64_t)l->row_bytes * i;
		uint32_t type = field32(p);
		struct elf_segment segment;

		if (type != PT_LOAD && type != PT_NOTE)
			continue;
		status = read_row(&segment, l, p, name, i, file_size, problem);
		if (!status && type == PT_NOTE)
			status = add_note(elf, &segment, name, i, problem);
		else if (!status && (segment.memory_size || segment.file_size))
			status = add_load(elf, &segment, name, i, problem);
	}
	return status ? status : check_whole(elf, name, problem);
}

/* From a note's start on. Notes in a segment aligned to 8 are padded to 8, all others to 4, whatever the class. */
static uint64_t padded(const struct elf_segment *segment, uint64_t bytes)
{
	uint64_t to = segment->align == 8 ? 8 : 4;

	return (bytes + to - 1) & ~(to - 1);
}

/* What a note says that Baton asks for. */
static enum status take_note(struct elf *elf, const char *name, const uint8_t *note, const uint8_t *body,
			     struct problem *problem)
{
	uint32_t name_size = field32(note + AT_NAMESZ), body_size = field32(note + AT_DESCSZ);

	if (name_size == 6 && !memcmp(note + NOTE_BYTES, "Linux", 6))
		elf->is_linux = true;
	if (name_size != 4 || memcmp(note + NOTE_BYTES, "Xen", 4) || field32(note + AT_NOTE_TYPE) != XEN_PHYS32_ENTRY)
		return OK;
	if (body_size != 4 && body_size != 8)
		return field_refuse(problem, E_KERNEL_HEADER, name, "size of PVH's note", body_size, "neither 4 nor 8");
	elf->has_pvh = true;
	elf->pvh_entry = body_size == 4 ? field32(body) : field64(body);
	return OK;
}

enum status elf_check_notes(struct elf *elf, const char *name, const struct elf_segment *segment, const void *notes,
			    struct problem *problem)
{
	uint64_t size = segment->file_size;
	const uint8_t *note = notes;

	/* Each turn takes at least a note's header, whatever the sizes in it say. */
	for (uint64_t at = 0, body, bytes; at < size; at += bytes) {
		uint32_t name_size, body_size;
		enum status status;

		if (size - at < NOTE_BYTES)
			return field_refuse(problem, E_KERNEL_HEADER, name, "note at byte", at, "cut off by p_filesz");
		name_size = field32(note + at + AT_NAMESZ);
		body_size = field32(note + at + AT_DESCSZ);
		body = padded(segment, NOTE_BYTES + (uint64_t)name_size);
		bytes = padded(segment, body + body_size);
		/* Padding behind the last one may be missing. */
		if (body + body_size > size - at)
			return field_refuse(problem, E_KERNEL_HEADER, name, "note at byte", at, "longer than p_filesz");
		status = take_note(elf, name, note + at, note + at + body, problem);
		if (status)
			return status;
	}
	return OK;
}
