// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lib/date.h"

/* Every day for 500 years, against libc. */
static void against_libc(void **state)
{
	(void)state;
	for (uint64_t day = 0; day < 500 * 365; day++) {
		uint64_t seconds = day * 86400 + day * 7919 % 86400;
		time_t t = (time_t)seconds;
		struct tm tm;
		struct date d;

		gmtime_r(&t, &tm);
		date_from_seconds(seconds, &d);
		assert_int_equal(d.year, tm.tm_year + 1900);
		assert_int_equal(d.month, tm.tm_mon + 1);
		assert_int_equal(d.day, tm.tm_mday);
		assert_int_equal(d.hour * 3600 + d.minute * 60 + d.second, seconds % 86400);
		assert_int_equal(date_to_seconds(&d), seconds);
	}
}

static void not_dates(void **state)
{
	static const struct date bad[] = {
		{ 1969, 12, 31, 0, 0, 0 }, { 10000, 1, 1, 0, 0, 0 }, { 2026, 0, 1, 0, 0, 0 }, { 2026, 13, 1, 0, 0, 0 },
		{ 2026, 2, 29, 0, 0, 0 }, { 2100, 2, 29, 0, 0, 0 }, { 2026, 4, 31, 0, 0, 0 }, { 2026, 4, 0, 0, 0, 0 },
		{ 2026, 1, 1, 24, 0, 0 }, { 2026, 1, 1, 0, 60, 0 }, { 2026, 1, 1, 0, 0, 60 },
		{ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(date_to_seconds(&bad[i]), 0);
	assert_true(date_to_seconds(&(struct date){ 2024, 2, 29, 0, 0, 0 }));
	assert_true(date_to_seconds(&(struct date){ 2000, 2, 29, 0, 0, 0 }));
}

static void any_number_is_some_date(void **state)
{
	char text[DATE_TEXT_BYTES];

	(void)state;
	date_text(text, sizeof(text), UINT64_MAX);
	assert_string_equal(text, "9999-12-31 07:00:15");
	date_text(text, sizeof(text), 1795256036);
	assert_string_equal(text, "2026-11-21 10:13:56");
	date_text(text, sizeof(text), 0);
	assert_string_equal(text, "1970-01-01 00:00:00");
}

static void ago(void **state)
{
	static const struct { uint64_t past; const char *text; } cases[] = {
		{ 0, "0 seconds ago" }, { 1, "1 second ago" }, { 119, "119 seconds ago" }, { 120, "2 minutes ago" },
		{ 7199, "119 minutes ago" }, { 7200, "2 hours ago" }, { 2 * 86400 - 1, "47 hours ago" },
		{ 2 * 86400, "2 days ago" }, { 400 * 86400, "400 days ago" },
	};
	char text[DATE_AGO_BYTES];

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		date_ago(text, sizeof(text), 1000, 1000 + cases[i].past);
		assert_string_equal(text, cases[i].text);
	}
	date_ago(text, sizeof(text), 1001, 1000);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(against_libc), cmocka_unit_test(not_dates), cmocka_unit_test(any_number_is_some_date),
		cmocka_unit_test(ago),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
