// SPDX-License-Identifier: MIT
/*
 * Any bytes as the file that an entry names, through the whole load loop, with memory that is taken, allocations and
 * reads that fail and files that change between two readings. What is loaded lies where it was placed, apart, with the
 * digests of what lies there; after whatever happened nothing is open and everything can be given back.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "boot/load.h"
#include "boot/place.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA		0x20000000ull
#define ARENA_BYTES	(1ull << 20)
#define PLACED_MAX	8u
#define HEAD_BYTES	4u		/* of the input, in front of the file */
#define IMAGE		"/EFI/Linux/x.efi"

/* Bits of the first byte; the lowest two choose the key. */
enum { WITH_DIGEST = 4, VERIFIED = 8, ON_EFI = 16, IN_PLACE = 32, CHANGES = 64 };

static const uint8_t initrd[] = "an initrd";
static const uint8_t *image;
static size_t image_bytes;
static struct place_range placed[PLACED_MAX];
static unsigned placed_count, opened, places, reads, place_fails, read_turns;
static uint8_t mode;

static struct load_work work;
static struct boot_plan plan;
static struct entry entry, described;
static struct config config;

static void want(bool so)
{
	if (!so)
		__builtin_trap();
}

static enum status open_file(void *ctx, const char *path, void **file, uint64_t *bytes, struct problem *p)
{
	(void)ctx;
	if (!strcmp(path, "/gone"))
		return problem_set(p, E_FILE_MISSING, "%s", path);
	*file = strcmp(path, IMAGE) ? (void *)initrd : (void *)image;
	*bytes = strcmp(path, IMAGE) ? sizeof(initrd) : image_bytes;
	opened++;
	return OK;
}

static enum status read_file(void *ctx, void *file, uint64_t offset, void *to, uint32_t length, struct problem *p)
{
	uint64_t bytes = file == initrd ? sizeof(initrd) : image_bytes;
	bool turn = ++reads == read_turns;

	(void)ctx;
	want(length && length <= SOURCE_READ_MAX && offset <= bytes && length <= bytes - offset);
	if (turn && !(mode & CHANGES))
		return problem_set(p, E_FILE_READ, "device error");
	memcpy(to, (const uint8_t *)file + offset, length);
	if (turn)
		*(uint8_t *)to ^= 0x20;
	return OK;
}

static void close_file(void *ctx, void *file)
{
	(void)ctx;
	want(opened && (file == image || file == initrd));
	opened--;
}

static enum status place(void *ctx, const struct place_request *request, uint64_t *phys, struct problem *p)
{
	struct place_range arena = { ARENA, ARENA_BYTES };

	(void)ctx;
	want(request->size && !(request->size & (PLACE_PAGE - 1)) && request->align >= PLACE_PAGE);
	if (++places == place_fails || placed_count == PLACED_MAX)
		return problem_set(p, E_NO_MEMORY, "none left");
	if (place_find(&arena, 1, placed, placed_count, request, phys, NULL))
		return problem_set(p, E_NO_MEMORY, "arena is full");
	placed[placed_count++] = (struct place_range){ *phys, request->size };
	return OK;
}

static void release(void *ctx, uint64_t phys, uint64_t bytes)
{
	unsigned i = 0;

	(void)ctx;
	while (i < placed_count && (placed[i].base != phys || placed[i].size != bytes))
		i++;
	want(i < placed_count);
	placed[i] = placed[--placed_count];
}

/* An answer that meets no request. */
static uint64_t in_place(void *ctx, void *file, const struct place_request *request)
{
	(void)ctx;
	(void)file;
	(void)request;
	return ARENA + 1;
}

static void set_entry(const uint8_t *head)
{
	char *const paths[] = { entry.linux_path, entry.uki_path, entry.efi_path, entry.linux_path };

	memset(&entry, 0, sizeof(entry));
	strcpy(entry.id, "x.conf");
	strcpy(entry.file, "x.conf");
	strcpy(paths[head[0] & 3], IMAGE);
	entry.initrd_count = head[1] & 3;
	for (unsigned i = 0; i < entry.initrd_count; i++)
		strcpy(entry.initrd[i], i < 2 ? "/initrd" : "/gone");
	entry.profile = head[1] >> 2 & 3;
	if (head[1] & 64)
		strcpy(entry.module_words[0], "words");
	if (head[1] & 128)
		strcpy(entry.options, "root=x");
	if (!(head[0] & WITH_DIGEST))
		return;
	strcpy(entry.digests[0].path, IMAGE);
	sha256_compute(entry.digests[0].sha256, image, image_bytes);
	entry.digest_count = 1;
}

static void check_loaded(void)
{
	const struct boot_segment *kernel = &plan.segments[0];

	want(plan.segment_count && plan.segment_count <= 2 && kernel->kind == SEGMENT_KERNEL);
	want(plan.kernel_entry >= kernel->dest && plan.kernel_entry < kernel->dest + kernel->reserved_size);
	want(strnlen(plan.cmdline, CMDLINE_MAX) < CMDLINE_MAX);
	want(strnlen(work.version, sizeof(work.version)) < sizeof(work.version));
	for (unsigned i = 0; i < plan.segment_count; i++) {
		const struct boot_segment *s = &plan.segments[i];
		uint64_t at = segment_loaded(s);
		struct chunk_digest digest;

		want(s->size && s->size <= s->memory_size && s->memory_size <= s->reserved_size);
		want(at >= ARENA && s->reserved_size <= ARENA_BYTES && at - ARENA <= ARENA_BYTES - s->reserved_size);
		want(s->chunks >= plan.digest_table && s->chunks < plan.digest_table + plan.digest_count);
		chunk_digest_compute(&digest, (const void *)at, (uint32_t)s->size);
		want(!memcmp(&digest, s->chunks, sizeof(digest)));
		for (uint64_t tail = s->size; tail < s->memory_size; tail++)
			want(!((const uint8_t *)at)[tail]);
		want(!i || !place_overlap(kernel->dest, kernel->reserved_size, s->dest, s->reserved_size));
	}
}

static void check_refused(enum status status, const struct problem *p)
{
	want(p->code == status && p->text[0] && !plan.segment_count && !plan.digest_table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source source = { .open = open_file, .read = read_file, .close = close_file, .place = place,
				 .release = release };
	struct problem p = { .code = OK };
	static bool mapped;
	enum status status;

	if (size < HEAD_BYTES)
		return 0;
	if (!mapped)
		want(mmap((void *)ARENA, ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS |
			  MAP_FIXED_NOREPLACE, -1, 0) == (void *)ARENA);
	mapped = true;
	image = data + HEAD_BYTES;
	image_bytes = size - HEAD_BYTES;
	mode = data[0];
	source.verified = mode & VERIFIED;
	source.efi = mode & ON_EFI;
	source.in_place = mode & IN_PLACE ? in_place : NULL;
	set_entry(data);
	config_init(&config);
	reads = places = 0;
	place_fails = data[2] & 15;
	read_turns = data[2] >> 4;
	placed[0] = (struct place_range){ ARENA + data[3] * PLACE_PAGE, PLACE_PAGE };
	placed_count = 1;
	status = load_entry(&source, NULL, &entry, &config, &work, &plan, &p);
	want(!opened);
	if (status) {
		check_refused(status, &p);
	} else {
		check_loaded();
		load_release(&source, &plan);
	}
	want(placed_count == 1);
	read_turns = 0;
	p.code = OK;
	if (load_uki_entry(&source, &described, "x.efi", &work, &p))
		want(p.code && p.text[0]);
	else
		want(load_is_uki(&source, IMAGE, &work));
	want(!opened);
	return 0;
}
