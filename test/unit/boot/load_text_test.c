// SPDX-License-Identifier: MIT
#include "test/unit/boot/support.h"
#include "test/unit/boot/fake_source.h"

#include <string.h>

#include "boot/load.h"

static uint8_t data[3u << 20];
static char large[sizeof(data)];
static struct fake fake;
static struct problem p;

static int fresh(void **state)
{
	struct rng rng = { 0x74787473 };

	(void)state;
	fake_start(&fake);
	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)rng_next(&rng);
	fake_add(&fake, "/t", (const uint8_t *)"hello", 5);
	fake_add(&fake, "/large", data, sizeof(data) - 1);
	p = (struct problem){ 0 };
	return 0;
}

static enum status text(const char *path, uint32_t size, uint32_t *length)
{
	p = (struct problem){ 0 };
	return load_text(&fake.source, path, large, size, length, &p);
}

static void small_texts(void **state)
{
	uint32_t length;

	(void)state;
	assert_int_equal(text("/t", 6, &length), OK);
	assert_string_equal(large, "hello");
	assert_int_equal(length, 5);
	assert_problem(&p, text("/t", 5, &length), E_FILE_SIZE, "/t: 5 bytes, at most 4");
	assert_problem(&p, text("/u", 5, &length), E_FILE_MISSING, "/u");
	fake.files[0].fail_at = 1;
	assert_problem(&p, text("/t", 6, &length), E_FILE_READ, "Device Error");
	assert_int_equal(fake_open_files(&fake), 0);
}

static void more_than_one_read(void **state)
{
	uint32_t length;

	(void)state;
	assert_int_equal(text("/large", sizeof(large), &length), OK);
	assert_int_equal(length, sizeof(data) - 1);
	assert_memory_equal(large, data, sizeof(data) - 1);
	assert_int_equal(large[length], 0);
	assert_int_equal(fake.reads, 3);
	assert_int_equal(fake_open_files(&fake), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(small_texts, fresh), cmocka_unit_test_setup(more_than_one_read, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
