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
#define RESERVED_MIN	(1ull << 20)
#define RESERVED_MAX	(1ull << 32)	/* the block maps the digest table below 4 GiB */

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

static uint64_t round_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) & ~(to - 1);
}

static uint64_t chunks_of(uint64_t bytes)
{
	return (bytes + CHUNK_BYTES - 1) / CHUNK_BYTES;
}

static uint64_t table_bytes(uint32_t chunks)
{
	return round_up((uint64_t)chunks * sizeof(struct chunk_digest), PLACE_PAGE);
}

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

enum status load_check_digest(struct load *load, struct load_file *file)
{
	uint8_t found[SHA256_BYTES];
	char text[2][2 * SHA256_BYTES + 1];

	sha256_final(&file->sha256, found);
	if (!memcmp(found, file->wanted, sizeof(found)))
		return OK;
	if (file->container)
		return problem_set(load->problem, E_DIGEST, "%s: changed while it was read", file->path);
	for (unsigned i = 0; i < SHA256_BYTES; i++) {
		fmt_snprint(text[0] + 2 * i, 3, "%02x", found[i]);
		fmt_snprint(text[1] + 2 * i, 3, "%02x", file->wanted[i]);
	}
	return problem_set(load->problem, E_DIGEST, "%.70s: SHA-256 is %s, entry says %s", file->path, text[0],
			   text[1]);
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
		enum status status = load_open_file(load, entry, entry->initrd[i]);

		if (status)
			return status;
	}
	for (unsigned i = 1; i < work->open_count; i++) {
		uint64_t size = work->files[i].size;

		if (size > LOAD_INITRD_BYTES_MAX || round_up(*bytes, pad_of(load)) + size > LOAD_INITRD_BYTES_MAX)
			return problem_set(load->problem, E_FILE_SIZE, "%s: initrds are more than 16 GiB",
					   work->files[i].path);
		if (load->plan->protocol != NEXT_LINUX)
			load_describe_module(load, entry, i - 1, round_up(*bytes, pad_of(load)));
		*bytes = round_up(*bytes, pad_of(load)) + size;
	}
	return OK;
}

/* Asks the source for memory and does not take its answer on trust. */
static enum status place(struct load *load, const struct place_request *request, const char *what, uint64_t *phys)
{
	const struct source *source = load->source;
	struct problem why = { 0 };
	enum status status = source->place(source->ctx, request, phys, &why);

	if (status)
		return problem_set(load->problem, status, "%s: no memory for 0x%llx bytes: %s", what,
				   (unsigned long long)request->size, why.code ? why.text : status_text(status));
	status = place_check(request, *phys, &why);
	if (status) {
		source->release(source->ctx, *phys, request->size);
		return problem_set(load->problem, status, "%s: %s", what, why.text);
	}
	return OK;
}

/* A single initrd whose bytes the source has in memory, where an initrd may be. A kernel needs room behind it. */
static bool stays_in_place(struct load *load, enum segment_kind kind, const struct load_file *file,
			   const struct place_request *request, uint64_t *dest)
{
	const struct source *source = load->source;
	struct problem unused = { 0 };

	if (kind != SEGMENT_INITRD || load->work->open_count != 2 || file->container || !source->in_place)
		return false;
	*dest = source->in_place(source->ctx, file->handle, request);
	return *dest && !place_check(request, *dest, &unused);
}

/* An image that cannot be moved waits elsewhere until its place is given up; that shows when the map is final. */
static enum status place_aside(struct load *load, const struct place_request *request, struct boot_segment *segment,
			       const char *what)
{
	struct place_request aside = *request;
	enum status status = OK;

	aside.kind = PLACE_INITRD;
	aside.min = RESERVED_MIN;
	aside.max = RESERVED_MAX;
	aside.preferred = 0;
	segment->dest = request->min;
	load->problem->code = OK;
	if (load->source->may_overwrite)
		status = load->source->may_overwrite(load->source->ctx, request->min, request->size, what,
						     load->problem);
	return status ? status : place(load, &aside, what, &segment->source);
}

static enum status place_segment(struct load *load, enum segment_kind kind, const struct load_file *file,
				 const struct place_request *request, uint64_t size)
{
	struct boot_plan *plan = load->plan;
	struct boot_segment *segment = &plan->segments[plan->segment_count];
	enum status status = OK;
	bool in_place = stays_in_place(load, kind, file, request, &segment->dest);

	if (!in_place)
		status = place(load, request, file->path, &segment->dest);
	if (status && kind == SEGMENT_KERNEL && plan->protocol != NEXT_LINUX &&
	    request->max - request->min == request->size)
		status = place_aside(load, request, segment, file->path);
	if (status)
		return status;
	segment->kind = kind;
	memcpy(segment->path, file->path, strnlen(file->path, SEGMENT_PATH_MAX - 1));
	segment->file_count = kind == SEGMENT_INITRD ? load->work->open_count - 1 : 1;
	segment->size = size;
	segment->memory_size = in_place ? size : round_up(size, PLACE_PAGE);
	segment->reserved_size = in_place ? round_up(size, PLACE_PAGE) : request->size;
	segment->whole_known = true;
	for (unsigned i = 0; i < segment->file_count; i++)
		segment->file_size += file[i].size;
	plan->segment_count++;
	return OK;
}

static enum status place_table(struct load *load)
{
	struct boot_plan *plan = load->plan;
	struct place_request request = {
		.kind = PLACE_RESERVED, .align = PLACE_PAGE, .min = RESERVED_MIN, .max = RESERVED_MAX,
	};
	uint64_t chunks = 0, phys;
	enum status status;

	for (unsigned i = 0; i < plan->segment_count; i++)
		chunks += chunks_of(plan->segments[i].size);
	request.size = table_bytes((uint32_t)chunks + DIGEST_SPARE_CHUNKS);
	status = place(load, &request, "digest table", &phys);
	if (status)
		return status;
	plan->digest_table = at_phys(phys);
	plan->digest_count = (uint32_t)chunks;
	plan->digest_capacity = (uint32_t)chunks + DIGEST_SPARE_CHUNKS;
	memset(plan->digest_table, 0, request.size);
	chunks = 0;
	for (unsigned i = 0; i < plan->segment_count; i++) {
		plan->segments[i].chunks = plan->digest_table + chunks;
		chunks += chunks_of(plan->segments[i].size);
	}
	return OK;
}

/* No two of what was placed overlap. */
static enum status check_apart(struct load *load)
{
	struct boot_plan *plan = load->plan;
	struct place_range placed[2 * SEGMENT_MAX + 1];
	unsigned count = 0;

	for (unsigned i = 0; i < plan->segment_count; i++) {
		const struct boot_segment *s = &plan->segments[i];

		placed[count++] = (struct place_range){ s->dest, s->reserved_size };
		if (s->source)
			placed[count++] = (struct place_range){ s->source, s->reserved_size };
	}
	placed[count++] = (struct place_range){ (uintptr_t)plan->digest_table, table_bytes(plan->digest_capacity) };
	for (unsigned i = 1; i < count; i++)
		if (place_conflict(placed, i, placed[i].base, placed[i].size))
			return problem_set(load->problem, E_PLACEMENT, "memory at 0x%llx is wanted twice",
					   (unsigned long long)placed[i].base);
	return OK;
}

static enum status place_all(struct load *load, uint64_t initrd_bytes)
{
	struct bzimage *image = &load->work->image;
	struct place_request request;
	enum status status;

	if (load->plan->protocol == NEXT_LINUX)
		place_request_kernel(&request, image);
	else
		request = load->work->place;
	status = place_segment(load, SEGMENT_KERNEL, &load->work->files[0], &request, image->pm_bytes);
	if (!status && initrd_bytes) {
		place_request_initrd(&request, image, initrd_bytes);
		status = place_segment(load, SEGMENT_INITRD, &load->work->files[1], &request, initrd_bytes);
	}
	if (!status)
		status = place_table(load);
	if (!status)
		status = check_apart(load);
	load->plan->kernel_entry = load->plan->segments[0].dest +
				   (load->work->elf.load_count ? load->work->elf.entry - image->pref_address :
								 BZIMAGE_ENTRY64);
	return status;
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
		uint64_t padded = round_up(offset, pad_of(load));
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
		status = place_all(&load, initrd_bytes);
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

void load_release(const struct source *source, struct boot_plan *plan)
{
	for (unsigned i = 0; i < plan->segment_count; i++)
		source->release(source->ctx, segment_loaded(&plan->segments[i]), plan->segments[i].reserved_size);
	if (plan->digest_table)
		source->release(source->ctx, (uintptr_t)plan->digest_table, table_bytes(plan->digest_capacity));
	memset(plan, 0, sizeof(*plan));
}
