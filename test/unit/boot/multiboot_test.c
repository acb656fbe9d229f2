// SPDX-License-Identifier: MIT
#include "test/unit/boot/support.h"

#include <stdlib.h>
#include <string.h>

#include "boot/multiboot.h"

#define BYTES	0xa000u
#define AT	0x40u
#define TAG(i)	(AT + 16 + (i))

static uint8_t file[BYTES];
static struct multiboot image;

static void sum(unsigned at, unsigned words)
{
	uint32_t total = 0;

	for (unsigned i = 0; i + 1 < words; i++)
		total += file[at + 4 * i] | file[at + 4 * i + 1] << 8 | file[at + 4 * i + 2] << 16 |
			 (uint32_t)file[at + 4 * i + 3] << 24;
	kernel_put(file, at + 4 * (words - 1), 4, 0u - total);
}

static unsigned tag(unsigned at, unsigned type, unsigned flags, unsigned size)
{
	kernel_put(file, at, 2, type);
	kernel_put(file, at + 2, 2, flags);
	kernel_put(file, at + 4, 4, size);
	return at + ((size + 7) & ~7u);
}

/* Version 2 at AT: address tag (0), entry (24), information request (40), an optional unknown one (56), end (64). */
static int fresh(void **state)
{
	unsigned at = TAG(0);

	(void)state;
	memset(file, 0, sizeof(file));
	kernel_put(file, AT, 4, 0xe85250d6);
	kernel_put(file, AT + 8, 4, 16 + 72);
	sum(AT, 4);
	at = tag(at, 2, 0, 24);
	kernel_put(file, TAG(8), 4, 0x100000 + AT);
	kernel_put(file, TAG(12), 4, 0x100000);
	kernel_put(file, TAG(16), 4, 0x108000);
	kernel_put(file, TAG(20), 4, 0x110000);
	at = tag(at, 3, 0, 12);
	kernel_put(file, TAG(32), 4, 0x101000);
	at = tag(at, 1, 0, 16);
	at = tag(at, 99, 1, 8);
	tag(at, 0, 0, 8);
	return 0;
}

/* Version 1 with addresses. */
static int fresh_1(void **state)
{
	(void)state;
	memset(file, 0, sizeof(file));
	kernel_put(file, AT, 4, 0x1badb002);
	kernel_put(file, AT + 4, 4, 0x10003);
	sum(AT, 3);
	kernel_put(file, AT + 12, 4, 0x100000 + AT);
	kernel_put(file, AT + 16, 4, 0x100000);
	kernel_put(file, AT + 28, 4, 0x101000);
	return 0;
}

static enum status check(uint64_t size, struct problem *p)
{
	uint64_t first = size < MULTIBOOT_SEARCH_MAX ? size : MULTIBOOT_SEARCH_MAX;
	uint8_t *copy = malloc(first ? first : 1);
	enum status status;

	*p = (struct problem){ 0 };
	memcpy(copy, file, first);
	status = multiboot_check(&image, "image", copy, size, p);
	free(copy);
	return status;
}

static void good_headers(void **state)
{
	struct problem p;

	(void)state;
	fresh(NULL);
	assert_problem(&p, check(BYTES, &p), OK, "");
	assert_int_equal(image.version, 2);
	assert_int_equal(image.offset, AT);
	assert_int_equal(image.requests, 0xe);
	assert_true(image.addresses && !image.boot_services_needed);
	assert_int_equal(image.file_offset, 0);
	assert_int_equal(image.file_size, 0x8000);
	assert_int_equal(image.memory_size, 0x10000);
	assert_int_equal(image.entry, 0x101000);
	tag(TAG(40), 7, 0, 8);
	tag(TAG(48), 1, 0, 8);
	assert_problem(&p, check(BYTES, &p), OK, "");
	assert_true(image.boot_services_needed);
	tag(TAG(40), 7, 1, 8);
	assert_problem(&p, check(BYTES, &p), OK, "");
	assert_false(image.boot_services_needed);
	fresh_1(NULL);
	assert_problem(&p, check(BYTES, &p), OK, "");
	assert_int_equal(image.version, 1);
	assert_int_equal(image.file_size, BYTES);
	assert_int_equal(image.memory_size, BYTES);
	kernel_put(file, AT + 4, 4, 7);
	sum(AT, 3);
	assert_problem(&p, check(AT + 12, &p), OK, "");
	assert_int_equal(image.version, 1);
	assert_false(image.addresses);
}

static void no_header(void **state)
{
	struct problem p;

	(void)state;
	fresh(NULL);
	file[AT + 12] ^= 1;
	assert_problem(&p, check(BYTES, &p), OK, "");
	assert_int_equal(image.version, 0);
	fresh(NULL);
	memmove(file + AT + 4, file + AT, 0x100);	/* not on 8 */
	assert_problem(&p, check(BYTES, &p), OK, "");
	assert_int_equal(image.version, 0);
	assert_problem(&p, check(0, &p), OK, "");
	assert_problem(&p, check(11, &p), OK, "");
	/* Version 1 ends within 8 KiB. */
	fresh_1(NULL);
	memmove(file + 8192 - 8, file + AT, 32);
	memset(file + AT, 0, 32);
	assert_problem(&p, check(BYTES, &p), OK, "");
	assert_int_equal(image.version, 0);
}

struct bad { unsigned offset, bytes; uint64_t value; enum status status; const char *text; };

static const struct bad bad_2[] = {
	{ AT + 4, 4, 4, E_KERNEL_HEADER, "image: multiboot2 architecture is 0x4, not 0 (i386)" },
	{ AT + 8, 4, 15, E_KERNEL_HEADER, "image: multiboot2 header_length is 0xf, less than 16 or" },
	{ AT + 8, 4, 32768 - AT + 1, E_KERNEL_HEADER, "image: multiboot2 header_length is 0x7fc1, less than 16 or beyond" },
	{ AT + 8, 4, 16 + 64, E_KERNEL_HEADER, "image: multiboot2 header without an end tag" },
	{ TAG(4), 4, 0, E_KERNEL_HEADER, "image: multiboot2 tag 2: size is 0, less than 8 or beyond the header" },
	{ TAG(4), 4, 73, E_KERNEL_HEADER, "image: multiboot2 tag 2: size is 73, less than 8 or beyond the header" },
	{ TAG(4), 4, 20, E_KERNEL_HEADER, "image: multiboot2 tag 2: size is 20, which that type does not have" },
	{ TAG(44), 4, 15, E_KERNEL_HEADER, "image: multiboot2 tag 1: size is 15, which that type does not have" },
	{ TAG(58), 2, 0, E_KERNEL_HEADER, "image: multiboot2 tag 99 is unknown and not optional" },
	{ TAG(12), 4, 0xfff00, E_KERNEL_HEADER, "image: load_addr is 0xfff00, below 1 MiB" },
	{ TAG(8), 4, 0xfffff, E_KERNEL_HEADER, "image: header_addr is 0xfffff, not where the header is" },
	{ TAG(8), 4, 0x100001 + AT, E_KERNEL_HEADER, "image: header_addr is 0x100041, not where the header is" },
	{ TAG(16), 4, 0x100000, E_KERNEL_HEADER, "image: load_end_addr is 0x100000, below header_addr" },
	{ TAG(16), 4, 0x100001 + BYTES, E_KERNEL_TRUNCATED, "image: load_end_addr is 0x10a001, the file ends before it" },
	{ TAG(20), 4, 0x107fff, E_KERNEL_HEADER, "image: bss_end_addr is 0x107fff, below the image's end" },
	{ TAG(32), 4, 0x108000, E_KERNEL_HEADER, "image: entry_addr is 0x108000, outside the loaded bytes" },
	{ TAG(32), 4, 0xfffff, E_KERNEL_HEADER, "image: entry_addr is 0xfffff, outside the loaded bytes" },
};

static const struct bad bad_1[] = {
	{ AT + 4, 4, 8, E_KERNEL_HEADER, "image: multiboot flags is 0x8, it needs something unknown" },
	{ AT + 16, 4, 0xff000, E_KERNEL_HEADER, "image: load_addr is 0xff000, below 1 MiB" },
	{ AT + 28, 4, 0x100000 + BYTES, E_KERNEL_HEADER, "image: entry_addr is 0x10a000, outside the loaded bytes" },
};

static void each_bad_field_is_named(void **state)
{
	struct problem p;

	(void)state;
	for (unsigned i = 0; i < sizeof(bad_2) / sizeof(bad_2[0]); i++) {
		fresh(NULL);
		kernel_put(file, bad_2[i].offset, bad_2[i].bytes, bad_2[i].value);
		sum(AT, 4);
		assert_problem(&p, check(BYTES, &p), bad_2[i].status, bad_2[i].text);
	}
	for (unsigned i = 0; i < sizeof(bad_1) / sizeof(bad_1[0]); i++) {
		fresh_1(NULL);
		kernel_put(file, bad_1[i].offset, bad_1[i].bytes, bad_1[i].value);
		sum(AT, 3);
		assert_problem(&p, check(BYTES, &p), bad_1[i].status, bad_1[i].text);
	}
}

/* What only some images ask for: information, a range to lie in. */
static void wishes(void **state)
{
	struct problem p;

	(void)state;
	fresh(NULL);
	kernel_put(file, TAG(48), 4, 4);
	kernel_put(file, TAG(52), 4, 63);
	assert_problem(&p, check(BYTES, &p), OK, "");
	assert_true(image.needs == (1ull << 4 | 1ull << 63) && !image.relocatable);
	kernel_put(file, TAG(52), 4, 64);
	assert_problem(&p, check(BYTES, &p), E_KERNEL_HEADER, "image: multiboot2 information request is 0x40, unknown and");
	tag(TAG(40), 1, 1, 16);		/* optional */
	assert_problem(&p, check(BYTES, &p), OK, "");
	assert_int_equal(image.needs, 0);
	tag(TAG(40), 1, 0, 12);		/* two of them */
	kernel_put(file, TAG(48), 4, 4);
	tag(TAG(56), 1, 0, 12);
	kernel_put(file, TAG(64), 4, 8);
	tag(TAG(72), 0, 0, 8);
	kernel_put(file, AT + 8, 4, 16 + 80);
	sum(AT, 4);
	assert_problem(&p, check(BYTES, &p), OK, "");
	assert_int_equal(image.needs, 1u << 4 | 1u << 8);
	fresh(NULL);
	tag(TAG(40), 10, 0, 24);
	kernel_put(file, TAG(48), 4, 0x200000);
	kernel_put(file, TAG(52), 4, 0xffffffff);
	kernel_put(file, TAG(56), 4, 0x200000);
	assert_problem(&p, check(BYTES, &p), OK, "");
	assert_true(image.relocatable && image.min_address == 0x200000 && image.max_address == 0xffffffff);
	assert_int_equal(image.align, 0x200000);
	kernel_put(file, TAG(52), 4, 0x1fffff);
	assert_problem(&p, check(BYTES, &p), E_KERNEL_HEADER, "image: multiboot2 tag 10: max_addr is 0x1fffff, below min");
	kernel_put(file, TAG(56), 4, 3);
	assert_problem(&p, check(BYTES, &p), E_KERNEL_HEADER, "image: multiboot2 tag 10: align is 0x3, not a power of two");
	/* Version 2 can be told more, so it goes first. */
	fresh_1(NULL);
	memmove(file + AT + 0x100, file + AT, 32);
	kernel_put(file, AT + 0x200, 4, 0xe85250d6);
	kernel_put(file, AT + 0x208, 4, 24);
	sum(AT + 0x200, 4);
	kernel_put(file, AT + 0x214, 4, 8);
	assert_problem(&p, check(BYTES, &p), OK, "");
	assert_int_equal(image.version, 2);
}

static void cut_and_twice(void **state)
{
	struct problem p;

	(void)state;
	fresh(NULL);
	assert_problem(&p, check(AT + 80, &p), E_KERNEL_TRUNCATED, "image: multiboot2 header_length is 0x58, the file ends");
	tag(TAG(40), 3, 0, 12);
	assert_problem(&p, check(BYTES, &p), E_KERNEL_HEADER, "image: a second multiboot2 tag 3");
	fresh_1(NULL);
	assert_problem(&p, check(AT + 31, &p), E_KERNEL_TRUNCATED, "image: multiboot header's offset is 0x40, it ends");
	/* Up to the end of the address space and beyond. */
	fresh_1(NULL);
	kernel_put(file, AT + 12, 4, 0xffff8000 + AT);
	kernel_put(file, AT + 16, 4, 0xffff8000);
	assert_problem(&p, check(BYTES, &p), E_KERNEL_HEADER, "image: end of the image is 0x100002000, beyond 4 GiB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_headers), cmocka_unit_test(no_header), cmocka_unit_test(each_bad_field_is_named),
		cmocka_unit_test(cut_and_twice), cmocka_unit_test(wishes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
