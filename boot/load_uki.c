// SPDX-License-Identifier: MIT
/*
 * A unified kernel image in the load loop: its sections become files of the loop. If the entry gives the image's
 * SHA-256, all of it is read and compared first, and each section gets a digest of its own on the way, so that the
 * bytes that are loaded are the bytes that were compared.
 */
#include <stddef.h>

#include "boot/load_open.h"
#include "lib/fmt.h"
#include "lib/string.h"

/* As they are concatenated: early microcode before the other initrds. */
static const enum uki_part loaded[LOAD_UKI_FILES] = { UKI_LINUX, UKI_UCODE, UKI_INITRD };

/* Hashes of sections, fed with the file in order. .cmdline is the last. */
struct pass {
	const struct uki_range *ranges[LOAD_UKI_FILES + 1];
	struct sha256_ctx hashes[LOAD_UKI_FILES + 1];
};

static void feed(struct pass *pass, const uint8_t *data, uint64_t offset, uint64_t length)
{
	for (unsigned i = 0; i <= LOAD_UKI_FILES; i++) {
		const struct uki_range *range = pass->ranges[i];
		uint64_t end = range->offset + range->size < offset + length ? range->offset + range->size :
									       offset + length;
		uint64_t start = range->offset > offset ? range->offset : offset;

		if (start < end)
			sha256_update(&pass->hashes[i], data + (start - offset), end - start);
	}
}

/* Reads what is left of the file, compares, and keeps each section's digest. */
static enum status check_container(struct load *load)
{
	struct load_work *work = load->work;
	struct load_file *file = &work->container;
	uint8_t found[SHA256_BYTES], used[SHA256_BYTES];
	struct pass pass;
	enum status status;

	for (unsigned i = 0; i <= LOAD_UKI_FILES; i++) {
		pass.ranges[i] = &work->uki.parts[i < LOAD_UKI_FILES ? loaded[i] : UKI_CMDLINE];
		sha256_init(&pass.hashes[i]);
	}
	feed(&pass, work->first, 0, file->done);
	while (file->done < file->size) {
		uint64_t rest = file->size - file->done, at = file->done;
		uint32_t length = rest < sizeof(work->setup) ? (uint32_t)rest : sizeof(work->setup);

		status = load_read_next(load, file, work->setup, length);
		if (status)
			return status;
		feed(&pass, work->setup, at, length);
	}
	status = load_check_digest(load, file);
	if (status)
		return status;
	for (unsigned i = 0; i < LOAD_UKI_FILES; i++)
		sha256_final(&pass.hashes[i], work->section_sha256[i]);
	sha256_final(&pass.hashes[LOAD_UKI_FILES], found);
	sha256_compute(used, work->text, work->uki.parts[UKI_CMDLINE].size);
	if (memcmp(found, used, sizeof(found)))
		return problem_set(load->problem, E_DIGEST, "%s: changed while it was read", file->path);
	return OK;
}

static enum status read_text(struct load *load, const struct load_file *file, enum uki_part part)
{
	const struct uki_range *range = &load->work->uki.parts[part];

	return range->size ? load_read_at(load, file, range->offset, load->work->text, (uint32_t)range->size) : OK;
}

static enum status check_relocations(struct load *load, const struct load_file *file)
{
	struct load_work *work = load->work;
	enum status status = OK;

	if (work->pe.relocations_size)
		status = load_read_at(load, file, work->pe.relocations_offset, work->setup, work->pe.relocations_size);
	return status ? status : pe_check_relocations(&work->pe, file->path, work->setup, load->problem);
}

/* Sections instead of the file. */
static void open_sections(struct load_work *work)
{
	work->open_count = 0;
	for (unsigned i = 0; i < LOAD_UKI_FILES; i++) {
		const struct uki_range *range = &work->uki.parts[loaded[i]];
		char *path = work->section_paths[i];

		if (!range->size)
			continue;
		fmt_snprint(path, sizeof(work->section_paths[i]), "%s:%s", work->container.path,
			    uki_part_name(loaded[i]));
		work->files[work->open_count] = (struct load_file){
			.path = path, .handle = work->container.handle, .container = &work->container,
			.base = range->offset, .size = range->size,
			.wanted = work->container.wanted ? work->section_sha256[i] : NULL,
		};
		sha256_init(&work->files[work->open_count++].sha256);
	}
}

static uint32_t first_bytes(uint64_t size)
{
	return size < LOAD_FIRST_BYTES ? (uint32_t)size : LOAD_FIRST_BYTES;
}

enum status load_open_uki(struct load *load, const struct entry *entry)
{
	struct load_work *work = load->work;
	struct load_file *file = &work->container;
	enum status status;

	*file = work->files[0];
	work->open_count = 0;
	status = pe_parse(&work->pe, file->path, work->first, file->size, load->problem);
	if (!status)
		status = check_relocations(load, file);
	if (!status)
		status = uki_find(&work->uki, file->path, &work->pe, entry->profile, load->problem);
	if (!status)
		status = read_text(load, file, UKI_CMDLINE);
	if (!status)
		status = uki_cmdline(work->cmdline, file->path, work->text, work->uki.parts[UKI_CMDLINE].size,
				     load->problem);
	if (!status && file->wanted)
		status = check_container(load);
	if (!status)
		open_sections(work);
	return status;
}

/* The open file's headers and sections. */
static enum status look(struct load *load, const struct load_file *file)
{
	struct load_work *work = load->work;
	enum status status = load_read_at(load, file, 0, work->first, first_bytes(file->size));

	if (!status)
		status = pe_parse(&work->pe, file->path, work->first, file->size, load->problem);
	if (!status)
		status = uki_find(&work->uki, file->path, &work->pe, 0, load->problem);
	return status;
}

bool load_is_uki(const struct source *source, const char *path, struct load_work *work)
{
	struct problem unused = { .code = OK };
	struct load load = { .source = source, .work = work, .problem = &unused };
	struct load_file file;
	bool is;

	if (load_open_path(&load, &file, path))
		return false;
	is = !load_read_at(&load, &file, 0, work->first, first_bytes(file.size)) && uki_claimed(work->first, file.size);
	source->close(source->ctx, file.handle);
	return is;
}

static enum status describe(struct load *load, const struct load_file *file, struct entry *entry)
{
	struct load_work *work = load->work;
	uint64_t *size = &work->uki.parts[UKI_OSREL].size;
	enum status status = look(load, file);

	if (!status)
		status = read_text(load, file, UKI_OSREL);
	if (status)
		return status;
	uki_describe(entry, work->text, *size);
	status = read_text(load, file, UKI_CMDLINE);
	size = &work->uki.parts[UKI_CMDLINE].size;
	return status ? status : uki_cmdline(entry->options, file->path, work->text, *size, load->problem);
}

enum status load_uki_entry(const struct source *source, struct entry *entry, const char *file_name,
			   struct load_work *work, struct problem *problem)
{
	struct load load = { .source = source, .work = work, .problem = problem };
	struct load_file file;
	enum status status;

	if (!entry_begin_uki(entry, UKI_DIRECTORY, file_name))
		return problem_set(problem, E_ENTRY_INVALID, "%.100s: not a name for an entry", file_name);
	status = load_open_path(&load, &file, entry->uki_path);
	if (status)
		return status;
	status = describe(&load, &file, entry);
	source->close(source->ctx, file.handle);
	return status;
}
