// SPDX-License-Identifier: MIT
/*
 * A vmlinux in the load loop: entered at its own 64-bit entry point with boot_params in RSI, as the decompressor of a
 * bzImage does (arch/x86/kernel/head_64.S, startup_64). Like that one it may put the whole kernel some multiple of
 * 2 MiB from where it is linked: __startup_64() finds out and corrects its page tables. It has no setup header, so
 * boot_params gets one that says what this kernel takes.
 */
#include <stddef.h>

#include "boot/field.h"
#include "boot/load_open.h"
#include "boot/place.h"
#include "lib/string.h"

#define MOVES_BY		(2u << 20)
#define CMDLINE_OF_LINUX	2047u	/* COMMAND_LINE_SIZE of x86 without the NUL */

static void put(uint8_t *header, unsigned at, unsigned bytes, uint64_t value)
{
	for (unsigned i = 0; i < bytes; i++)
		header[at - SETUP_HEADER_START + i] = (uint8_t)(value >> (8 * i));
}

/* What the loop needs to know of any kernel. */
static void describe(struct bzimage *image, const struct elf *elf, uint64_t file_size)
{
	uint64_t end = elf->start;

	for (unsigned i = 0; i < elf->load_count; i++)
		if (elf->loads[i].file_size)
			end = elf->loads[i].address + elf->loads[i].file_size;
	memset(image, 0, sizeof(*image));
	image->file_size = file_size;
	image->pref_address = elf->start & ~(PLACE_PAGE - 1);
	image->pm_bytes = end - image->pref_address;
	image->init_size = (elf->end - image->pref_address + PLACE_PAGE - 1) & ~(PLACE_PAGE - 1);
	image->relocatable = !(image->pref_address & (MOVES_BY - 1));
	image->runs_where_loaded = true;
	image->alignment = image->relocatable ? MOVES_BY : PLACE_PAGE;
	image->above_4g = image->five_level = true;
	image->initrd_max = PLACE_ADDRESS_END;
	image->cmdline_max = CMDLINE_OF_LINUX;
	image->header_length = 0x26c - SETUP_HEADER_START;
	put(image->header, 0x1fe, 2, 0xaa55);
	put(image->header, BZIMAGE_MAGIC_AT, 4, BZIMAGE_MAGIC);
	put(image->header, 0x206, 2, 0x20f);
	put(image->header, 0x211, 1, 1);		/* LOADED_HIGH */
	put(image->header, 0x22c, 4, 0x7fffffff);
	put(image->header, 0x230, 4, image->alignment);
	put(image->header, 0x236, 2, 3);		/* 64-bit entry, may lie above 4 GiB */
	put(image->header, 0x238, 4, CMDLINE_OF_LINUX);
	put(image->header, 0x258, 8, image->pref_address);
	put(image->header, 0x260, 4, image->init_size);
}

static enum status read_notes(struct load *load, const struct load_file *file)
{
	struct load_work *work = load->work;

	for (unsigned i = 0; i < work->elf.note_count; i++) {
		const struct elf_segment *note = &work->elf.notes[i];
		enum status status = OK;

		if (note->file_size)
			status = load_read_at(load, file, note->offset, work->text, (uint32_t)note->file_size);
		if (!status)
			status = elf_check_notes(&work->elf, file->path, note, work->text, load->problem);
		if (status)
			return status;
	}
	return OK;
}

enum status load_open_elf(struct load *load)
{
	struct load_work *work = load->work;
	struct load_file *file = &work->files[0];
	enum status status = elf_check(&work->elf, file->path, work->first, file->size, load->problem);

	if (!status)
		status = read_notes(load, file);
	if (status)
		return status;
	if (!work->elf.is_linux && work->elf.has_pvh)
		return load_open_pvh(load);
	if (!work->elf.is_linux)
		return problem_set(load->problem, E_NOT_A_KERNEL, "%s: ELF without a note of Linux or PVH, or a "
				   "Multiboot header: nothing that Baton can start", file->path);
	if (work->elf.bits != 64)
		return problem_set(load->problem, E_NOT_A_KERNEL, "%s: a Linux kernel for 32 bits", file->path);
	describe(&work->image, &work->elf, file->size);
	return elf_check_entry(&work->elf, file->path, "e_entry", work->elf.entry, load->problem);
}

/* One segment's bytes to their place in memory. */
static enum status read_segment(struct load *load, const struct elf_segment *segment, uint8_t *to)
{
	struct load_file *file = &load->work->files[0];
	const struct source *source = load->source;

	for (uint64_t done = 0; done < segment->file_size; ) {
		uint64_t rest = segment->file_size - done;
		uint32_t length = rest < SOURCE_READ_MAX ? (uint32_t)rest : SOURCE_READ_MAX;
		enum status status = load_read_at(load, file, segment->offset + done, to + done, length);

		if (status)
			return status;
		done += length;
		if (source->progress)
			source->progress(source->ctx, file->path, segment->offset + done, file->size);
	}
	return OK;
}

/* What was loaded of these bytes of the file is these bytes. */
static bool same_in_memory(const struct elf *elf, const uint8_t *memory, uint64_t base, const uint8_t *data,
			   uint64_t offset, uint64_t length)
{
	for (unsigned i = 0; i < elf->load_count; i++) {
		const struct elf_segment *s = &elf->loads[i];
		uint64_t from = s->offset > offset ? s->offset : offset;
		uint64_t to = s->offset + s->file_size < offset + length ? s->offset + s->file_size : offset + length;

		if (from < to && memcmp(memory + (s->address - base) + (from - s->offset), data + (from - offset),
					to - from))
			return false;
	}
	return true;
}

/* The entry's digest is about the file in its order: reads all of it once more and compares with what was used. */
static enum status check_used(struct load *load, const struct boot_segment *segment)
{
	struct load_work *work = load->work;
	struct load_file *file = &work->files[0];
	const uint8_t *memory = (const uint8_t *)(uintptr_t)segment_loaded(segment);
	uint64_t base = work->image.pref_address;
	uint64_t first = file->size < LOAD_FIRST_BYTES ? file->size : LOAD_FIRST_BYTES, at = file->done;
	bool same = same_in_memory(&work->elf, memory, base, work->first, 0, at);

	while (same && at < file->size) {
		uint64_t rest = file->size - at, known = at < first ? first - at : 0;
		uint32_t length = rest < sizeof(work->setup) ? (uint32_t)rest : sizeof(work->setup);
		enum status status = load_read_next(load, file, work->setup, length);

		if (status)
			return status;
		same = (!known || !memcmp(work->setup, work->first + at, known < length ? known : length)) &&
		       same_in_memory(&work->elf, memory, base, work->setup, at, length);
		at += length;
	}
	return same ? OK : problem_set(load->problem, E_DIGEST, "%s: changed while it was read", file->path);
}

enum status load_read_elf(struct load *load, struct boot_segment *segment)
{
	const struct elf *elf = &load->work->elf;
	uint8_t *memory = (uint8_t *)(uintptr_t)segment_loaded(segment);
	uint64_t filled = 0, chunk;

	segment->memory_size = load->work->image.init_size;
	for (unsigned i = 0; i < elf->load_count; i++) {
		uint64_t at = elf->loads[i].address - load->work->image.pref_address;
		enum status status;

		if (!elf->loads[i].file_size)
			continue;
		memset(memory + filled, 0, at - filled);
		status = read_segment(load, &elf->loads[i], memory + at);
		if (status)
			return status;
		filled = at + elf->loads[i].file_size;
	}
	for (chunk = 0; (chunk + 1) * CHUNK_BYTES <= segment->size; chunk++)
		load->hasher->submit(load->hasher->ctx, &segment->chunks[chunk], memory + chunk * CHUNK_BYTES,
				     CHUNK_BYTES);
	return load->work->files[0].wanted ? check_used(load, segment) : OK;
}
