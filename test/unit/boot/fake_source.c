// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "test/unit/boot/support.h"
#include "test/unit/boot/fake_source.h"

#include <string.h>
#include <sys/mman.h>

static enum status fake_open(void *ctx, const char *path, void **file, uint64_t *size, struct problem *p)
{
	struct fake *fake = ctx;

	for (unsigned i = 0; i < fake->file_count; i++) {
		if (strcmp(fake->files[i].path, path))
			continue;
		fake->files[i].open++;
		fake->files[i].next = 0;
		*file = &fake->files[i];
		*size = fake->files[i].size;
		return OK;
	}
	return problem_set(p, E_FILE_MISSING, "%s: not on this partition", path);
}

static enum status fake_read(void *ctx, void *handle, uint64_t offset, void *to, uint32_t length, struct problem *p)
{
	struct fake_file *file = handle;
	struct fake *fake = ctx;

	if (!fake->any_order)
		assert_int_equal(offset, file->next);
	if (fake->on_read)
		fake->on_read(fake, offset);
	assert_true(length && length <= SOURCE_READ_MAX && offset + length <= file->size);
	fake->reads++;
	if (file->fail_at && offset + length >= file->fail_at)
		return problem_set(p, E_FILE_READ, "Device Error");
	memcpy(to, file->data + offset, length);
	file->next = offset + length;
	return OK;
}

static void fake_close(void *ctx, void *handle)
{
	struct fake_file *file = handle;

	(void)ctx;
	assert_true(file->open);
	file->open--;
}

static enum status fake_place(void *ctx, const struct place_request *request, uint64_t *phys, struct problem *p)
{
	struct place_range arena = { FAKE_BASE, FAKE_SIZE };
	struct fake *fake = ctx;

	assert_true(request->size && !(request->size & 4095) && request->align >= 4096);
	if ((int)request->kind == fake->refuse_kind)
		return problem_set(p, E_NO_MEMORY, "AllocatePages: Out of Resources");
	if (place_find(&arena, 1, fake->placed, fake->placed_count, request, phys, NULL))
		return problem_set(p, E_NO_MEMORY, "arena is full");
	if (fake->lie) {
		*phys = fake->lie;
		fake->lie = 0;
	}
	fake->placed[fake->placed_count++] = (struct place_range){ *phys, request->size };
	return OK;
}

static void fake_release(void *ctx, uint64_t phys, uint64_t size)
{
	struct fake *fake = ctx;

	assert_false(fake->busy);
	for (unsigned i = 0; i < fake->placed_count; i++) {
		if (fake->placed[i].base == phys && fake->placed[i].size == size) {
			fake->placed[i] = fake->placed[--fake->placed_count];
			return;
		}
	}
	fail_msg("released 0x%llx, 0x%llx bytes, which was not placed", (unsigned long long)phys,
		 (unsigned long long)size);
}

static void fake_progress(void *ctx, const char *name, uint64_t done, uint64_t total)
{
	struct fake *fake = ctx;

	assert_true(name[0] == '/' && done <= total);
	fake->progress_calls++;
	fake->progress_done = done;
	fake->progress_total = total;
}

void fake_start(struct fake *fake)
{
	static void *arena;

	if (!arena) {
		arena = mmap((void *)FAKE_BASE, FAKE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
		assert_ptr_equal(arena, (void *)FAKE_BASE);
	}
	memset(arena, 0xaa, FAKE_SIZE);
	memset(fake, 0, sizeof(*fake));
	fake->source = (struct source){ .ctx = fake, .open = fake_open, .read = fake_read, .close = fake_close,
					.place = fake_place, .release = fake_release, .progress = fake_progress };
}

void fake_add(struct fake *fake, const char *path, const uint8_t *data, uint64_t size)
{
	fake->files[fake->file_count++] = (struct fake_file){ .path = path, .data = data, .size = size };
}

void fake_start_linux(struct fake *fake, uint8_t *kernel, struct entry *entry, struct config *config)
{
	fake_start(fake);
	kernel_make(kernel);
	fake_add(fake, "/vmlinuz", kernel, KERNEL_BYTES);
	config_init(config);
	memset(entry, 0, sizeof(*entry));
	strcpy(entry->file, "x.conf");
	strcpy(entry->linux_path, "/vmlinuz");
}

unsigned fake_open_files(const struct fake *fake)
{
	unsigned open = 0;

	for (unsigned i = 0; i < fake->file_count; i++)
		open += fake->files[i].open;
	return open;
}
