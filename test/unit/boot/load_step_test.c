// SPDX-License-Identifier: MIT
/* What a source in memory makes of a load: two steps, and files that stay where they are. */
#include "test/unit/boot/support.h"
#include "test/unit/boot/fake_source.h"

#include <string.h>

#include "boot/load.h"

#define DATA_BYTES (1u << 20)

static uint8_t kernel[KERNEL_BYTES], data[DATA_BYTES];
static struct fake fake;
static struct entry entry;
static struct config config;
static struct load_work work;
static struct boot_plan plan;
static struct problem p;

static int fresh(void **state)
{
	(void)state;
	fake_start_linux(&fake, kernel, &entry, &config);
	for (unsigned i = 0; i < DATA_BYTES; i++)
		data[i] = (uint8_t)(i * 7 | 1);
	p = (struct problem){ 0 };
	return 0;
}

static void add_initrd(const char *path, const uint8_t *from, uint64_t size)
{
	fake_add(&fake, path, from, size);
	strcpy(entry.initrd[entry.initrd_count++], path);
}

static enum status load(void)
{
	return load_entry(&fake.source, NULL, &entry, &config, &work, &plan, &p);
}

static uint64_t stays_at;

static uint64_t in_place(void *ctx, void *file, const struct place_request *request)
{
	(void)ctx;
	(void)request;
	return ((struct fake_file *)file)->data == (const uint8_t *)stays_at ? stays_at : 0;
}

/* An initrd that the source has where an initrd may be is neither moved nor followed by zeros. */
static void initrd_stays_in_place(void **state)
{
	uint8_t *there = (uint8_t *)(FAKE_BASE + FAKE_SIZE - (4u << 20));

	(void)state;
	stays_at = (uint64_t)there;
	memcpy(there, data, 100001);
	fake.placed[fake.placed_count++] = (struct place_range){ stays_at, 4u << 20 };
	fake.source.in_place = in_place;
	add_initrd("/initrd", there, 100001);
	assert_problem(&p, load(), OK, "");
	assert_int_equal(plan.segments[1].dest, stays_at);
	assert_true(plan.segments[1].size == 100001 && plan.segments[1].memory_size == 100001);
	assert_memory_equal(there, data, 100001);
	assert_int_equal(there[100001], 0xaa);
	/* Two files make one segment: they move. */
	fake.placed_count = 1;
	add_initrd("/more", data, 5000);
	assert_problem(&p, load(), OK, "");
	assert_true(plan.segments[1].dest != stays_at);
	assert_int_equal(plan.segments[1].memory_size % 4096, 0);
}

/* Where an initrd may not be it does not stay. */
static void initrd_too_high_is_moved(void **state)
{
	uint8_t *there = (uint8_t *)(FAKE_BASE + FAKE_SIZE - (4u << 20));

	(void)state;
	stays_at = (uint64_t)there;
	memcpy(there, data, 5000);
	fake.placed[fake.placed_count++] = (struct place_range){ stays_at, 4u << 20 };
	fake.source.in_place = in_place;
	kernel_put(kernel, 0x22c, 4, stays_at - 1);
	kernel_put(kernel, 0x236, 2, 1);
	add_initrd("/initrd", there, 5000);
	assert_problem(&p, load(), OK, "");
	assert_true(plan.segments[1].dest && plan.segments[1].dest < stays_at);
}

static uint64_t resident(void *ctx, void *file)
{
	(void)ctx;
	return (uint64_t)((struct fake_file *)file)->data;
}

/* Each segment that is one run of one file knows where to be copied from again. */
static void backup_is_what_was_read(void **state)
{
	(void)state;
	add_initrd("/initrd", data, 5000);
	assert_problem(&p, load(), OK, "");
	assert_true(!plan.segments[0].backup && !plan.segments[1].backup);
	load_release(&fake.source, &plan);
	fake.source.resident = resident;
	assert_problem(&p, load(), OK, "");
	for (unsigned i = 0; i < 2; i++)
		assert_memory_equal((const void *)plan.segments[i].backup, (const void *)plan.segments[i].dest,
				    plan.segments[i].size);
	load_release(&fake.source, &plan);
	add_initrd("/more", data, 5000);
	assert_problem(&p, load(), OK, "");
	assert_true(plan.segments[0].backup && !plan.segments[1].backup);
}

/* Nothing but the digest table is written before the second step. */
static void placing_writes_nothing(void **state)
{
	(void)state;
	add_initrd("/initrd", data, 5000);
	assert_problem(&p, load_place(&fake.source, &entry, &config, &work, &plan, &p), OK, "");
	for (unsigned i = 0; i < plan.segment_count; i++)
		for (uint64_t at = 0; at < plan.segments[i].reserved_size; at++)
			assert_int_equal(((const uint8_t *)plan.segments[i].dest)[at], 0xaa);
	assert_problem(&p, load_read(NULL, &work, &plan, &p), OK, "");
	assert_memory_equal((const void *)plan.segments[1].dest, data, 5000);
	assert_int_equal(fake_open_files(&fake), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(initrd_stays_in_place, fresh),
		cmocka_unit_test_setup(backup_is_what_was_read, fresh),
		cmocka_unit_test_setup(initrd_too_high_is_moved, fresh),
		cmocka_unit_test_setup(placing_writes_nothing, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
