// SPDX-License-Identifier: MIT
/* Where everything goes: kernel, initrds and the digest table, apart from each other. */
#include "boot/load_open.h"
#include "boot/place.h"
#include "lib/string.h"

#define RESERVED_MIN	(1ull << 20)
#define RESERVED_MAX	(1ull << 32)	/* the block maps the digest table below 4 GiB */

static uint64_t chunks_of(uint64_t bytes)
{
	return (bytes + CHUNK_BYTES - 1) / CHUNK_BYTES;
}

static uint64_t table_bytes(uint32_t chunks)
{
	return load_round_up((uint64_t)chunks * sizeof(struct chunk_digest), PLACE_PAGE);
}

/* Asks the source for memory and does not take its answer on trust. Only what is copied away in time may lie where an
 * image is copied to. */
static enum status place(struct load *load, const struct place_request *wanted, const char *what, uint64_t *phys)
{
	const struct source *source = load->source;
	const struct boot_segment *first = &load->plan->segments[0];
	struct place_request copy = *wanted, *request = &copy;
	struct problem why = { 0 };
	enum status status;

	if (load->plan->segment_count && first->source) {
		request->kept_base = first->dest;
		request->kept_size = first->reserved_size;
	}
	status = source->place(source->ctx, request, phys, &why);
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
	aside.align = PLACE_PAGE;
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
	if (status && kind == SEGMENT_KERNEL && request->max - request->min == request->size)
		status = place_aside(load, request, segment, file->path);
	if (status)
		return status;
	segment->kind = kind;
	memcpy(segment->path, file->path, strnlen(file->path, SEGMENT_PATH_MAX - 1));
	segment->file_count = kind == SEGMENT_INITRD ? load->work->open_count - 1 : 1;
	segment->size = size;
	segment->memory_size = in_place ? size : load_round_up(size, PLACE_PAGE);
	segment->reserved_size = in_place ? load_round_up(size, PLACE_PAGE) : request->size;
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
	plan->digest_table = (void *)(uintptr_t)phys;
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

/* No two of what was placed overlap, now or in the end: the block copies in an order that needs no more. */
static enum status check_apart(struct load *load)
{
	struct boot_plan *plan = load->plan;
	struct place_range placed[SEGMENT_MAX + 1];

	for (unsigned in_the_end = 0; in_the_end < 2; in_the_end++) {
		unsigned count = 0;

		for (unsigned i = 0; i < plan->segment_count; i++) {
			const struct boot_segment *s = &plan->segments[i];

			placed[count++] = (struct place_range){ in_the_end ? s->dest : segment_loaded(s),
								s->reserved_size };
		}
		placed[count++] = (struct place_range){ (uintptr_t)plan->digest_table,
							table_bytes(plan->digest_capacity) };
		for (unsigned i = 1; i < count; i++)
			if (place_conflict(placed, i, placed[i].base, placed[i].size))
				return problem_set(load->problem, E_PLACEMENT, "memory at 0x%llx is wanted twice",
						   (unsigned long long)placed[i].base);
	}
	return OK;
}

enum status load_place_all(struct load *load, uint64_t initrd_bytes)
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

void load_release(const struct source *source, struct boot_plan *plan)
{
	for (unsigned i = 0; i < plan->segment_count; i++)
		source->release(source->ctx, segment_loaded(&plan->segments[i]), plan->segments[i].reserved_size);
	if (plan->digest_table)
		source->release(source->ctx, (uintptr_t)plan->digest_table, table_bytes(plan->digest_capacity));
	memset(plan, 0, sizeof(*plan));
}
