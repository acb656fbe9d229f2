// SPDX-License-Identifier: MIT
#include "boot/params_out.h"

#include <stdbool.h>
#include <stddef.h>

#include "boot/framebuffer.h"
#include "boot/params_at.h"
#include "boot/params_in.h"
#include "lib/string.h"

#define HEADER_LENGTH_MIN	(0x268 - SETUP_HEADER_START)
#define LOADER_UNDEFINED	0xff
#define LOW_RAM_END		0xa0000u
#define ALT_MEM_K		(32u * 1024)

static void put16(uint8_t *p, uint64_t value)
{
	p[0] = (uint8_t)value;
	p[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *p, uint64_t value)
{
	put16(p, value);
	put16(p + 2, value >> 16);
}

static void put64(uint8_t *p, uint64_t value)
{
	put32(p, value);
	put32(p + 4, value >> 32);
}

/* Size and position of a colour's bits; false unless they are one run of at most 8 below bit 32. */
static bool put_colour(uint8_t *p, uint32_t mask, unsigned *depth)
{
	unsigned size = 0, position = 0;

	if (mask) {
		position = (unsigned)__builtin_ctz(mask);
		while (position + size < 32 && mask >> (position + size) & 1)
			size++;
		if (position + size < 32 && mask >> (position + size))
			return false;
	}
	p[0] = (uint8_t)size;
	p[1] = (uint8_t)position;
	*depth += size;
	return true;
}

static enum status put_framebuffer(uint8_t *page, const struct framebuffer *fb, struct problem *problem)
{
	uint32_t masks[COLOURS];
	unsigned depth = 0;

	framebuffer_masks(fb, masks);
	for (unsigned i = 0; i < COLOURS; i++)
		if (!put_colour(page + AT_LFB_COLOURS + 2 * i, masks[i], &depth))
			return problem_set(problem, E_CONFIG_VALUE, "framebuffer: pixel mask 0x%x is not one run",
					   masks[i]);
	if (!depth || depth > 32 || fb->width > 0xffff || fb->height > 0xffff || fb->stride > 0xffff * 8 / depth ||
	    fb->size > 0xffffffff)
		return problem_set(problem, E_CONFIG_VALUE,
				   "framebuffer: %ux%u, stride %u, %u bits, 0x%llx bytes: out of bounds",
				   fb->width, fb->height, fb->stride, depth, (unsigned long long)fb->size);
	page[AT_VIDEO_ISVGA] = ISVGA_EFI;
	put16(page + AT_LFB_WIDTH, fb->width);
	put16(page + AT_LFB_HEIGHT, fb->height);
	put16(page + AT_LFB_DEPTH, depth);
	put32(page + AT_LFB_BASE, fb->base);
	put32(page + AT_LFB_SIZE, fb->size);
	put16(page + AT_LFB_PITCH, fb->stride * depth / 8);
	put16(page + AT_LFB_PAGES, 1);
	if (fb->base >> 32) {
		put32(page + AT_LFB_CAPABILITIES, CAPABILITY_64BIT_BASE);
		put32(page + AT_EXT_LFB_BASE, fb->base >> 32);
	}
	return OK;
}

static void put_efi(uint8_t *page, const struct params_out *in)
{
	const struct efi_map *map = in->efi_map;

	memcpy(page + AT_EFI_SIGNATURE, "EL64", 4);
	put32(page + AT_EFI_SYSTAB, in->efi_systab);
	put32(page + AT_EFI_SYSTAB_HIGH, in->efi_systab >> 32);
	put32(page + AT_EFI_DESC_SIZE, map->descriptor_size);
	put32(page + AT_EFI_DESC_VERSION, map->descriptor_version);
	put32(page + AT_EFI_MAP, map->base);
	put32(page + AT_EFI_MAP_HIGH, map->base >> 32);
	put32(page + AT_EFI_MAP_SIZE, map->size);
}

static enum status put_e820(uint8_t *page, const struct params_out *in, struct problem *problem)
{
	unsigned count = in->e820_count < PARAMS_E820_MAX ? in->e820_count : PARAMS_E820_MAX;
	bool low = false;

	if (in->e820_count > PARAMS_E820_MAX && !in->setup_data)
		return problem_set(problem, E_MEMORY_MAP, "e820: %u entries and no setup_data node for those beyond %u",
				   in->e820_count, PARAMS_E820_MAX);
	/* The kernel starts its own CPUs from there and dies without. */
	for (unsigned i = 0; i < count; i++)
		low |= in->e820[i].type == E820_RAM && in->e820[i].addr < LOW_RAM_END && in->e820[i].size >= PLACE_PAGE;
	if (!low)
		return problem_set(problem, E_MEMORY_MAP, "e820: no RAM below 640 KiB, which a kernel needs");
	page[AT_E820_COUNT] = (uint8_t)count;
	memcpy(page + AT_E820, in->e820, count * sizeof(*in->e820));
	return OK;
}

/* Copied from 0x1f1 on, no byte earlier: what lies before it in a kernel file must not reach the kernel. */
static void put_header(uint8_t *page, const struct params_out *in)
{
	memcpy(page + SETUP_HEADER_START, in->setup_header, in->setup_header_length);
	put16(page + AT_VID_MODE, 0xffff);
	page[AT_TYPE_OF_LOADER] = LOADER_UNDEFINED;
	put32(page + AT_CODE32_START, in->load_address);
	put32(page + AT_RAMDISK_IMAGE, in->ramdisk);
	put32(page + AT_RAMDISK_SIZE, in->ramdisk_size);
	put32(page + AT_EXT_RAMDISK_IMAGE, in->ramdisk >> 32);
	put32(page + AT_EXT_RAMDISK_SIZE, in->ramdisk_size >> 32);
	put32(page + AT_CMDLINE, in->cmdline);
	put32(page + AT_EXT_CMDLINE, in->cmdline >> 32);
	put64(page + AT_SETUP_DATA, in->setup_data);
}

/* A loader's own record of another kind of screen says more than we know of it. */
static bool describes_efi_screen(const struct params_out *in)
{
	return !in->found || in->found[AT_VIDEO_ISVGA] == ISVGA_EFI;
}

enum status params_build(uint8_t page[PARAMS_BYTES], const struct params_out *in, struct problem *problem)
{
	enum status status;

	if (in->setup_header_length < HEADER_LENGTH_MIN ||
	    in->setup_header_length > SETUP_HEADER_END - SETUP_HEADER_START)
		return problem_set(problem, E_KERNEL_HEADER, "setup header of %u bytes", in->setup_header_length);
	memset(page, 0, PARAMS_BYTES);
	if (in->found)
		params_copy_found(page, in->found);
	put_header(page, in);
	status = put_e820(page, in, problem);
	if (!status && framebuffer_is_graphics(in->framebuffer) && describes_efi_screen(in))
		status = put_framebuffer(page, in->framebuffer, problem);
	if (status)
		return status;
	if (in->efi_map && in->efi_map->base)
		put_efi(page, in);
	put64(page + AT_RSDP, in->rsdp);
	put32(page + AT_ALT_MEM_K, ALT_MEM_K);
	page[AT_SECURE_BOOT] = in->secure_boot;
	return OK;
}
