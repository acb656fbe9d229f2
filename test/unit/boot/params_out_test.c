// SPDX-License-Identifier: MIT
#include "test/unit/boot/support.h"

#include <string.h>

/* The kernel's own description of the page: offsets are compared with it, not with ours. */
#include <asm/bootparam.h>

#include "boot/params_out.h"

static uint8_t page[PARAMS_BYTES], header[SETUP_HEADER_END - SETUP_HEADER_START];
static struct boot_params bp;
static struct e820_entry e820[200];
static struct efi_map map;
static struct framebuffer fb;
static struct params_out in;
static struct problem p;

static int fresh(void **state)
{
	(void)state;
	memset(page, 0xee, sizeof(page));
	for (unsigned i = 0; i < sizeof(header); i++)
		header[i] = (uint8_t)(i | 0x80);
	for (unsigned i = 0; i < 200; i++)
		e820[i] = (struct e820_entry){ i * 0x100000ull, i ? 0x1000 : 0x9f000, i % 2 ? 2 : 1 };
	map = (struct efi_map){ 0x1234567000ull, 48 * 20, 48 * 40, 48, 1 };
	fb = (struct framebuffer){ .base = 0x80000000, .size = 0x300000, .width = 1024, .height = 768, .stride = 1024 };
	in = (struct params_out){
		.setup_header = header, .setup_header_length = 0x26c - 0x1f1, .e820 = e820, .e820_count = 10,
		.efi_map = &map, .efi_systab = 0x7fabc0018ull, .framebuffer = &fb, .rsdp = 0x7f00fe014,
		.ramdisk = 0x2c0001000ull, .ramdisk_size = 0x140000123ull, .cmdline = 0x1fffff000ull,
		.setup_data = 0x1ffffe000ull, .load_address = 0x1000000, .secure_boot = 2,
	};
	p = (struct problem){ 0 };
	return 0;
}

static enum status build(void)
{
	enum status status = params_build(page, &in, &p);

	memcpy(&bp, page, sizeof(bp));
	return status;
}

static void header_and_pointers(void **state)
{
	(void)state;
	assert_problem(&p, build(), OK, "");
	/* Nothing of the file before 0x1f1, and nothing behind its header. */
	assert_int_equal(bp.sentinel, 0);
	for (unsigned i = 0x1ed; i < 0x1f1; i++)
		assert_int_equal(page[i], 0);
	for (unsigned i = 0x26c; i < 0x2d0; i++)
		assert_int_equal(page[i], 0);
	assert_int_equal(page[0x1f1], header[0]);
	assert_int_equal(page[0x26b], header[0x26b - 0x1f1]);
	assert_memory_equal(&page[0x230], &header[0x230 - 0x1f1], 0x250 - 0x230);
	assert_int_equal(bp.hdr.vid_mode, 0xffff);
	assert_int_equal(bp.hdr.type_of_loader, 0xff);
	assert_int_equal(bp.hdr.loadflags, header[0x211 - 0x1f1]);
	assert_int_equal(bp.hdr.code32_start, 0x1000000);
	assert_int_equal(bp.hdr.ramdisk_image, 0xc0001000);
	assert_int_equal(bp.ext_ramdisk_image, 2);
	assert_int_equal(bp.hdr.ramdisk_size, 0x40000123);
	assert_int_equal(bp.ext_ramdisk_size, 1);
	assert_int_equal(bp.hdr.cmd_line_ptr, 0xfffff000);
	assert_int_equal(bp.ext_cmd_line_ptr, 1);
	assert_true(bp.hdr.setup_data == 0x1ffffe000ull);
	assert_true(bp.acpi_rsdp_addr == 0x7f00fe014ull);
	assert_int_equal(bp.secure_boot, 2);
	assert_int_equal(bp.alt_mem_k, 32 * 1024);
}

static void efi_info(void **state)
{
	(void)state;
	assert_int_equal(build(), OK);
	assert_memory_equal(&bp.efi_info.efi_loader_signature, "EL64", 4);
	assert_int_equal(bp.efi_info.efi_systab, 0xfabc0018);
	assert_int_equal(bp.efi_info.efi_systab_hi, 7);
	assert_int_equal(bp.efi_info.efi_memdesc_size, 48);
	assert_int_equal(bp.efi_info.efi_memdesc_version, 1);
	assert_int_equal(bp.efi_info.efi_memmap, 0x34567000);
	assert_int_equal(bp.efi_info.efi_memmap_hi, 0x12);
	assert_int_equal(bp.efi_info.efi_memmap_size, 48 * 20);
	in.efi_map = NULL;
	assert_int_equal(build(), OK);
	for (unsigned i = 0; i < sizeof(bp.efi_info); i++)
		assert_int_equal(((uint8_t *)&bp.efi_info)[i], 0);
}

static void check_colours(unsigned red_size, unsigned red, unsigned green_size, unsigned green, unsigned blue_size,
			  unsigned blue, unsigned reserved_size, unsigned reserved)
{
	assert_int_equal(bp.screen_info.red_size, red_size);
	assert_int_equal(bp.screen_info.red_pos, red);
	assert_int_equal(bp.screen_info.green_size, green_size);
	assert_int_equal(bp.screen_info.green_pos, green);
	assert_int_equal(bp.screen_info.blue_size, blue_size);
	assert_int_equal(bp.screen_info.blue_pos, blue);
	assert_int_equal(bp.screen_info.rsvd_size, reserved_size);
	assert_int_equal(bp.screen_info.rsvd_pos, reserved);
}

static void screens(void **state)
{
	(void)state;
	fb.format = PIXEL_BGRX;
	fb.stride = 1056;
	assert_int_equal(build(), OK);
	assert_int_equal(bp.screen_info.orig_video_isVGA, 0x70);
	assert_int_equal(bp.screen_info.lfb_width, 1024);
	assert_int_equal(bp.screen_info.lfb_height, 768);
	assert_int_equal(bp.screen_info.lfb_depth, 32);
	assert_int_equal(bp.screen_info.lfb_base, 0x80000000);
	assert_int_equal(bp.screen_info.lfb_size, 0x300000);
	assert_int_equal(bp.screen_info.lfb_linelength, 1056 * 4);
	assert_int_equal(bp.screen_info.pages, 1);
	assert_int_equal(bp.screen_info.capabilities, 0);
	check_colours(8, 16, 8, 8, 8, 0, 8, 24);
	fb.format = PIXEL_RGBX;
	fb.base = 0x4000000000ull;
	assert_int_equal(build(), OK);
	check_colours(8, 0, 8, 8, 8, 16, 8, 24);
	assert_int_equal(bp.screen_info.lfb_base, 0);
	assert_int_equal(bp.screen_info.ext_lfb_base, 0x40);
	assert_int_equal(bp.screen_info.capabilities, 2);
	fb.format = PIXEL_MASK;
	fb.red_mask = 0xf800;
	fb.green_mask = 0x7e0;
	fb.blue_mask = 0x1f;
	fb.reserved_mask = 0;
	assert_int_equal(build(), OK);
	check_colours(5, 11, 6, 5, 5, 0, 0, 0);
	assert_int_equal(bp.screen_info.lfb_depth, 16);
	assert_int_equal(bp.screen_info.lfb_linelength, 1056 * 2);
	fb.base = 0;
	assert_int_equal(build(), OK);
	assert_int_equal(bp.screen_info.orig_video_isVGA, 0);
}

static void impossible_screens(void **state)
{
	(void)state;
	fb.format = PIXEL_MASK;
	fb.red_mask = 0xf0f;
	assert_problem(&p, build(), E_CONFIG_VALUE, "pixel mask 0xf0f");
	fresh(NULL);
	fb.format = PIXEL_MASK;
	assert_problem(&p, build(), E_CONFIG_VALUE, "0 bits");
	fresh(NULL);
	fb.width = 65536;
	assert_problem(&p, build(), E_CONFIG_VALUE, "out of bounds");
	fresh(NULL);
	fb.stride = 0x4000;
	assert_problem(&p, build(), E_CONFIG_VALUE, "out of bounds");
	fresh(NULL);
	fb.size = 1ull << 32;
	assert_problem(&p, build(), E_CONFIG_VALUE, "out of bounds");
	fresh(NULL);
	fb.format = PIXEL_MASK;
	fb.red_mask = fb.green_mask = 0xffffffff;
	assert_problem(&p, build(), E_CONFIG_VALUE, "64 bits");
}

static void memory_table(void **state)
{
	(void)state;
	assert_int_equal(build(), OK);
	assert_int_equal(bp.e820_entries, 10);
	assert_memory_equal(bp.e820_table, e820, 10 * 20);
	for (unsigned i = 0x2d0 + 200; i < sizeof(page); i++)
		assert_int_equal(page[i], 0);
	in.e820_count = 128;
	in.setup_data = 0;
	assert_int_equal(build(), OK);
	assert_int_equal(bp.e820_entries, 128);
	in.e820_count = 129;
	assert_problem(&p, build(), E_MEMORY_MAP, "129 entries");
	in.setup_data = 4096;
	assert_int_equal(build(), OK);
	assert_int_equal(bp.e820_entries, 128);
	assert_memory_equal(bp.e820_table, e820, 128 * 20);
	e820[0].size = 4096;
	assert_int_equal(build(), OK);
	e820[0].size = 4095;
	p = (struct problem){ 0 };
	assert_problem(&p, build(), E_MEMORY_MAP, "no RAM below 640 KiB");
	e820[0].size = 0x9f000;
	e820[0].type = 2;
	p = (struct problem){ 0 };
	assert_problem(&p, build(), E_MEMORY_MAP, "no RAM below 640 KiB");
}

static void header_lengths(void **state)
{
	(void)state;
	in.setup_header_length = 0x267 - 0x1f1;
	assert_problem(&p, build(), E_KERNEL_HEADER, "118 bytes");
	in.setup_header_length = 0x291 - 0x1f1;
	p = (struct problem){ 0 };
	assert_problem(&p, build(), E_KERNEL_HEADER, "160 bytes");
	in.setup_header_length = 0x290 - 0x1f1;
	assert_int_equal(build(), OK);
	in.setup_header_length = 0x268 - 0x1f1;
	assert_int_equal(build(), OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(header_and_pointers, fresh), cmocka_unit_test_setup(efi_info, fresh),
		cmocka_unit_test_setup(screens, fresh), cmocka_unit_test_setup(impossible_screens, fresh),
		cmocka_unit_test_setup(memory_table, fresh), cmocka_unit_test_setup(header_lengths, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
