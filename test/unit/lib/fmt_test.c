// SPDX-License-Identifier: MIT
/* fmt against the host's snprintf: chosen cases, then random directives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/fmt.h"


#define SAME(...)								\
	do {									\
		char ours_[128], theirs_[128];					\
		int n_ = fmt_snprint(ours_, sizeof(ours_), __VA_ARGS__);	\
		int m_ = snprintf(theirs_, sizeof(theirs_), __VA_ARGS__);	\
		assert_string_equal(ours_, theirs_);				\
		assert_int_equal(n_, m_);					\
	} while (0)

static void chosen_cases(void **state)
{
	(void)state;
	SAME("plain");
	SAME("%s|%5s|%-5s|%.2s|%-6.3s|%.0s|%2s", "abc", "abc", "abc", "abc", "abcdef", "abc", "abc");
	SAME("%.*s|%*d|%-*d|%*d", 2, "abc", 5, 42, 5, 42, -5, 42);
	SAME("%c%3c%-3c|", 'a', 'b', 'c');
	SAME("%d %i %d %d", 0, -1, INT32_MAX, INT32_MIN);
	SAME("%ld %lld %ld", -1l, INT64_MIN, INT64_MAX);
	SAME("%u %lu %llu %zu", UINT32_MAX, UINT64_MAX, 0ull, (size_t)7);
	SAME("%x %X %08x %8x %-8x| %016lx", 0xbeef, 0xbeef, 0xbeef, 0xbeef, 0xbeef, UINT64_MAX);
	SAME("%05d %-05d| %05d", -42, -42, 42);
	SAME("%hhu %hhd %hu %hd %hhx", 511, 255, 65537, 65535, -1);
	SAME("%zd", (ssize_t)-3);
	SAME("100%%");
	SAME("%p", (void *)0x1234);
}

static void null_string(void **state)
{
	char *volatile nothing = NULL;
	char to[16];

	(void)state;
	fmt_snprint(to, sizeof(to), "%s", nothing);
	assert_string_equal(to, "(null)");
}

static void precision_bounds_the_read(void **state)
{
	char *unterminated = malloc(3);
	char to[8];

	(void)state;
	memcpy(unterminated, "abc", 3);
	fmt_snprint(to, sizeof(to), "%.3s", unterminated);
	assert_string_equal(to, "abc");
	free(unterminated);
}

static void unknown_conversions_are_copied(void **state)
{
	char to[32];

	(void)state;
	fmt_snprint(to, sizeof(to), "%f %5q %d", 3);
	assert_string_equal(to, "%f %5q 3");
	fmt_snprint(to, sizeof(to), "end%");
	assert_string_equal(to, "end%");
	fmt_snprint(to, sizeof(to), "end%-08l");
	assert_string_equal(to, "end%-08l");
}

static void cut_text_is_terminated(void **state)
{
	(void)state;
	for (size_t size = 0; size < 8; size++) {
		char *to = malloc(size + 1);

		to[size] = '!';
		assert_int_equal(fmt_snprint(to, size, "ab%d", 345), 5);
		if (size)
			assert_int_equal(strlen(to), size - 1 < 5 ? size - 1 : 5);
		assert_int_equal(to[size], '!');
		free(to);
	}
}

static void random_directives(void **state)
{
	static const char flags[][3] = { "", "-", "0", "-0", "0-" };
	static const char lengths[][3] = { "", "l", "ll", "z", "h", "hh" };
	static const char letters[] = "duxXi";
	unsigned seed = 1;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		char format[32];
		uint64_t v = (uint64_t)rand_r(&seed) << 40 ^ (uint64_t)rand_r(&seed) << 20 ^ rand_r(&seed);
		const char *length = lengths[rand_r(&seed) % 6];
		int width = rand_r(&seed) % 30;

		v >>= rand_r(&seed) % 64;
		if (rand_r(&seed) % 2)
			v = -v;
		snprintf(format, sizeof(format), "<%%%s%.*d%s%c>", flags[rand_r(&seed) % 5], width != 0, width, length,
			 letters[rand_r(&seed) % 5]);
		if (*length == 'l' || *length == 'z')
			SAME(format, v);
		else
			SAME(format, (unsigned)v);
	}
}

static void random_formats_stay_in_the_buffer(void **state)
{
	static const char soup[] = "%%%%%%dsxXcup*.-0159lhzq a";
	unsigned seed = 2;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		char format[24], *to;
		size_t size = rand_r(&seed) % 40;
		int n = rand_r(&seed) % (sizeof(format) - 1);

		for (int k = 0; k < n; k++)
			format[k] = soup[rand_r(&seed) % (sizeof(soup) - 1)];
		format[n] = '\0';
		for (char *c = format; *c; c++)		/* an int is no string: %s only with a bounded argument */
			if (*c == 's')
				*c = 'd';
		to = malloc(size);
		fmt_snprint(to, size, format, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3);
		if (size)
			assert_non_null(memchr(to, '\0', size));
		free(to);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chosen_cases),
		cmocka_unit_test(null_string),
		cmocka_unit_test(precision_bounds_the_read),
		cmocka_unit_test(unknown_conversions_are_copied),
		cmocka_unit_test(cut_text_is_terminated),
		cmocka_unit_test(random_directives),
		cmocka_unit_test(random_formats_stay_in_the_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
