// SPDX-License-Identifier: MIT
/* Digests in place, their chain, and the copy. Two segments of which the first has two chunks and a zero tail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/crc32.h"
#include "lib/sha256.h"
#include "purgatory/copy.h"
#include "purgatory/verify.h"
#include "test/unit/purgatory/stray.h"
#include "x86/cpu.h"

#define BIG	(CHUNK_BYTES + 10000u)
#define TAIL	5001u
#define SMALL	77u

static struct {
	struct block_header header;
	struct plan plan;
	uint32_t cpus[3];
	struct block_range ranges[BLOCK_RANGES + 1];
} block;
static struct chunk_digest table[3];
static uint8_t *big, *small, low[PAGE_BYTES];		/* low: at address 0 */

void *twin_cpu_phys_pointer(uint64_t phys)
{
	return phys < sizeof(low) ? low + phys : (void *)(uintptr_t)phys;
}

/* With what the header says, whatever that is: all of it inside the block. */
static void seal_header(void)
{
	const uint8_t *base = (const uint8_t *)&block;
	struct block_header *h = &block.header;

	assert_true(h->cpu_list_offset + 4 * h->cpu_count <= sizeof(block));
	assert_true(h->plan_offset + h->plan_size <= sizeof(block));
	assert_true(h->range_offset + h->range_count * sizeof(struct block_range) <= sizeof(block));
	sha256_compute(h->plan_sha256, base + h->plan_offset, h->plan_size);
	h->crc32 = 0;
	h->crc32 = crc32(crc32(0, h, sizeof(*h)), base + h->cpu_list_offset, 4 * h->cpu_count);
	h->crc32 = crc32(h->crc32, base + h->range_offset, h->range_count * sizeof(struct block_range));
}

static void seal(void)
{
	sha256_compute(block.plan.digest_table_sha256, table, sizeof(table));
	sha256_compute(block.header.plan_sha256, &block.plan, sizeof(block.plan));
	block.header.crc32 = 0;
	block.header.crc32 = crc32(crc32(0, &block.header, sizeof(block.header)), block.cpus, sizeof(block.cpus));
}

static int setup(void **state)
{
	uint32_t i;

	(void)state;
	big = malloc(BIG + TAIL);
	small = malloc(SMALL);
	for (i = 0; i < BIG; i++)
		big[i] = (uint8_t)(i * 2654435761u >> 24);
	memset(big + BIG, 0, TAIL);
	memset(small, 7, SMALL);
	memset(&block, 0, sizeof(block));
	chunk_digest_compute(&table[0], big, CHUNK_BYTES);
	chunk_digest_compute(&table[1], big + CHUNK_BYTES, BIG - CHUNK_BYTES);
	chunk_digest_compute(&table[2], small, SMALL);
	block.plan.digest_table = (uintptr_t)table;
	block.plan.digest_count = 3;
	block.plan.segment_count = 2;
	block.plan.segments[0] = (struct plan_segment){ .dest = (uintptr_t)big, .size = BIG,
							.memory_size = BIG + TAIL };
	block.plan.segments[1] = (struct plan_segment){ .first_chunk = 2, .dest = (uintptr_t)small, .size = SMALL,
							.memory_size = SMALL };
	block.header = (struct block_header){ .magic = BLOCK_MAGIC, .cpu_count = 3,
		.cpu_list_offset = offsetof(typeof(block), cpus), .plan_offset = offsetof(typeof(block), plan),
		.plan_size = sizeof(struct plan) };
	seal();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(big);
	free(small);
	return 0;
}

static void test_locate(void **state)
{
	struct verify_chunk c;

	(void)state;
	assert_true(verify_locate(&block.plan, 0, &c));
	assert_int_equal(c.address, (uintptr_t)big);
	assert_int_equal(c.bytes, CHUNK_BYTES);
	assert_true(verify_locate(&block.plan, 1, &c));
	assert_int_equal(c.address, (uintptr_t)big + CHUNK_BYTES);
	assert_int_equal(c.bytes, BIG - CHUNK_BYTES);
	assert_int_equal(c.segment, 0);
	assert_true(verify_locate(&block.plan, 2, &c));
	assert_int_equal(c.address, (uintptr_t)small);
	assert_int_equal(c.bytes, SMALL);
	assert_int_equal(c.segment, 1);
	assert_false(verify_locate(&block.plan, 3, &c));
	block.plan.digest_count = 2;		/* nor one that the table has not */
	assert_false(verify_locate(&block.plan, 2, &c));
	block.plan.digest_count = 4;		/* a chunk that no segment has */
	assert_false(verify_locate(&block.plan, 3, &c));
}

static void test_good(void **state)
{
	uint8_t actual[32];
	uint32_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		assert_true(verify_chunk(&block.plan, i, actual));
		assert_int_equal(verify_bad_page(&block.plan, i), 0);
	}
	assert_true(verify_table(&block.plan));
	assert_true(verify_plan(&block.header));
	assert_int_equal(verify_tail(&block.plan.segments[0]), 0);
	assert_int_equal(verify_tail(&block.plan.segments[1]), 0);
}

/* A header that was hit must not lead the check itself astray: its checksum is right here, its figures cannot be. */
static void test_header_that_points_elsewhere(void **state)
{
	struct block_header *h = &block.header;
	const struct block_header good = *h;

	(void)state;
#define SEALED(change) (*h = good, change, seal_header(), verify_plan(h))
	assert_true(SEALED((void)0));
	assert_true(SEALED((h->range_count = BLOCK_RANGES, h->range_offset = offsetof(typeof(block), ranges))));
	assert_false(SEALED((h->range_count = BLOCK_RANGES + 1, h->range_offset = offsetof(typeof(block), ranges))));
	assert_false(SEALED(h->magic ^= 1));
	assert_false(SEALED((h->plan_offset += 8, h->cpu_list_offset += 8)));
	assert_false(SEALED((h->plan_size -= 8, h->cpu_list_offset -= 8)));
	assert_false(SEALED(h->plan_offset += 8));
	assert_false(SEALED(h->plan_size -= 8));
	assert_false(SEALED(h->cpu_list_offset += 4));
	assert_false(SEALED((h->range_count = 1, h->range_offset = 8)));
#undef SEALED
	catch_faults();				/* of these nothing is read */
	*h = good;
	h->cpu_list_offset = 0x40000000;
	assert_false(verify_plan(h));
	*h = good;
	h->cpu_count = UINT32_MAX;
	assert_false(verify_plan(h));
	*h = good;
	h->range_count = 1;
	h->range_offset = 0x40000000;
	assert_false(verify_plan(h));
}

static void test_copy_of_one_chunk(void **state)
{
	uint8_t *backup = malloc(BIG), actual[32];

	(void)state;
	memcpy(backup, big, BIG);
	assert_false(copy_chunk(&block.plan, 2));		/* no backup */
	block.plan.segments[0].backup = (uintptr_t)backup;
	assert_false(copy_chunk(&block.plan, 3));		/* no chunk */
	big[0] ^= 1;
	big[BIG - 1] ^= 1;
	big[CHUNK_BYTES] ^= 1;
	assert_false(verify_chunk(&block.plan, 1, actual));
	assert_true(copy_chunk(&block.plan, 1));
	assert_true(verify_chunk(&block.plan, 1, actual));
	assert_false(verify_chunk(&block.plan, 0, actual));	/* not asked for */
	assert_int_equal(big[BIG], 0);
	free(backup);
}

static void test_first_line(void **state)
{
	uint8_t a[40], b[40];
	uint32_t i;

	(void)state;
	memset(a, 3, sizeof(a));
	memset(b, 3, sizeof(b));
	assert_int_equal(verify_first_line(a, b, 40), 40);
	for (i = 0; i < 40; i++) {
		b[39] ^= 1;
		b[i] ^= 2;
		assert_int_equal(verify_first_line(a, b, 40), i / VERIFY_LINE * VERIFY_LINE);
		b[i] ^= 2;
		b[39] ^= 1;
	}
}

static void test_mismatch_names_chunk_and_page(void **state)
{
	uint8_t actual[32], expected[32];

	(void)state;
	big[CHUNK_BYTES + PAGE_BYTES] ^= 0x80;
	big[CHUNK_BYTES + 2 * PAGE_BYTES] ^= 1;
	assert_true(verify_chunk(&block.plan, 0, actual));
	assert_false(verify_chunk(&block.plan, 1, actual));
	sha256_compute(expected, big + CHUNK_BYTES, BIG - CHUNK_BYTES);
	assert_memory_equal(actual, expected, 32);
	assert_int_equal(verify_bad_page(&block.plan, 1), (uintptr_t)big + CHUNK_BYTES + PAGE_BYTES);
	assert_int_equal(verify_bad_page(&block.plan, 0), 0);
}

static void test_last_byte_of_a_segment(void **state)
{
	uint8_t actual[32];

	(void)state;
	small[SMALL - 1] ^= 1;
	assert_false(verify_chunk(&block.plan, 2, actual));
	assert_int_equal(verify_bad_page(&block.plan, 2), (uintptr_t)small);
}

static void test_every_tail_byte(void **state)
{
	static const uint32_t at[] = { 0, 1, 7, 8, 9, 4096, TAIL - 8, TAIL - 1 };
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		big[BIG + at[i]] = 1;
		assert_int_equal(verify_tail(&block.plan.segments[0]), (uintptr_t)big + BIG + at[i]);
		big[BIG + at[i]] = 0;
	}
}

static void test_chain(void **state)
{
	(void)state;
	table[1].page_crc32c[0] ^= 1;
	assert_false(verify_table(&block.plan));
	table[1].page_crc32c[0] ^= 1;
	block.plan.entry ^= 1;
	assert_false(verify_plan(&block.header));
	block.plan.entry ^= 1;
	block.cpus[2] ^= 1;
	assert_false(verify_plan(&block.header));
	block.cpus[2] ^= 1;
	block.header.generation ^= 1;
	assert_false(verify_plan(&block.header));
	block.header.generation ^= 1;
	assert_true(verify_plan(&block.header));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_locate), T(test_good), T(test_header_that_points_elsewhere),
		T(test_copy_of_one_chunk), T(test_first_line),
		T(test_mismatch_names_chunk_and_page), T(test_last_byte_of_a_segment),
		T(test_every_tail_byte), T(test_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
