// SPDX-License-Identifier: MIT
#include "boot/params_in.h"

#include <stddef.h>

#include "boot/params_at.h"
#include "lib/string.h"

#define VERSION_MIN		0x020c		/* first with a 64-bit entry */
#define ISVGA_VGA		0x01
#define ISVGA_VESA		0x23
#define VGA_MODE_COLOUR		3		/* 80 columns, 16 colours */
#define VGA_TEXT		0xb8000u
#define VGA_TEXT_BYTES		0x8000u
#define VGA_COLUMNS		80u
#define VGA_ROWS_MIN		25u
#define VGA_ROWS_MAX		60u
#define SECURE_BOOT_MAX		3

static uint32_t get16(const uint8_t *page, unsigned at)
{
	return page[at] | (uint32_t)page[at + 1] << 8;
}

static uint32_t get32(const uint8_t *page, unsigned at)
{
	return get16(page, at) | get16(page, at + 2) << 16;
}

static uint64_t get64(const uint8_t *page, unsigned low, unsigned high)
{
	return get32(page, low) | (uint64_t)get32(page, high) << 32;
}

static enum status refuse(struct problem *problem, const char *field, uint64_t value, const char *what)
{
	return problem_set(problem, E_BOOT_PARAMS, "boot_params: %s 0x%llx: %s", field, (unsigned long long)value,
			   what);
}

static enum status check_header(const uint8_t *page, struct problem *problem)
{
	if (memcmp(page + AT_HEADER_MAGIC, "HdrS", 4))
		return refuse(problem, "header", get32(page, AT_HEADER_MAGIC), "not a setup header");
	if (get16(page, AT_VERSION) < VERSION_MIN)
		return refuse(problem, "version", get16(page, AT_VERSION), "older than boot protocol 2.12");
	if (page[AT_E820_COUNT] > PARAMS_E820_MAX)
		return refuse(problem, "e820_entries", page[AT_E820_COUNT], "more than 128");
	if (page[AT_SECURE_BOOT] > SECURE_BOOT_MAX)
		return refuse(problem, "secure_boot", page[AT_SECURE_BOOT], "not 0 to 3");
	return OK;
}

static enum status take_initrd(const uint8_t *page, struct params_in *in, struct problem *problem)
{
	in->initrd = get64(page, AT_RAMDISK_IMAGE, AT_EXT_RAMDISK_IMAGE);
	in->initrd_size = get64(page, AT_RAMDISK_SIZE, AT_EXT_RAMDISK_SIZE);
	if (in->initrd_size > ~0ull - in->initrd)
		return refuse(problem, "ramdisk_size", in->initrd_size, "wraps");
	if (in->initrd_size && !in->initrd)
		return refuse(problem, "ramdisk_image", 0, "no address");
	return OK;
}

/* A 32-bit firmware's tables cannot be used from here, so they count as none. */
static enum status take_efi(const uint8_t *page, struct params_efi *efi, struct problem *problem)
{
	if (memcmp(page + AT_EFI_SIGNATURE, "EL64", 4))
		return OK;
	efi->systab = get64(page, AT_EFI_SYSTAB, AT_EFI_SYSTAB_HIGH);
	efi->map = (struct efi_map){
		.base = get64(page, AT_EFI_MAP, AT_EFI_MAP_HIGH),
		.size = get32(page, AT_EFI_MAP_SIZE), .capacity = get32(page, AT_EFI_MAP_SIZE),
		.descriptor_size = get32(page, AT_EFI_DESC_SIZE),
		.descriptor_version = get32(page, AT_EFI_DESC_VERSION),
	};
	if (!efi->systab)
		return refuse(problem, "efi_systab", 0, "no address");
	if (!efi->map.base || !efi->map.size)
		return refuse(problem, "efi_memmap", efi->map.base, "no address or no size");
	return OK;
}

static uint32_t colour_mask(const uint8_t *page, unsigned index)
{
	unsigned size = page[AT_LFB_COLOURS + 2 * index], position = page[AT_LFB_COLOURS + 2 * index + 1];

	return size && size <= 8 && position <= 32 - size ? ((1u << size) - 1) << position : 0;
}

/* The BIOS's colour text mode, as the 16-bit entry finds it. */
static void take_text_mode(const uint8_t *page, struct framebuffer *fb)
{
	uint32_t rows = page[AT_VIDEO_LINES];

	if (page[AT_VIDEO_ISVGA] != ISVGA_VGA || page[AT_VIDEO_MODE] != VGA_MODE_COLOUR ||
	    page[AT_VIDEO_COLUMNS] != VGA_COLUMNS || rows < VGA_ROWS_MIN || rows > VGA_ROWS_MAX)
		return;
	*fb = (struct framebuffer){ .base = VGA_TEXT, .size = VGA_TEXT_BYTES, .width = VGA_COLUMNS, .height = rows,
				    .stride = VGA_COLUMNS, .format = PIXEL_TEXT };
}

/* The size comes from the lines: loaders disagree about the unit of lfb_size. */
static void take_framebuffer(const uint8_t *page, struct framebuffer *fb)
{
	uint32_t depth = get16(page, AT_LFB_DEPTH), pitch = get16(page, AT_LFB_PITCH);
	uint64_t base = get32(page, AT_LFB_BASE);
	struct framebuffer f = { .width = get16(page, AT_LFB_WIDTH), .height = get16(page, AT_LFB_HEIGHT),
				 .format = PIXEL_MASK };

	take_text_mode(page, fb);
	if (page[AT_VIDEO_ISVGA] != ISVGA_EFI && page[AT_VIDEO_ISVGA] != ISVGA_VESA)
		return;
	if (get32(page, AT_LFB_CAPABILITIES) & CAPABILITY_64BIT_BASE)
		base |= (uint64_t)get32(page, AT_EXT_LFB_BASE) << 32;
	if (!base || !f.width || !f.height || !depth || depth > 32 || depth % 8 || pitch * 8 % depth)
		return;
	f.base = base;
	f.size = (uint64_t)pitch * f.height;
	f.stride = pitch * 8 / depth;
	f.red_mask = colour_mask(page, 0);
	f.green_mask = colour_mask(page, 1);
	f.blue_mask = colour_mask(page, 2);
	f.reserved_mask = colour_mask(page, 3);
	if (f.stride < f.width || f.size > ~0ull - base)
		return;
	if (f.red_mask == 0xff && f.green_mask == 0xff00 && f.blue_mask == 0xff0000 && depth == 32)
		f.format = PIXEL_RGBX;
	if (f.blue_mask == 0xff && f.green_mask == 0xff00 && f.red_mask == 0xff0000 && depth == 32)
		f.format = PIXEL_BGRX;
	*fb = f;
}

enum status params_parse(const uint8_t page[PARAMS_BYTES], struct params_in *in, struct problem *problem)
{
	enum status status = check_header(page, problem);

	memset(in, 0, sizeof(*in));
	if (status)
		return status;
	in->e820 = (const struct e820_entry *)(page + AT_E820);
	in->e820_count = page[AT_E820_COUNT];
	in->cmdline = get64(page, AT_CMDLINE, AT_EXT_CMDLINE);
	in->setup_data = get64(page, AT_SETUP_DATA, AT_SETUP_DATA + 4);
	in->rsdp = get64(page, AT_RSDP, AT_RSDP + 4);
	in->secure_boot = page[AT_SECURE_BOOT];
	take_framebuffer(page, &in->framebuffer);
	status = take_initrd(page, in, problem);
	return status ? status : take_efi(page, &in->efi, problem);
}

void params_copy_found(uint8_t to[PARAMS_BYTES], const uint8_t from[PARAMS_BYTES])
{
	static const struct { uint16_t at, end; } parts[] = {
		{ 0x000, 0x054 },	/* screen_info, apm_bios_info */
		{ 0x060, 0x070 },	/* ist_info */
		{ 0x080, 0x0b0 },	/* disks 0 and 1, sys_desc_table */
		{ 0x140, 0x1c0 },	/* edid_info */
		{ 0x1e9, 0x1eb },	/* number of EDD and MBR signature entries */
		{ 0x290, 0x2d0 },	/* MBR signatures */
		{ 0xd00, 0xeec },	/* EDD */
	};

	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		memcpy(to + parts[i].at, from + parts[i].at, parts[i].end - parts[i].at);
}
