// SPDX-License-Identifier: MIT
/* The bundle made in memory, read back by the bundle's own reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "boot/cpio.h"
#include "boot/cpio_out.h"

static const struct { const char *path; uint32_t size; } files[] = {
	{ "/loader/loader.conf", 17 }, { "/baton.efi", 5000 }, { "/empty", 0 }, { "/debian/initrd.img", 4096 },
	{ "/a/path/that/is/long/enough/to/matter/0123456789012345678901234567890123456789.img", 3 },
};
#define FILES (sizeof(files) / sizeof(files[0]))

static uint8_t *data;
static uint64_t size;

static int make(void **state)
{
	struct cpio_out out = { 0 };

	(void)state;
	for (unsigned i = 0; i < FILES; i++)
		assert_null(cpio_out_file(&out, files[i].path, files[i].size));
	cpio_out_end(&out);
	size = out.used;
	data = aligned_alloc(4096, size);
	memset(data, 0xee, size);
	out = (struct cpio_out){ .data = data };
	for (unsigned i = 0; i < FILES; i++) {
		uint8_t *at = cpio_out_file(&out, files[i].path, files[i].size);

		assert_int_equal((uintptr_t)at % 4096, 0);
		memset(at, 'A' + (int)i, files[i].size);
	}
	cpio_out_end(&out);
	assert_int_equal(out.used, size);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	free(data);
	return 0;
}

static void test_read_back(void **state)
{
	struct cpio archive = { data, size };
	struct problem problem = { .code = OK };
	struct cpio_entry entry;

	(void)state;
	assert_int_equal(size % 4096, 0);
	assert_int_equal(cpio_check(&archive, &problem), OK);
	for (unsigned i = 0; i < FILES; i++) {
		assert_int_equal(cpio_find(&archive, files[i].path, &entry, &problem), OK);
		assert_int_equal(entry.size, files[i].size);
		for (uint32_t b = 0; b < files[i].size; b++)
			assert_int_equal(data[entry.offset + b], 'A' + i);
	}
}

static void test_every_byte_is_written(void **state)
{
	struct cpio_out out = { 0 };
	uint8_t *twice = aligned_alloc(4096, size);

	(void)state;
	memset(twice, 0x11, size);
	out.data = twice;
	for (unsigned i = 0; i < FILES; i++)
		memset(cpio_out_file(&out, files[i].path, files[i].size), 'A' + (int)i, files[i].size);
	cpio_out_end(&out);
	assert_memory_equal(data, twice, size);
	free(twice);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_read_back, make, drop),
		cmocka_unit_test_setup_teardown(test_every_byte_is_written, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
