// SPDX-License-Identifier: MIT
#include "efi/bundle.h"

#include "boot/config.h"
#include "boot/cpio_out.h"
#include "boot/loop.h"
#include "efi/memory.h"
#include "efi/print.h"
#include "efi/protocols.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define FILE_BYTES_MAX	0xffffffffull	/* what newc can say */
#define FILES_MAX	(ENTRY_INITRD_MAX + 5)

enum { NODE_MEDIA = 4, NODE_FILE_PATH = 4, NODE_END = 0x7f };

/* One file of the bundle. */
struct part {
	struct volume *volume;
	const char *from, *to;		/* path on the volume, in the bundle */
	bool optional;
	uint64_t size;
	bool there;
};

static struct part parts[FILES_MAX];
static unsigned part_count;

/* The path that firmware loaded us from: file path nodes (UEFI 2.10, 10.3.5.4), joined. */
static bool find_own_path(char *to, unsigned size)
{
	const uint8_t *node = (const uint8_t *)firmware.loaded->FilePath;
	unsigned used = 0;

	to[0] = 0;
	for (unsigned i = 0; node && node[0] != NODE_END && i < 16; i++) {
		uint32_t length = node[2] | node[3] << 8;

		if (length < 4)
			return false;
		if (node[0] == NODE_MEDIA && node[1] == NODE_FILE_PATH) {
			CHAR16 text[128];
			unsigned units = (length - 4) / 2;

			if (units > 127 || used + 3 * units + 2 > size)
				return false;
			memcpy(text, node + 4, 2 * units);
			while (units && !text[units - 1])
				units--;
			if (used == 0 && units && text[0] != '\\')
				to[used++] = '/';
			ucs2_to_utf8(to + used, size - used, text, units);
			used += (unsigned)strlen(to + used);
		}
		node += length;
	}
	for (unsigned i = 0; i < used; i++)
		to[i] = to[i] == '\\' ? '/' : to[i];
	return used != 0;
}

static void add_part(struct volume *volume, const char *from, const char *to, bool optional)
{
	for (unsigned i = 0; i < part_count; i++)
		if (strcmp(parts[i].to, to) == 0)
			return;
	parts[part_count++] = (struct part){ .volume = volume, .from = from, .to = to, .optional = optional };
}

static void list_parts(struct bundle *b, struct listed_entry *listed)
{
	static char conf[sizeof(ENTRY_DIRECTORY) + ENTRY_NAME_MAX];
	const struct entry *entry = &listed->entry;

	part_count = 0;
	fmt_snprint(conf, sizeof conf, "%s/%s", listed->directory, entry->file);
	add_part(&b->own, CONFIG_LOADER_CONF, CONFIG_LOADER_CONF, true);
	add_part(&b->own, CONFIG_BATON_CONF, CONFIG_BATON_CONF, true);
	add_part(listed->volume, conf, conf, false);
	add_part(&b->own, b->own_path, LOOP_BATON, false);
	add_part(listed->volume, entry_image(entry), entry_image(entry), false);
	for (unsigned i = 0; i < entry->initrd_count; i++)
		add_part(listed->volume, entry->initrd[i], entry->initrd[i], false);
}

static enum status find_size(struct part *part, struct problem *problem)
{
	const struct source *source = &part->volume->source;
	void *file;
	enum status s = source->open(source->ctx, part->from, &file, &part->size, problem);

	part->there = s == OK;
	if (s == E_FILE_MISSING && part->optional)
		return OK;
	if (s != OK)
		return problem_set(problem, s, "%s: %s", part->from, status_text(s));
	source->close(source->ctx, file);
	if (part->size > FILE_BYTES_MAX)
		return problem_set(problem, E_FILE_SIZE, "%s: 4 GiB or more do not fit into a bundle", part->from);
	return OK;
}

static enum status read_part(const struct part *part, uint8_t *to, struct problem *problem)
{
	const struct source *source = &part->volume->source;
	uint64_t size, done = 0;
	void *file;
	enum status s = source->open(source->ctx, part->from, &file, &size, problem);

	if (s != OK)
		return problem_set(problem, s, "%s: %s", part->from, status_text(s));
	if (size != part->size)
		s = problem_set(problem, E_FILE_READ, "%s: changed its size", part->from);
	while (s == OK && done < size) {
		uint32_t length = size - done < SOURCE_READ_MAX ? (uint32_t)(size - done) : SOURCE_READ_MAX;

		s = source->read(source->ctx, file, done, to + done, length, problem);
		done += length;
		if (s == OK && source->progress)
			source->progress(source->ctx, part->from, done, size);
	}
	source->close(source->ctx, file);
	return s;
}

/* Both passes in the same order: sizes without memory, then headers and data. */
static enum status lay_out(struct cpio_out *out, struct problem *problem)
{
	enum status s = OK;

	for (unsigned i = 0; s == OK && i < part_count; i++) {
		uint8_t *at;

		if (!parts[i].there)
			continue;
		at = cpio_out_file(out, parts[i].to, (uint32_t)parts[i].size);
		if (at)
			s = read_part(&parts[i], at, problem);
	}
	cpio_out_end(out);
	return s;
}

static enum status bundle_open(void *ctx, const char *path, void **file, uint64_t *size, struct problem *problem)
{
	struct bundle *b = ctx;

	if (strcmp(path, LOOP_BATON) == 0)
		return b->own.source.open(b->own.source.ctx, b->own_path, file, size, problem);
	if (strcmp(path, LOOP_BUNDLE) != 0)
		return E_FILE_MISSING;
	*file = b;
	*size = b->size;
	return OK;
}

static enum status bundle_read(void *ctx, void *file, uint64_t offset, void *to, uint32_t length,
			       struct problem *problem)
{
	struct bundle *b = ctx;
	const uint8_t *from = (const uint8_t *)b->base + offset;

	if (file != b)
		return b->own.source.read(b->own.source.ctx, file, offset, to, length, problem);
	if (to != from)
		memcpy(to, from, length);
	return OK;
}

static uint64_t bundle_in_place(void *ctx, void *file, const struct place_request *request)
{
	struct bundle *b = ctx;

	(void)request;
	return file == b ? b->base : 0;
}

static void bundle_close(void *ctx, void *file)
{
	struct bundle *b = ctx;

	if (file != b)
		b->own.source.close(b->own.source.ctx, file);
}

static enum status bundle_place(void *ctx, const struct place_request *request, uint64_t *phys, struct problem *problem)
{
	(void)ctx;
	return memory_place(request, phys, problem);
}

static void bundle_release(void *ctx, uint64_t phys, uint64_t size)
{
	struct bundle *b = ctx;

	b->given_back |= phys == b->base;
	memory_release(phys, size);
}

enum status bundle_make(struct bundle *b, struct listed_entry *listed, struct problem *problem)
{
	struct place_request request = { .kind = PLACE_INITRD, .align = 4096, .min = 1 << 20, .max = 1ull << 32 };
	struct cpio_out out = { 0 };
	enum status s;

	memset(b, 0, sizeof *b);
	if (firmware_secure_boot_on())
		return problem_set(problem, E_SECURE_BOOT,
				   "a loop needs Secure Boot off: later generations cannot verify");
	if (!find_own_path(b->own_path, sizeof b->own_path))
		return problem_set(problem, E_FIRMWARE, "firmware does not say which file Baton was loaded from");
	s = volume_open(&b->own, firmware.loaded->DeviceHandle, problem);
	if (s != OK)
		return s;
	list_parts(b, listed);
	for (unsigned i = 0; s == OK && i < part_count; i++)
		s = find_size(&parts[i], problem);
	if (s == OK)
		s = lay_out(&out, problem);
	request.size = b->size = out.used;
	if (s == OK)
		s = memory_place(&request, &b->base, problem);
	if (s != OK)
		return s;
	out = (struct cpio_out){ .data = (uint8_t *)b->base };
	s = lay_out(&out, problem);
	b->source = (struct source){
		.ctx = b, .open = bundle_open, .read = bundle_read, .in_place = bundle_in_place, .close = bundle_close,
		.place = bundle_place, .release = bundle_release, .progress = b->own.source.progress,
	};
	if (s != OK)
		bundle_drop(b);
	return s;
}

void bundle_drop(struct bundle *b)
{
	if (b->base && !b->given_back)
		memory_release(b->base, b->size);
	b->given_back = true;
}
