// SPDX-License-Identifier: MIT
/* The image's string functions against libc's: every small length and overlap, random texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int libc_memcmp(const void *a, const void *b, size_t n) { return memcmp(a, b, n); }
static int libc_strncmp(const char *a, const char *b, size_t n) { return strncmp(a, b, n); }
static const char *libc_strchr(const char *s, int c) { return strchr(s, c); }
static size_t libc_strnlen(const char *s, size_t n) { return strnlen(s, n); }
static void libc_memmove(void *to, const void *from, size_t n) { memmove(to, from, n); }

#include "string_renamed.h"
#include "lib/string.h"

#define AREA	80u

static void fill(uint8_t *area)
{
	for (unsigned i = 0; i < AREA; i++)
		area[i] = (uint8_t)(i * 7 + 1);
}

/* Both areas start alike, so a byte written outside of the destination shows, too. */
static void moves_with_every_overlap(void **state)
{
	uint8_t ours[AREA], theirs[AREA];

	(void)state;
	for (unsigned from = 0; from <= 40; from++)
		for (unsigned to = 0; to <= 40; to++)
			for (unsigned n = 0; n <= 40; n++) {
				fill(ours);
				fill(theirs);
				assert_ptr_equal(memmove(ours + to, ours + from, n), ours + to);
				libc_memmove(theirs + to, theirs + from, n);
				assert_int_equal(libc_memcmp(ours, theirs, AREA), 0);
			}
}

static void copies_and_fills(void **state)
{
	(void)state;
	for (unsigned at = 0; at < 9; at++)
		for (unsigned n = 0; n <= 70; n++) {
			uint8_t source[AREA], area[AREA] = { 0 };

			fill(source);
			assert_ptr_equal(memcpy(area + at, source, n), area + at);
			for (unsigned i = 0; i < AREA; i++)
				assert_int_equal(area[i], i >= at && i < at + n ? source[i - at] : 0);
			assert_ptr_equal(memset(area + at, 0x1a5, n), area + at);
			for (unsigned i = 0; i < AREA; i++)
				assert_int_equal(area[i], i >= at && i < at + n ? 0xa5 : 0);
		}
}

static int sign(int v)
{
	return (v > 0) - (v < 0);
}

static void comparisons_and_searches(void **state)
{
	unsigned seed = 10;

	(void)state;
	for (int round = 0; round < 50000; round++) {
		char a[8], b[8];
		size_t n = rand_r(&seed) % 8;
		int wanted = "ab\xff"[rand_r(&seed) % 4];

		for (unsigned i = 0; i < 7; i++) {
			a[i] = "ab\xff"[rand_r(&seed) % 4];
			b[i] = rand_r(&seed) % 4 ? a[i] : "ab\xff"[rand_r(&seed) % 4];
		}
		a[7] = b[7] = '\0';
		assert_int_equal(sign(memcmp(a, b, n)), sign(libc_memcmp(a, b, n)));
		assert_int_equal(sign(strncmp(a, b, n)), sign(libc_strncmp(a, b, n)));
		assert_int_equal(sign(strcmp(a, b)), sign(libc_strncmp(a, b, 8)));
		assert_int_equal(strlen(a), libc_strnlen(a, 8));
		assert_int_equal(strnlen(a, n), libc_strnlen(a, n));
		assert_ptr_equal(strchr(a, wanted), libc_strchr(a, wanted));
	}
}

static void bounded_functions_stop(void **state)
{
	char *text = malloc(3);

	(void)state;
	memset(text, 'a', 3);
	assert_int_equal(strnlen(text, 3), 3);
	assert_int_equal(strncmp(text, "aaab", 3), 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moves_with_every_overlap),
		cmocka_unit_test(copies_and_fills),
		cmocka_unit_test(comparisons_and_searches),
		cmocka_unit_test(bounded_functions_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
