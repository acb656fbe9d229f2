// SPDX-License-Identifier: MIT
#include "test/unit/boot/support.h"

#include <stdlib.h>
#include <string.h>

#include "boot/bzimage.h"

static uint8_t file[KERNEL_BYTES];

/* All three steps, as load.c does them; a copy of exactly the bytes each may see, for the sanitizer. */
static enum status check(struct bzimage *image, const uint8_t *from, uint64_t size, struct problem *p)
{
	uint64_t first = size < BZIMAGE_HEADER_BYTES ? size : BZIMAGE_HEADER_BYTES;
	uint8_t *copy = malloc(first ? first : 1);
	enum status status;
	char version[64];

	memcpy(copy, from, first);
	status = bzimage_check_header(image, "vmlinuz", copy, size, p);
	free(copy);
	if (status)
		return status;
	copy = malloc(image->setup_bytes);
	memcpy(copy, from, image->setup_bytes);
	status = bzimage_check_setup(image, "vmlinuz", copy, version, sizeof(version), p);
	free(copy);
	if (status)
		return status;
	copy = malloc(image->pm_bytes);
	memcpy(copy, from + image->setup_bytes, image->pm_bytes);
	status = bzimage_check_kernel_info(image, "vmlinuz", copy, p);
	free(copy);
	return status;
}

static void good_image(void **state)
{
	struct problem p = { 0 };
	struct bzimage image;
	char version[64], cut[4];

	(void)state;
	kernel_make(file);
	assert_problem(&p, check(&image, file, KERNEL_BYTES, &p), OK, "");
	assert_int_equal(image.version, 0x20f);
	assert_int_equal(image.setup_bytes, KERNEL_SETUP_BYTES);
	assert_int_equal(image.pm_bytes, KERNEL_PM_BYTES);
	assert_int_equal(image.header_length, 0x26c - 0x1f1);
	assert_memory_equal(image.header, file + 0x1f1, image.header_length);
	assert_int_equal(image.pref_address, 0x1000000);
	assert_int_equal(image.init_size, KERNEL_INIT_SIZE);
	assert_int_equal(image.alignment, 0x200000);
	assert_true(image.relocatable && image.above_4g && image.five_level);
	assert_int_equal(image.initrd_max, 1ull << 46);
	assert_int_equal(image.cmdline_max, 2047);
	assert_int_equal(image.setup_type_max, 0x80000009);
	assert_int_equal(bzimage_check_setup(&image, "k", file, version, sizeof(version), &p), OK);
	assert_string_equal(version, "6.1.0-test (made) #1");
	assert_int_equal(bzimage_check_setup(&image, "k", file, cut, sizeof(cut), &p), OK);
	assert_string_equal(cut, "6.1");
}

static void variants_that_are_fine(void **state)
{
	struct problem p = { 0 };
	struct bzimage image;

	(void)state;
	kernel_make(file);
	kernel_put(file, 0x1f1, 1, 0);		/* means 4: the part begins later, so move what it points to */
	kernel_put(file, 0x268, 4, 0x800 - 512);
	assert_problem(&p, check(&image, file, KERNEL_BYTES, &p), OK, "");
	assert_int_equal(image.setup_bytes, 5 * 512);

	kernel_make(file);
	kernel_put(file, 0x206, 2, 0x20c);	/* no kernel_info, header ends before it */
	kernel_put(file, 0x201, 1, 0x66);
	kernel_put(file, 0x236, 2, 1);
	kernel_put(file, 0x20e, 2, 0);
	assert_problem(&p, check(&image, file, KERNEL_BYTES, &p), OK, "");
	assert_false(image.above_4g);
	assert_int_equal(image.initrd_max, 0x80000000ull);
	assert_int_equal(image.setup_type_max, 0);

	/* The limits themselves. */
	kernel_make(file);
	kernel_put(file, 0x230, 4, 4096);
	kernel_put(file, 0x235, 1, 12);
	kernel_put(file, 0x201, 1, 0x8e);
	kernel_put(file, 0x260, 4, 512u << 20);
	assert_problem(&p, check(&image, file, KERNEL_BYTES, &p), OK, "");
	assert_int_equal(image.alignment, 4096);
	assert_int_equal(image.header_length, 0x290 - 0x1f1);

	/* kernel_info counts only from protocol 2.15 on, and only if the header reaches its field. */
	kernel_make(file);
	kernel_put(file, 0x206, 2, 0x20d);
	kernel_put(file, 0x268, 4, 0xffffffff);
	assert_problem(&p, check(&image, file, KERNEL_BYTES, &p), OK, "");
	assert_int_equal(image.kernel_info_offset, 0);
	kernel_put(file, 0x206, 2, 0x20f);
	kernel_put(file, 0x201, 1, 0x69);
	assert_problem(&p, check(&image, file, KERNEL_BYTES, &p), OK, "");
	assert_int_equal(image.kernel_info_offset, 0);

	kernel_make(file);
	kernel_put(file, 0x234, 1, 0);
	assert_problem(&p, check(&image, file, KERNEL_BYTES, &p), OK, "");
	assert_false(image.relocatable);
}

/* One field changed in the good image: number and name in the message. */
static const struct { unsigned offset, bytes; uint64_t value; enum status status; const char *text; } bad[] = {
	{ 0x1fe, 2, 0xaa54, E_NOT_A_KERNEL, "boot_flag" },
	{ 0x202, 4, 0x53726449, E_NOT_A_KERNEL, "header" },
	{ 0x206, 2, 0x20b, E_NOT_A_KERNEL, "version" },
	{ 0x211, 1, 0x80, E_NOT_A_KERNEL, "loadflags" },
	{ 0x236, 2, 0x3e, E_NOT_A_KERNEL, "xloadflags" },
	{ 0x1f1, 1, 65, E_KERNEL_HEADER, "setup_sects" },
	{ 0x200, 1, 0xe9, E_KERNEL_HEADER, "jump" },
	{ 0x201, 1, 0x65, E_KERNEL_HEADER, "header end" },
	{ 0x201, 1, 0x8f, E_KERNEL_HEADER, "header end" },
	{ 0x230, 4, 0, E_KERNEL_HEADER, "kernel_alignment" },
	{ 0x230, 4, 2048, E_KERNEL_HEADER, "kernel_alignment" },
	{ 0x230, 4, 0x300000, E_KERNEL_HEADER, "kernel_alignment" },
	{ 0x230, 4, 0x80000000, E_KERNEL_HEADER, "kernel_alignment" },
	{ 0x235, 1, 22, E_KERNEL_HEADER, "min_alignment" },
	{ 0x235, 1, 255, E_KERNEL_HEADER, "min_alignment" },
	{ 0x260, 4, KERNEL_PM_BYTES - 1, E_KERNEL_HEADER, "init_size" },
	{ 0x260, 4, (512u << 20) + 1, E_KERNEL_HEADER, "init_size" },
	{ 0x258, 8, ~0ull - 0x1000, E_KERNEL_HEADER, "pref_address" },
	{ 0x258, 8, (1ull << 46) - KERNEL_INIT_SIZE + 1, E_KERNEL_HEADER, "pref_address" },
	{ 0x250, 8, 1, E_KERNEL_HEADER, "setup_data" },
	{ 0x250, 8, 1ull << 40, E_KERNEL_HEADER, "setup_data" },
	{ 0x248, 4, 0x2001, E_KERNEL_TRUNCATED, "payload_offset" },
	{ 0x24c, 4, 0xffffffff, E_KERNEL_TRUNCATED, "payload_offset" },
	{ 0x264, 4, KERNEL_PM_BYTES - 0x200, E_KERNEL_TRUNCATED, "handover_offset" },
	{ 0x264, 4, 0xffffffff, E_KERNEL_TRUNCATED, "handover_offset" },
	{ 0x20e, 2, KERNEL_SETUP_BYTES - 0x200, E_KERNEL_HEADER, "kernel_version" },
	{ 0x20e, 2, 0x400, E_KERNEL_HEADER, "kernel_version has no end" },
	{ 0x268, 4, KERNEL_PM_BYTES - 15, E_KERNEL_TRUNCATED, "kernel_info_offset" },
	{ 0x268, 4, 0xffffffff, E_KERNEL_TRUNCATED, "kernel_info_offset" },
	{ 0x268, 4, 0x804, E_KERNEL_HEADER, "kernel_info " },
	{ KERNEL_SETUP_BYTES + 0x804, 4, 11, E_KERNEL_HEADER, "kernel_info.size " },
	{ KERNEL_SETUP_BYTES + 0x804, 4, 17, E_KERNEL_HEADER, "kernel_info.size " },
	{ KERNEL_SETUP_BYTES + 0x808, 4, KERNEL_PM_BYTES - 0x7ff, E_KERNEL_HEADER, "kernel_info.size_total" },
};

static void each_bad_field_is_named(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct problem p = { 0 };
		struct bzimage image;

		kernel_make(file);
		kernel_put(file, bad[i].offset, bad[i].bytes, bad[i].value);
		assert_problem(&p, check(&image, file, KERNEL_BYTES, &p), bad[i].status, bad[i].text);
		assert_memory_equal(p.text, "vmlinuz: ", 9);
	}
}

static void fixed_kernel_wants_a_real_address(void **state)
{
	struct problem p = { 0 };
	struct bzimage image;

	(void)state;
	kernel_make(file);
	kernel_put(file, 0x234, 1, 0);
	kernel_put(file, 0x258, 8, 0x80000);
	assert_problem(&p, check(&image, file, KERNEL_BYTES, &p), E_KERNEL_HEADER, "pref_address");
}

static void short_files(void **state)
{
	static const struct { uint64_t size; enum status status; const char *text; } cases[] = {
		{ 0, E_NOT_A_KERNEL, "too short" },
		{ 1023, E_NOT_A_KERNEL, "too short" },
		{ 1024, E_KERNEL_TRUNCATED, "setup_sects" },
		{ KERNEL_SETUP_BYTES, E_KERNEL_TRUNCATED, "setup_sects" },
		{ KERNEL_SETUP_BYTES + 0x200, E_KERNEL_TRUNCATED, "64-bit entry" },
		{ KERNEL_BYTES / 2, E_KERNEL_TRUNCATED, "payload" },
		{ (512ull << 20) + 1, E_FILE_SIZE, "512 MiB" },
	};

	(void)state;
	kernel_make(file);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct problem p = { 0 };
		struct bzimage image;

		assert_problem(&p, check(&image, file, cases[i].size, &p), cases[i].status, cases[i].text);
	}
}

/* Random damage to the header: no crash, and what passes keeps its promises. */
static void damaged_headers(void **state)
{
	struct rng rng = { 0x6b65726e656c };
	unsigned passed = 0;

	(void)state;
	kernel_make(file);
	for (unsigned round = 0; round < 20000; round++) {
		uint8_t keep[0x300];
		struct bzimage image;
		unsigned changes = 1 + (unsigned)rng_below(&rng, 4);

		memcpy(keep, file, sizeof(keep));
		while (changes--)
			file[0x1f1 + rng_below(&rng, 0x7b)] = (uint8_t)rng_next(&rng);
		if (!bzimage_check_header(&image, "k", file, KERNEL_BYTES, NULL)) {
			passed++;
			assert_true(image.setup_bytes + image.pm_bytes == KERNEL_BYTES);
			assert_true(image.init_size >= image.pm_bytes && image.pm_bytes > BZIMAGE_ENTRY64);
			assert_true(image.kernel_info_offset + 16ull <= image.pm_bytes);
			assert_true(image.kernel_version_offset < image.setup_bytes);
			assert_true(image.header_length <= sizeof(image.header));
		}
		memcpy(file, keep, sizeof(keep));
	}
	assert_true(passed > 100 && passed < 19900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_image), cmocka_unit_test(variants_that_are_fine),
		cmocka_unit_test(each_bad_field_is_named), cmocka_unit_test(fixed_kernel_wants_a_real_address),
		cmocka_unit_test(short_files), cmocka_unit_test(damaged_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
