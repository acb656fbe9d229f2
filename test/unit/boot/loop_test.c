// SPDX-License-Identifier: MIT
/* What the next generation is told: its own words less what changes, everything else as it was given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "boot/loop.h"

static struct entry entry, out;
static struct config config;

static enum status next_of(const char *cmdline, uint64_t loop)
{
	struct problem problem = { .code = OK };

	memset(&entry, 0, sizeof(entry));
	strcpy(entry.id, "debian.conf");
	strcpy(entry.linux_path, "/debian/vmlinuz");
	strcpy(entry.options, "root=/dev/sda");
	entry.initrd_count = 2;
	config_init(&config);
	config.loop = loop;
	config.seed = 77;
	return loop_entry(&out, &entry, &config, cmdline, &problem);
}

static void test_counts_down(void **state)
{
	(void)state;
	assert_int_equal(next_of("baton.loop=1000 baton.console=ttyS0,115200", 1000), OK);
	assert_string_equal(out.options,
			    "baton.console=ttyS0,115200 baton.loop=999 baton.seed=77 baton.default=debian.conf");
	assert_string_equal(out.linux_path, LOOP_BATON);
	assert_int_equal(out.initrd_count, 1);
	assert_string_equal(out.initrd[0], LOOP_BUNDLE);
	assert_int_equal(out.digest_count, 0);
}

static void test_own_words_are_said_once(void **state)
{
	(void)state;
	assert_int_equal(next_of("baton.seed=1 baton.default=x* baton.gen=5 baton.loop=3", 3), OK);
	assert_string_equal(out.options, "baton.loop=2 baton.seed=77 baton.default=debian.conf");
}

static void test_tail_stays_behind(void **state)
{
	(void)state;
	assert_int_equal(next_of("  foo  baton.loop=2 --  quiet baton.loop=9", 2), OK);
	assert_string_equal(out.options,
			    "foo baton.loop=1 baton.seed=77 baton.default=debian.conf --  quiet baton.loop=9");
}

static void test_next_reads_what_was_written(void **state)
{
	struct problem problem = { .code = OK };
	struct config read;

	(void)state;
	assert_int_equal(next_of("baton.pattern=all baton.loop=2 -- quiet", 2), OK);
	config_init(&read);
	assert_int_equal(config_parse_cmdline(&read, out.options, false, &problem), OK);
	assert_int_equal(read.loop, 1);
	assert_int_equal(read.seed, 77);
	assert_true(read.pattern_all);
	assert_string_equal(read.append, "quiet");
	assert_string_equal(read.default_pattern, "debian.conf");
}

static void test_too_long(void **state)
{
	static char words[2 * CMDLINE_MAX];

	(void)state;
	memset(words, 'w', CMDLINE_MAX - 40);
	assert_int_equal(next_of(words, 2), E_CMDLINE_LENGTH);
	memset(words, 'w', CMDLINE_MAX + 10);
	assert_int_equal(next_of(words, 2), E_CMDLINE_LENGTH);
	memset(words, 0, sizeof(words));
	memset(words, 'w', CMDLINE_MAX - 80);
	assert_int_equal(next_of(words, 2), OK);
}

static void test_places_keep_the_request(void **state)
{
	static const struct place_range free[] = { { 0x1000, 0x9e000 }, { 0x100000, 30 << 20 }, { 64 << 20, 400 << 20 },
						   { 1ull << 32, 1ull << 32 } };
	struct place_request request = { .kind = PLACE_KERNEL, .size = 0x110000, .align = 2 << 20, .min = 16 << 20,
					 .max = 1ull << 46 };
	uint64_t last = 0, different = 0;

	(void)state;
	for (uint64_t turn = 0; turn < 500; turn++) {
		uint64_t at = loop_place(free, 4, &request, 99, turn);

		assert_true((at >= (16 << 20) && at + request.size <= (23 << 20)) ||
			    (at >= (72 << 20) && at + request.size <= (456 << 20)));
		assert_int_equal(at % request.align, 0);
		assert_int_equal(at, loop_place(free, 4, &request, 99, turn));
		different += at != last;
		last = at;
	}
	assert_true(different > 450);
	request.size = 1 << 30;
	request.max = 1ull << 32;
	assert_int_equal(loop_place(free, 4, &request, 99, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places_keep_the_request),
		cmocka_unit_test(test_counts_down), cmocka_unit_test(test_own_words_are_said_once),
		cmocka_unit_test(test_tail_stays_behind), cmocka_unit_test(test_next_reads_what_was_written),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
