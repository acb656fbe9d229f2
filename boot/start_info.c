// SPDX-License-Identifier: MIT
#include "boot/start_info.h"

#include <stdbool.h>
#include <stddef.h>

#include "boot/framebuffer.h"
#include "lib/string.h"

#define MAGIC_MULTIBOOT1	0x2badb002u
#define MAGIC_MULTIBOOT2	0x36d76289u
#define MAGIC_PVH		0x336ec578u
#define LOADER			"Baton"
#define FOUR_GIB		(1ull << 32)
#define HIGH_START		0x100000ull

/* Sizes, and offsets in Multiboot information. */
enum {
	INFO_1_BYTES = 116, MAP_1_BYTES = 24, MODULE_1_BYTES = 16, PVH_BYTES = 56, PVH_MODULE_BYTES = 32,
	PVH_MAP_BYTES = 24, MAP_2_BYTES = 24, TAG_BYTES = 8,
	AT_FLAGS = 0, AT_LOWER = 4, AT_UPPER = 8, AT_CMDLINE = 16, AT_MODULES = 20, AT_MAP = 44, AT_LOADER = 64,
	AT_FRAMEBUFFER = 88,
};

enum { HAS_MEMORY = 1, HAS_CMDLINE = 4, HAS_MODULES = 8, HAS_MAP = 0x40, HAS_LOADER = 0x200, HAS_FRAMEBUFFER = 0x1000 };

enum tag {
	TAG_END, TAG_CMDLINE, TAG_LOADER, TAG_MODULE, TAG_MEMORY, TAG_MAP = 6, TAG_FRAMEBUFFER = 8, TAG_EFI64 = 12,
	TAG_ACPI_OLD = 14, TAG_ACPI_NEW, TAG_EFI_MAP = 17, TAG_LOAD_BASE = 21,
};

#define FRAMEBUFFER_RGB 1u

/* Grows upwards; a piece that does not fit is not written and remembered. */
struct out {
	uint8_t *memory;
	uint64_t phys, size, used;
	bool full;
};

static void put32(uint8_t *p, uint64_t value)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(value >> (8 * i));
}

static void put64(uint8_t *p, uint64_t value)
{
	put32(p, value);
	put32(p + 4, value >> 32);
}

/* Zeroed, 8-byte aligned; offset 0 if there is no room, where writing does no harm but means nothing. */
static uint64_t take(struct out *out, uint64_t bytes)
{
	uint64_t at = (out->used + 7) & ~7ull;

	if (at > out->size || bytes > out->size - at) {
		out->full = true;
		return 0;
	}
	memset(out->memory + out->used, 0, at + bytes - out->used);
	out->used = at + bytes;
	return at;
}

static uint64_t take_text(struct out *out, const char *text)
{
	uint64_t bytes = strlen(text) + 1, at = take(out, bytes);

	if (!out->full)
		memcpy(out->memory + at, text, bytes);
	return out->phys + at;
}

static bool is_ram(const struct e820_entry *e, uint64_t at)
{
	return e->type == E820_RAM && e->addr <= at && at < e->addr + e->size;
}

/* KiB of RAM without a hole from start on, below end. */
static uint64_t run_kib(const struct start_info *in, uint64_t start, uint64_t end)
{
	uint64_t at = start;

	for (unsigned i = 0; i < in->e820_count; i++)
		if (is_ram(&in->e820[i], at))
			at = in->e820[i].addr + in->e820[i].size;
	return ((at < end ? at : end) - start) / 1024;
}

/* Colour positions and sizes, red, green, blue: six bytes. */
static void put_colours(uint8_t *p, const struct framebuffer *fb)
{
	uint32_t masks[COLOURS];

	framebuffer_masks(fb, masks);
	for (unsigned i = 0; i < COLOUR_RESERVED; i++) {
		p[2 * i] = masks[i] ? (uint8_t)__builtin_ctz(masks[i]) : 0;
		for (uint32_t mask = masks[i]; mask; mask &= mask - 1)
			p[2 * i + 1]++;
	}
}

/* The part that both Multiboot versions share: address, pitch, width, height, bits, type. */
static void put_framebuffer(uint8_t *p, const struct framebuffer *fb)
{
	put64(p, fb->base);
	put32(p + 8, fb->stride * 4ull);
	put32(p + 12, fb->width);
	put32(p + 16, fb->height);
	p[20] = 32;
	p[21] = FRAMEBUFFER_RGB;
}

static uint64_t module_start(const struct start_info *in, unsigned index)
{
	return in->modules_base + in->modules[index].offset;
}

static void build_1(struct out *out, const struct start_info *in)
{
	uint64_t info = take(out, INFO_1_BYTES), modules = take(out, (uint64_t)MODULE_1_BYTES * in->module_count);
	uint64_t map = take(out, (uint64_t)MAP_1_BYTES * in->e820_count), text;
	uint32_t flags = HAS_MEMORY | HAS_CMDLINE | HAS_MODULES | HAS_MAP | HAS_LOADER;
	uint8_t *m = out->memory;

	if (out->full)
		return;
	put32(m + info + AT_LOWER, run_kib(in, 0, 0xa0000));
	put32(m + info + AT_UPPER, run_kib(in, HIGH_START, FOUR_GIB));
	put32(m + info + AT_MODULES, in->module_count);
	put32(m + info + AT_MODULES + 4, out->phys + modules);
	put32(m + info + AT_MAP, (uint64_t)MAP_1_BYTES * in->e820_count);
	put32(m + info + AT_MAP + 4, out->phys + map);
	for (unsigned i = 0; i < in->e820_count; i++, map += MAP_1_BYTES) {
		put32(m + map, MAP_1_BYTES - 4);
		put64(m + map + 4, in->e820[i].addr);
		put64(m + map + 12, in->e820[i].size);
		put32(m + map + 20, in->e820[i].type);
	}
	for (unsigned i = 0; i < in->module_count; i++, modules += MODULE_1_BYTES) {
		put32(m + modules, module_start(in, i));
		put32(m + modules + 4, module_start(in, i) + in->modules[i].size);
		text = take_text(out, in->modules[i].words);
		put32(m + modules + 8, text);
	}
	if (framebuffer_is_graphics(in->framebuffer)) {
		flags |= HAS_FRAMEBUFFER;
		put_framebuffer(m + info + AT_FRAMEBUFFER, in->framebuffer);
		put_colours(m + info + AT_FRAMEBUFFER + 22, in->framebuffer);
	}
	put32(m + info + AT_FLAGS, flags);
	text = take_text(out, in->cmdline);
	put32(m + info + AT_CMDLINE, text);
	text = take_text(out, LOADER);
	put32(m + info + AT_LOADER, text);
}

/* The tag's body, bytes long; NULL: no room. */
static uint8_t *add_tag(struct out *out, enum tag type, uint64_t bytes)
{
	uint64_t at = take(out, TAG_BYTES + bytes);

	if (out->full)
		return NULL;
	put32(out->memory + at, type);
	put32(out->memory + at + 4, TAG_BYTES + bytes);
	return out->memory + at + TAG_BYTES;
}

static void add_text_tag(struct out *out, enum tag type, const char *text)
{
	uint8_t *body = add_tag(out, type, strlen(text) + 1);

	if (body)
		memcpy(body, text, strlen(text) + 1);
}

static void add_memory_tags(struct out *out, const struct start_info *in)
{
	uint8_t *body = add_tag(out, TAG_MEMORY, 8);

	if (body) {
		put32(body, run_kib(in, 0, 0xa0000));
		put32(body + 4, run_kib(in, HIGH_START, FOUR_GIB));
	}
	body = add_tag(out, TAG_MAP, 8 + (uint64_t)MAP_2_BYTES * in->e820_count);
	if (!body)
		return;
	put32(body, MAP_2_BYTES);
	body += 8;
	for (unsigned i = 0; i < in->e820_count; i++, body += MAP_2_BYTES) {
		put64(body, in->e820[i].addr);
		put64(body + 8, in->e820[i].size);
		put32(body + 16, in->e820[i].type);
	}
}

static void add_firmware_tags(struct out *out, const struct start_info *in)
{
	uint8_t *body;

	if (in->efi_map) {
		body = add_tag(out, TAG_EFI64, 8);
		if (body)
			put64(body, in->efi_systab);
		body = add_tag(out, TAG_EFI_MAP, 8 + (uint64_t)in->efi_map->size);
		if (body) {
			put32(body, in->efi_map->descriptor_size);
			put32(body + 4, in->efi_map->descriptor_version);
			memcpy(body + 8, (const void *)(uintptr_t)in->efi_map->base, in->efi_map->size);
		}
	}
	if (in->rsdp) {
		body = add_tag(out, in->rsdp_bytes < START_RSDP_BYTES ? TAG_ACPI_OLD : TAG_ACPI_NEW, in->rsdp_bytes);
		if (body)
			memcpy(body, in->rsdp_copy, in->rsdp_bytes);
	}
}

static void build_2(struct out *out, const struct start_info *in)
{
	uint8_t *body;

	take(out, 8);
	add_text_tag(out, TAG_CMDLINE, in->cmdline);
	add_text_tag(out, TAG_LOADER, LOADER);
	for (unsigned i = 0; i < in->module_count; i++) {
		uint64_t words = strlen(in->modules[i].words) + 1;

		body = add_tag(out, TAG_MODULE, 8 + words);
		if (!body)
			continue;
		put32(body, module_start(in, i));
		put32(body + 4, module_start(in, i) + in->modules[i].size);
		memcpy(body + 8, in->modules[i].words, words);
	}
	add_memory_tags(out, in);
	if (framebuffer_is_graphics(in->framebuffer)) {
		body = add_tag(out, TAG_FRAMEBUFFER, 24 + 6);
		if (body) {
			put_framebuffer(body, in->framebuffer);
			put_colours(body + 24, in->framebuffer);
		}
	}
	add_firmware_tags(out, in);
	body = add_tag(out, TAG_LOAD_BASE, 4);
	if (body)
		put32(body, in->load_base);
	add_tag(out, TAG_END, 0);
	if (!out->full)
		put32(out->memory, out->used);
}

static void build_pvh(struct out *out, const struct start_info *in)
{
	uint64_t info = take(out, PVH_BYTES), modules = take(out, (uint64_t)PVH_MODULE_BYTES * in->module_count);
	uint64_t map = take(out, (uint64_t)PVH_MAP_BYTES * in->e820_count), text;
	uint8_t *m = out->memory;

	if (out->full)
		return;
	put32(m + info, MAGIC_PVH);
	put32(m + info + 4, 1);
	put32(m + info + 12, in->module_count);
	put64(m + info + 16, in->module_count ? out->phys + modules : 0);
	put64(m + info + 32, in->rsdp);
	put64(m + info + 40, out->phys + map);
	put32(m + info + 48, in->e820_count);
	for (unsigned i = 0; i < in->e820_count; i++, map += PVH_MAP_BYTES) {
		put64(m + map, in->e820[i].addr);
		put64(m + map + 8, in->e820[i].size);
		put32(m + map + 16, in->e820[i].type);
	}
	for (unsigned i = 0; i < in->module_count; i++, modules += PVH_MODULE_BYTES) {
		put64(m + modules, module_start(in, i));
		put64(m + modules + 8, in->modules[i].size);
		text = take_text(out, in->modules[i].words);
		put64(m + modules + 16, text);
	}
	text = take_text(out, in->cmdline);
	put64(m + info + 24, text);
}

uint32_t start_info_magic(enum next_protocol protocol)
{
	return protocol == NEXT_MULTIBOOT1 ? MAGIC_MULTIBOOT1 : protocol == NEXT_MULTIBOOT2 ? MAGIC_MULTIBOOT2 : 0;
}

uint64_t start_info_size(unsigned modules, unsigned e820, uint64_t efi_map_bytes)
{
	return 1024 + CMDLINE_MAX + (uint64_t)modules * (PVH_MODULE_BYTES + MODULE_TEXT_MAX + 2 * TAG_BYTES) +
	       (uint64_t)e820 * MAP_2_BYTES + efi_map_bytes;
}

enum status start_info_build(void *memory, uint64_t phys, uint64_t size, const struct start_info *in,
			     struct problem *problem)
{
	struct out out = { .memory = memory, .phys = phys, .size = size };

	if (in->protocol == NEXT_MULTIBOOT1)
		build_1(&out, in);
	else if (in->protocol == NEXT_MULTIBOOT2)
		build_2(&out, in);
	else
		build_pvh(&out, in);
	if (out.full || phys > FOUR_GIB || size > FOUR_GIB - phys)
		return problem_set(problem, E_NO_MEMORY, "boot information: %llu bytes at 0x%llx do not hold it",
				   (unsigned long long)size, (unsigned long long)phys);
	return OK;
}
