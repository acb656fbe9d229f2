// SPDX-License-Identifier: MIT
#include "boot/load.h"

#include <stddef.h>

#include "boot/load_open.h"
#include "boot/place.h"
#include "lib/digest.h"
#include "lib/fmt.h"
#include "lib/sha256.h"
#include "lib/string.h"

#define INITRD_PAD	4ull		/* an archive starts on a multiple of it; a module does on a page */

static void inline_submit(void *ctx, struct chunk_digest *out, const void *data, uint32_t length)
{
	(void)ctx;
	chunk_digest_compute(out, data, length);
}

static void inline_drain(void *ctx)
{
	(void)ctx;
}

const struct hasher hasher_inline = { .submit = inline_submit, .drain = inline_drain };

static void *at_phys(uint64_t phys)
{
	return (void *)(uintptr_t)phys;
}

static uint8_t *bytes_of(const struct boot_segment *segment)
{
	return at_phys(segment_loaded(segment));
}

enum status load_open_path(struct load *load, struct load_file *file, const char *path)
{
	enum status status;

	memset(file, 0, sizeof(*file));
	file->path = path;
	status = load->source->open(load->source->ctx, path, &file->handle, &file->size, load->problem);
	if (status)
		return problem_set(load->problem, status, "%s: %s", path, status_text(status));
	if (file->size)
		return OK;
	load->source->close(load->source->ctx, file->handle);
	return problem_set(load->problem, E_FILE_SIZE, "%s: file is empty", path);
}

enum status load_open_file(struct load *load, const struct entry *entry, const char *path)
{
	struct load_file *file = &load->work->files[load->work->open_count];
	enum status status = load_open_path(load, file, path);

	if (status)
		return status;
	load->work->open_count++;
	file->wanted = entry_find_digest(entry, path);
	if (file->wanted)
		sha256_init(&file->sha256);
	return OK;
}

enum status load_read_at(struct load *load, const struct load_file *file, uint64_t offset, void *to, uint32_t length)
{
	const struct source *source = load->source;
	struct problem why = { 0 };
	enum status status = source->read(source->ctx, file->handle, file->base + offset, to, length, &why);

	if (status)
		return problem_set(load->problem, status, "%s: at byte %llu: %s", file->path,
				   (unsigned long long)offset, why.code ? why.text : status_text(status));
	return OK;
}

enum status load_read_next(struct load *load, struct load_file *file, void *to, uint32_t length)
{
	const struct source *source = load->source;
	enum status status = load_read_at(load, file, file->done, to, length);

	if (status)
		return status;
	if (file->wanted)
		sha256_update(&file->sha256, to, length);
	file->done += length;
	if (source->progress)
		source->progress(source->ctx, file->path, file->done, file->size);
	return OK;
}

/* The rest of a file into the segment from byte offset on; a chunk is submitted when it is complete. */
static enum status read_rest(struct load *load, struct load_file *file, struct boot_segment *segment, uint64_t offset)
{
	while (file->done < file->size) {
		uint64_t length = CHUNK_BYTES - offset % CHUNK_BYTES;
		enum status status;

		if (length > file->size - file->done)
			length = file->size - file->done;
		status = load_read_next(load, file, bytes_of(segment) + offset, (uint32_t)length);
		if (status)
			return status;
		offset += length;
		if (offset % CHUNK_BYTES == 0) {
			uint64_t chunk = offset / CHUNK_BYTES - 1;

			load->hasher->submit(load->hasher->ctx, &segment->chunks[chunk],
					     bytes_of(segment) + chunk * CHUNK_BYTES, CHUNK_BYTES);
		}
	}
	return OK;
}

/* The last, partial chunk, and zeros up to the end of the segment's memory. */
static void finish_segment(struct load *load, struct boot_segment *segment)
{
	uint32_t rest = (uint32_t)(segment->size % CHUNK_BYTES);

	memset(bytes_of(segment) + segment->size, 0, segment->memory_size - segment->size);
	if (rest)
		load->hasher->submit(load->hasher->ctx, &segment->chunks[segment->size / CHUNK_BYTES],
				     bytes_of(segment) + segment->size - rest, rest);
}

enum status load_refuse_digest(const char *path, const uint8_t *found, const uint8_t *wanted, struct problem *problem)
{
	char text[2][2 * SHA256_BYTES + 1];

	for (unsigned i = 0; i < SHA256_BYTES; i++) {
		fmt_snprint(text[0] + 2 * i, 3, "%02x", found[i]);
		fmt_snprint(text[1] + 2 * i, 3, "%02x", wanted[i]);
	}
	return problem_set(problem, E_DIGEST, "%.70s: SHA-256 is %s, entry says %s", path, text[0], text[1]);
}

enum status load_check_digest(struct load *load, struct load_file *file)
{
	uint8_t found[SHA256_BYTES];

	sha256_final(&file->sha256, found);
	if (!memcmp(found, file->wanted, sizeof(found)))
		return OK;
	if (file->container)
		return problem_set(load->problem, E_DIGEST, "%s: changed while it was read", file->path);
	return load_refuse_digest(file->path, found, file->wanted, load->problem);
}

/* Compares with the entry's digest, if it gives one, and says so in the segment. */
static enum status check_whole(struct load *load, struct load_file *file, struct boot_segment *segment)
{
	if (!file->wanted) {
		segment->whole_known = false;
		return OK;
	}
	memcpy(segment->whole_sha256, file->container ? file->container->wanted : file->wanted, SHA256_BYTES);
	return load_check_digest(load, file);
}

static uint64_t pad_of(const struct load *load)
{
	return load->plan->protocol == NEXT_LINUX ? INITRD_PAD : PLACE_PAGE;
}

/* Opens the entry's initrds; *bytes is the size of the concatenation, the image's own first. */
static enum status open_initrds(struct load *load, const struct entry *entry, uint64_t *bytes)
{
	const struct load_work *work = load->work;

	*bytes = 0;
	for (unsigned i = 0; i < entry->initrd_count; i++) {
		enum status status;

		if (load->plan->protocol == NEXT_LINUX && entry->module_words[i][0])
			return problem_set(load->problem, E_ENTRY_INVALID, "%s: baton-module %s has words, and a Linux "
					   "kernel takes none", entry->file, entry->initrd[i]);
		status = load_open_file(load, entry, entry->initrd[i]);
		if (status)
			return status;
	}
	for (unsigned i = 1; i < work->open_count; i++) {
		uint64_t size = work->files[i].size;

		if (size > LOAD_INITRD_BYTES_MAX || load_round_up(*bytes, pad_of(load)) + size > LOAD_INITRD_BYTES_MAX)
			return problem_set(load->problem, E_FILE_SIZE, "%s: initrds are more than 16 GiB",
					   work->files[i].path);
		if (load->plan->protocol != NEXT_LINUX)
			load_describe_module(load, entry, i - 1, load_round_up(*bytes, pad_of(load)));
		*bytes = load_round_up(*bytes, pad_of(load)) + size;
	}
	return OK;
}

/* Where the bytes that come next in the file lie besides, 0: nowhere. */
static uint64_t backup_of(const struct load *load, const struct load_file *file, const struct boot_segment *segment)
{
	const struct source *source = load->source;
	uint64_t at = source->resident ? source->resident(source->ctx, file->handle) : 0;

	at = at ? at + file->base + file->done : 0;
	return at == segment->dest ? 0 : at;
}

static enum status read_kernel(struct load *load)
{
	struct load_work *work = load->work;
	struct load_file *file = &load->work->files[0];
	struct boot_segment *segment = &load->plan->segments[0];
	uint32_t rest = work->image.setup_bytes - BZIMAGE_HEADER_BYTES;
	enum status status = OK;

	if (work->elf.load_count) {
		status = load_read_elf(load, segment);
		if (status)
			return status;
		finish_segment(load, segment);
		return check_whole(load, file, segment);
	}
	if (rest)
		status = load_read_next(load, file, work->setup + BZIMAGE_HEADER_BYTES, rest);
	if (!status)
		status = bzimage_check_setup(&work->image, file->path, work->setup, work->version,
					     sizeof(work->version), load->problem);
	if (!status) {
		segment->backup = backup_of(load, file, segment);
		status = read_rest(load, file, segment, 0);
	}
	if (!status)
		status = bzimage_check_kernel_info(&work->image, file->path, bytes_of(segment), load->problem);
	if (status)
		return status;
	finish_segment(load, segment);
	return check_whole(load, file, segment);
}

static enum status read_initrds(struct load *load)
{
	struct boot_segment *segment = &load->plan->segments[1];
	uint64_t offset = 0;

	for (unsigned i = 1; i < load->work->open_count; i++) {
		struct load_file *file = &load->work->files[i];
		uint64_t padded = load_round_up(offset, pad_of(load));
		enum status status;

		/* Chunks end on multiples of either pad: padding never runs across an end, but can complete a chunk. */
		memset(at_phys(segment->dest + offset), 0, padded - offset);
		if (padded != offset && padded % CHUNK_BYTES == 0)
			load->hasher->submit(load->hasher->ctx, &segment->chunks[padded / CHUNK_BYTES - 1],
					     at_phys(segment->dest + padded - CHUNK_BYTES), CHUNK_BYTES);
		segment->backup = segment->file_count == 1 ? backup_of(load, file, segment) : 0;
		status = read_rest(load, file, segment, padded);
		if (!status)
			status = check_whole(load, file, segment);
		if (status)
			return status;
		offset = padded + file->size;
	}
	finish_segment(load, segment);
	return OK;
}

static void close_files(struct load_work *work)
{
	for (unsigned i = 0; i < work->open_count; i++)
		if (!work->files[i].container)
			work->source->close(work->source->ctx, work->files[i].handle);
	if (work->container.handle)
		work->source->close(work->source->ctx, work->container.handle);
	work->container.handle = NULL;
	work->open_count = 0;
}

enum status load_place(const struct source *source, const struct entry *entry, const struct config *config,
		       struct load_work *work, struct boot_plan *plan, struct problem *problem)
{
	struct load load = { .source = source, .work = work, .plan = plan, .problem = problem };
	enum status status = entry_check_startable(entry, problem);
	uint64_t initrd_bytes;

	memset(plan, 0, sizeof(*plan));
	work->source = source;
	work->open_count = 0;
	work->container.handle = NULL;
	work->elf.load_count = 0;
	work->cmdline[0] = work->version[0] = '\0';
	if (status)
		return status;
	memcpy(plan->entry_id, entry->id, sizeof(plan->entry_id));
	memcpy(plan->title, entry->title, sizeof(plan->title));
	status = load_open_kernel(&load, entry);
	if (!status)
		status = load_build_cmdline(&load, entry, config);
	if (!status)
		status = open_initrds(&load, entry, &initrd_bytes);
	if (!status)
		status = load_place_all(&load, initrd_bytes);
	if (status) {
		close_files(work);
		load_release(source, plan);
	}
	return status;
}

enum status load_read(const struct hasher *hasher, struct load_work *work, struct boot_plan *plan,
		      struct problem *problem)
{
	struct load load = { .source = work->source, .hasher = hasher ? hasher : &hasher_inline, .work = work,
			     .plan = plan, .problem = problem };
	enum status status = read_kernel(&load);

	if (!status && plan->segment_count > 1)
		status = read_initrds(&load);
	/* Whatever happened: nobody may be hashing memory that is given back below. */
	load.hasher->drain(load.hasher->ctx);
	close_files(work);
	if (status)
		load_release(work->source, plan);
	return status;
}

enum status load_entry(const struct source *source, const struct hasher *hasher, const struct entry *entry,
		       const struct config *config, struct load_work *work, struct boot_plan *plan,
		       struct problem *problem)
{
	enum status status = load_place(source, entry, config, work, plan, problem);

	return status ? status : load_read(hasher, work, plan, problem);
}
