// SPDX-License-Identifier: MIT
/* The pattern between generations: every changed byte is seen, every free page has its turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "kernel/pattern.h"

#define PAGE	4096ull
#define MIB	(1ull << 20)

static uint64_t memory[2 * PAGE / 8];
static struct pattern_change seen[4];
static unsigned seen_count;
static struct range ranges[128];
static struct range_list out;

static void note(void *context, const struct pattern_change *change)
{
	(void)context;
	if (seen_count < 4)
		seen[seen_count] = *change;
	seen_count++;
}

static uint64_t check(uint64_t address, uint64_t key)
{
	seen_count = 0;
	return pattern_check(memory, address, sizeof(memory), key, note, NULL);
}

static void test_untouched_is_good(void **state)
{
	(void)state;
	pattern_fill(memory, 0x5000, sizeof(memory), 42);
	assert_int_equal(check(0x5000, 42), 0);
	assert_int_equal(seen_count, 0);
	assert_int_equal(memory[3], pattern_word(42, 0x5018));
}

static void test_every_byte_is_looked_at(void **state)
{
	uint8_t *bytes = (uint8_t *)memory;

	(void)state;
	pattern_fill(memory, 0x100000, sizeof(memory), 7);
	for (unsigned i = 0; i < sizeof(memory); i++) {
		bytes[i] ^= 0x40;
		assert_int_equal(check(0x100000, 7), 1);
		assert_int_equal(seen_count, 1);
		assert_int_equal(seen[0].address, 0x100000 + i);
		assert_int_equal(seen[0].bytes, 1);
		assert_int_equal(seen[0].before, pattern_word(7, (0x100000 + i) & ~7ull));
		assert_int_equal(seen[0].before ^ seen[0].after, 0x40ull << 8 * (i % 8));
		bytes[i] ^= 0x40;
	}
}

static void test_depends_on_address_generation_and_seed(void **state)
{
	(void)state;
	pattern_fill(memory, 0x100000, sizeof(memory), pattern_key(1, 5));
	assert_true(check(0x101000, pattern_key(1, 5)) > sizeof(memory) / 2);
	assert_true(check(0x100000, pattern_key(1, 6)) > sizeof(memory) / 2);
	assert_true(check(0x100000, pattern_key(2, 5)) > sizeof(memory) / 2);
	assert_int_equal(check(0x100000, pattern_key(1, 5)), 0);
}

static const struct place_range all_memory[] = { { PAGE, 0x9e000 }, { MIB, 511 * MIB } };
/* The machine's, less what is in use. */
static const struct place_range all_free[] = { { 2 * PAGE, 0x8d000 }, { 16 * MIB, 100 * MIB }, { 200 * MIB, 300 * MIB } };
static const struct place_range placed[] = { { 116 * MIB, 4 * MIB }, { 500 * MIB, MIB } };

static struct pattern_choice choice_of(uint64_t seed, uint64_t generation)
{
	return (struct pattern_choice){ all_memory, 2, all_free, 3, placed, 2, seed, generation, false };
}

static bool choose(const struct pattern_choice *choice)
{
	range_list_init(&out, ranges, 128);
	return pattern_choose(choice, &out);
}

static void test_sample_is_free_and_large_enough(void **state)
{
	(void)state;
	for (uint64_t generation = 1; generation < 400; generation++) {
		struct pattern_choice c = choice_of(9, generation);

		assert_true(choose(&c));
		assert_true(range_total(&out) >= 4 * MIB);
		for (unsigned i = 0; i < out.count; i++) {
			uint64_t start = ranges[i].start, end = ranges[i].end;

			assert_true((start >= 2 * PAGE && end <= 0x8f000) || (start >= 16 * MIB && end <= 116 * MIB) ||
				    (start >= 200 * MIB && end <= 500 * MIB));
		}
	}
}

static void test_neighbours_and_low_memory_always(void **state)
{
	(void)state;
	for (uint64_t generation = 1; generation < 300; generation++) {
		struct pattern_choice c = choice_of(3, generation);

		choose(&c);
		assert_true(range_contains(&out, 2 * PAGE, 0x8f000));
		assert_true(range_contains(&out, 116 * MIB - 4 * PAGE, 116 * MIB));
		assert_true(range_contains(&out, 500 * MIB - 4 * PAGE, 500 * MIB));
	}
}

static void test_all_free_memory_has_its_turn(void **state)
{
	static struct range covered[512];
	struct range_list sum;
	struct pattern_choice c = choice_of(5, 0);
	unsigned windows = pattern_windows(&c);

	(void)state;
	for (uint64_t seed = 0; seed < 40; seed++) {
		range_list_init(&sum, covered, 512);
		for (uint64_t generation = 1000; generation < 1000 + windows; generation++) {
			c = choice_of(seed, generation);
			choose(&c);
			for (unsigned i = 0; i < out.count; i++)
				assert_true(range_add(&sum, ranges[i].start, ranges[i].end));
		}
		for (unsigned i = 0; i < 3; i++)
			assert_true(range_contains(&sum, all_free[i].base, all_free[i].base + all_free[i].size));
	}
	assert_in_range(windows, 100, PATTERN_WINDOWS);
}

static void test_large_memory_has_larger_windows(void **state)
{
	const struct place_range large[] = { { MIB, 64ull << 30 } };
	struct pattern_choice c = { large, 1, large, 1, NULL, 0, 1, 1, false };

	(void)state;
	assert_true(pattern_windows(&c) <= PATTERN_WINDOWS);
	assert_true(choose(&c));
	assert_true(range_total(&out) >= (64ull << 30) / PATTERN_WINDOWS);
}

static void test_all(void **state)
{
	struct pattern_choice c = choice_of(1, 1);

	(void)state;
	c.all = true;
	assert_true(choose(&c));
	assert_int_equal(range_total(&out), 0x8d000 + 400 * MIB);
	range_list_init(&out, ranges, 2);
	assert_false(pattern_choose(&c, &out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_untouched_is_good), cmocka_unit_test(test_every_byte_is_looked_at),
		cmocka_unit_test(test_depends_on_address_generation_and_seed),
		cmocka_unit_test(test_sample_is_free_and_large_enough),
		cmocka_unit_test(test_neighbours_and_low_memory_always),
		cmocka_unit_test(test_all_free_memory_has_its_turn),
		cmocka_unit_test(test_large_memory_has_larger_windows), cmocka_unit_test(test_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
