// SPDX-License-Identifier: MIT
#include "test/unit/boot/support.h"

#include <string.h>

/* The kernel's own description of the page. */
#include <asm/bootparam.h>

#include "boot/params_in.h"

static struct boot_params bp;
static struct params_in in;
static struct problem p;

static int fresh(void **state)
{
	(void)state;
	memset(&bp, 0, sizeof(bp));
	memcpy(&bp.hdr.header, "HdrS", 4);
	bp.hdr.version = 0x20f;
	bp.e820_entries = 2;
	bp.e820_table[1].addr = 0x100000;
	bp.hdr.cmd_line_ptr = 0x20000;
	bp.ext_cmd_line_ptr = 3;
	bp.hdr.ramdisk_image = 0x1000;
	bp.ext_ramdisk_image = 1;
	bp.hdr.ramdisk_size = 0x5000;
	bp.hdr.setup_data = 0x7fabc000;
	bp.acpi_rsdp_addr = 0x7ff0e014;
	memcpy(&bp.efi_info.efi_loader_signature, "EL64", 4);
	bp.efi_info.efi_systab = 0x7f9ee018;
	bp.efi_info.efi_memmap = 0x9a000;
	bp.efi_info.efi_memmap_hi = 2;
	bp.efi_info.efi_memmap_size = 480;
	bp.efi_info.efi_memdesc_size = 48;
	bp.efi_info.efi_memdesc_version = 1;
	bp.screen_info.orig_video_isVGA = 0x70;
	bp.screen_info.lfb_base = 0x80000000;
	bp.screen_info.lfb_size = 0x3f;
	bp.screen_info.lfb_width = 1280;
	bp.screen_info.lfb_height = 800;
	bp.screen_info.lfb_depth = 32;
	bp.screen_info.lfb_linelength = 5120;
	bp.screen_info.blue_size = bp.screen_info.green_size = bp.screen_info.red_size = bp.screen_info.rsvd_size = 8;
	bp.screen_info.green_pos = 8;
	bp.screen_info.red_pos = 16;
	bp.screen_info.rsvd_pos = 24;
	bp.secure_boot = 2;
	p = (struct problem){ 0 };
	return 0;
}

static enum status parse(void)
{
	return params_parse((const uint8_t *)&bp, &in, &p);
}

static void a_good_page(void **state)
{
	(void)state;
	assert_problem(&p, parse(), OK, "");
	assert_int_equal(in.e820_count, 2);
	assert_int_equal(in.e820[1].addr, 0x100000);
	assert_true(in.cmdline == 0x300020000ull && in.initrd == 0x100001000ull && in.initrd_size == 0x5000);
	assert_true(in.setup_data == 0x7fabc000 && in.rsdp == 0x7ff0e014 && in.secure_boot == 2);
	assert_true(in.efi.systab == 0x7f9ee018 && in.efi.map.base == 0x20009a000ull && in.efi.map.size == 480);
	assert_int_equal(in.efi.map.descriptor_size, 48);
	assert_int_equal(in.efi.map.descriptor_version, 1);
}

static void screens(void **state)
{
	(void)state;
	assert_int_equal(parse(), OK);
	/* Of the lines, not the loader's 0x3f of some unit. */
	assert_int_equal(in.framebuffer.size, 5120 * 800);
	assert_true(in.framebuffer.base == 0x80000000ull && in.framebuffer.stride == 1280);
	assert_int_equal(in.framebuffer.format, PIXEL_BGRX);
	bp.screen_info.capabilities = 2;
	bp.screen_info.ext_lfb_base = 0x38;
	bp.screen_info.red_pos = 0;
	bp.screen_info.blue_pos = 16;
	assert_int_equal(parse(), OK);
	assert_true(in.framebuffer.base == 0x3880000000ull);
	assert_int_equal(in.framebuffer.format, PIXEL_RGBX);
	bp.screen_info.orig_video_isVGA = 0x23;
	bp.screen_info.lfb_depth = 16;
	bp.screen_info.red_size = 5;
	bp.screen_info.green_size = 6;
	assert_int_equal(parse(), OK);
	assert_int_equal(in.framebuffer.format, PIXEL_MASK);
	assert_int_equal(in.framebuffer.red_mask, 0x1f);
	assert_int_equal(in.framebuffer.stride, 2560);
}

static void text_mode(void **state)
{
	static const struct { uint8_t mode, columns, lines; bool taken; } cases[] = {
		{ 3, 80, 25, true }, { 3, 80, 50, true }, { 3, 80, 60, true }, { 3, 80, 61, false }, { 3, 80, 24, false },
		{ 3, 40, 25, false }, { 7, 80, 25, false }, { 0, 80, 25, false },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fresh(NULL);
		bp.screen_info.orig_video_isVGA = 1;
		bp.screen_info.orig_video_mode = cases[i].mode;
		bp.screen_info.orig_video_cols = cases[i].columns;
		bp.screen_info.orig_video_lines = cases[i].lines;
		assert_problem(&p, parse(), OK, "");
		assert_true((in.framebuffer.base == 0xb8000) == cases[i].taken);
		if (!cases[i].taken)
			continue;
		assert_int_equal(in.framebuffer.format, PIXEL_TEXT);
		assert_int_equal(in.framebuffer.width, 80);
		assert_int_equal(in.framebuffer.height, cases[i].lines);
		assert_in_range(in.framebuffer.size, 160u * cases[i].lines, 0x8000);
	}
}

static void no_screen(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 9; i++) {
		fresh(NULL);
		switch (i) {
		case 0: bp.screen_info.orig_video_isVGA = 1; break;
		case 1: bp.screen_info.lfb_base = 0; break;
		case 2: bp.screen_info.lfb_width = 0; break;
		case 3: bp.screen_info.lfb_height = 0; break;
		case 4: bp.screen_info.lfb_depth = 0; break;
		case 5: bp.screen_info.lfb_depth = 40; break;
		case 6: bp.screen_info.lfb_depth = 15; break;
		case 7: bp.screen_info.lfb_linelength = 5116; break;	/* shorter than a line */
		case 8: bp.screen_info.lfb_linelength = 0; break;
		}
		assert_problem(&p, parse(), OK, "");
		assert_true(in.framebuffer.base == 0);
	}
}

static void no_efi(void **state)
{
	(void)state;
	memcpy(&bp.efi_info.efi_loader_signature, "EL32", 4);
	bp.efi_info.efi_memmap_size = 0;
	assert_problem(&p, parse(), OK, "");
	assert_true(!in.efi.systab && !in.efi.map.base);
}

static void every_field_lies_once(void **state)
{
	static const char *const pieces[] = {
		"header 0x", "version 0x20b", "e820_entries 0x81", "secure_boot 0x4", "ramdisk_size", "ramdisk_image",
		"efi_systab", "efi_memmap", "efi_memmap",
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		fresh(NULL);
		switch (i) {
		case 0: bp.hdr.header++; break;
		case 1: bp.hdr.version = 0x20b; break;
		case 2: bp.e820_entries = 129; break;
		case 3: bp.secure_boot = 4; break;
		case 4: bp.ext_ramdisk_size = 0xffffffff; break;
		case 5: bp.hdr.ramdisk_image = bp.ext_ramdisk_image = 0; break;
		case 6: bp.efi_info.efi_systab = 0; break;
		case 7: bp.efi_info.efi_memmap = bp.efi_info.efi_memmap_hi = 0; break;
		case 8: bp.efi_info.efi_memmap_size = 0; break;
		}
		assert_problem(&p, parse(), E_BOOT_PARAMS, pieces[i]);
	}
}

static void copies_what_was_found(void **state)
{
	static uint8_t from[4096], to[4096];

	(void)state;
	memset(from, 0x11, sizeof(from));
	params_copy_found(to, from);
	memcpy(&bp, to, sizeof(bp));
	assert_int_equal(bp.screen_info.orig_video_isVGA, 0x11);
	assert_int_equal(bp.eddbuf_entries, 0x11);
	assert_int_equal(((uint8_t *)bp.eddbuf)[sizeof(bp.eddbuf) - 1], 0x11);
	assert_int_equal(bp.edid_info.dummy[127], 0x11);
	/* What is ours to say. */
	assert_int_equal(bp.e820_entries, 0);
	assert_int_equal(bp.sentinel, 0);
	assert_int_equal(bp.efi_info.efi_systab, 0);
	assert_int_equal(bp.hdr.setup_data, 0);
	assert_int_equal(bp.acpi_rsdp_addr, 0);
	assert_int_equal(bp.e820_table[0].type, 0);
	assert_int_equal(bp.ext_ramdisk_image, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_good_page, fresh), cmocka_unit_test_setup(screens, fresh),
		cmocka_unit_test(no_screen),
		cmocka_unit_test(text_mode), cmocka_unit_test_setup(no_efi, fresh),
		cmocka_unit_test(every_field_lies_once), cmocka_unit_test(copies_what_was_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
