// SPDX-License-Identifier: MIT
#include "test/unit/boot/support.h"

#include <string.h>

#include "boot/select.h"

static struct config c;
static struct problem p;
static struct entry entries[4];
static struct entry *list[4] = { &entries[0], &entries[1], &entries[2], &entries[3] };

static int fresh(void **state)
{
	static const char *const ids[] = { "debian-6.1.conf", "debian-5.10.conf", "Rescue.conf", "broken.conf" };

	(void)state;
	config_init(&c);
	p = (struct problem){ 0 };
	for (unsigned i = 0; i < 4; i++)
		strcpy(entries[i].id, ids[i]);
	return 0;
}

static void globs(void **state)
{
	static const struct { const char *pattern, *text; bool matches; } cases[] = {
		{ "", "", true }, { "", "a", false }, { "*", "", true }, { "*", "abc", true }, { "a*", "abc", true },
		{ "*c", "abc", true }, { "*b", "abc", false }, { "a?c", "abc", true }, { "a?c", "ac", false },
		{ "?", "", false }, { "a*b*c", "a1b2b3c", true }, { "a*b*c", "a1c2b", false }, { "**a**", "bab", true },
		{ "[a-c]x", "Bx", true }, { "[a-c]x", "dx", false }, { "[!a-c]x", "dx", true },
		{ "[^a-c]x", "ax", false },
		{ "[]a]", "]", true }, { "[a-]", "-", true }, { "[a", "[a", true }, { "[a", "a", false },
		{ "\\*", "*", true }, { "\\*", "a", false }, { "a\\", "a\\", true }, { "ABC", "abc", true },
		{ "abc", "abcd", false }, { "abcd", "abc", false }, { "*.conf", "x.conf", true },
		{ "*ab*ab*ab*", "abab", false }, { "*aab", "aaab", true },
	};
	char text[3000];

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (select_glob_match(cases[i].pattern, cases[i].text) != cases[i].matches)
			fail_msg("%s on %s", cases[i].pattern, cases[i].text);
	/* Exponential in a naive matcher. */
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_false(select_glob_match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
}

/* The straightforward recursive definition, without sets. */
static bool model(const char *pattern, const char *text)
{
	if (!*pattern)
		return !*text;
	if (*pattern == '*')
		return model(pattern + 1, text) || (*text && model(pattern, text + 1));
	return *text && (*pattern == '?' || *pattern == *text) && model(pattern + 1, text + 1);
}

static void globs_against_a_model(void **state)
{
	struct rng rng = { 0x676c6f62 };
	unsigned matched = 0;

	(void)state;
	for (unsigned round = 0; round < 50000; round++) {
		char pattern[8], text[8];
		unsigned n = (unsigned)rng_below(&rng, 7), m = (unsigned)rng_below(&rng, 7);

		for (unsigned i = 0; i < n; i++)
			pattern[i] = "ab*?"[rng_below(&rng, 4)];
		for (unsigned i = 0; i < m; i++)
			text[i] = "ab"[rng_below(&rng, 2)];
		pattern[n] = text[m] = '\0';
		matched += model(pattern, text);
		if (select_glob_match(pattern, text) != model(pattern, text))
			fail_msg("%s on %s", pattern, text);
	}
	assert_true(matched > 1000);
}

static unsigned chosen(const char *pattern, const char *oneshot, const char *saved)
{
	unsigned index = 99;

	strcpy(c.default_pattern, pattern);
	p = (struct problem){ 0 };
	assert_int_equal(select_default(&c, list, 4, oneshot, saved, &index, &p), OK);
	return index;
}

static void defaults(void **state)
{
	(void)state;
	assert_int_equal(chosen("", NULL, NULL), 0);
	assert_int_equal(chosen("debian-*", NULL, NULL), 0);
	assert_int_equal(chosen("debian-5*", NULL, NULL), 1);
	assert_int_equal(chosen("debian-5.10", NULL, NULL), 1);
	assert_int_equal(chosen("rescue.conf", "", ""), 2);
	assert_int_equal(chosen("@saved", NULL, "rescue.conf"), 2);
	assert_int_equal(p.code, OK);
	assert_int_equal(chosen("@saved", NULL, NULL), 0);
	assert_int_equal(p.code, OK);
	assert_int_equal(chosen("@saved", NULL, "gone.conf"), 0);
	assert_problem(&p, p.code, E_NO_SUCH_ENTRY, "gone.conf");
	assert_int_equal(chosen("rescue", "debian-5.10.conf", "broken"), 1);
	assert_int_equal(chosen("rescue", "gone", NULL), 2);
	assert_problem(&p, p.code, E_NO_SUCH_ENTRY, "gone");
	assert_int_equal(chosen("nothing*", NULL, NULL), 0);
	assert_problem(&p, p.code, E_NO_SUCH_ENTRY, "nothing*");
}

/* What a pattern means must be startable; what a name means is told why it is not. */
static void unusable_entries(void **state)
{
	(void)state;
	entries[0].unusable = true;
	assert_int_equal(chosen("debian-*", NULL, NULL), 1);
	assert_int_equal(chosen("*-6.1*", NULL, NULL), 0);
	assert_problem(&p, p.code, E_NO_SUCH_ENTRY, "*-6.1*");
	assert_int_equal(chosen("debian-6.1", NULL, NULL), 0);
	assert_int_equal(p.code, OK);
	entries[0].unusable = false;
}

static void no_entries_is_said(void **state)
{
	unsigned index;

	(void)state;
	assert_problem(&p, select_default(&c, list, 0, NULL, NULL, &index, &p), E_NO_ENTRIES, "no boot entries");
}

#define DOOR 990u	/* ms */

static void timer(void **state)
{
	struct menu_timer t;

	(void)state;
	c.timeout_s = 3;
	menu_timer_start(&t, &c, false, DOOR, 1000);
	assert_true(t.visible);
	assert_int_equal(menu_timer_seconds(&t, 1000), 3);
	assert_int_equal(menu_timer_seconds(&t, 1001), 3);
	assert_int_equal(menu_timer_seconds(&t, 3999), 1);
	assert_int_equal(menu_timer_poll(&t, 3999), MENU_WAIT);
	assert_int_equal(menu_timer_poll(&t, 4000), MENU_BOOT);
	assert_int_equal(menu_timer_seconds(&t, 5000), 0);
	menu_timer_key(&t);
	assert_int_equal(menu_timer_poll(&t, ~0ull), MENU_WAIT);
	assert_int_equal(menu_timer_seconds(&t, 1000), 0);

	c.timeout_s = 0;
	menu_timer_start(&t, &c, false, DOOR, 1000);
	assert_false(t.visible);
	assert_int_equal(menu_timer_poll(&t, DOOR + SELECT_PROBE_MS - 1), MENU_WAIT);
	assert_int_equal(menu_timer_poll(&t, DOOR + SELECT_PROBE_MS), MENU_BOOT);
	menu_timer_key(&t);
	assert_true(t.visible);
	assert_int_equal(menu_timer_poll(&t, ~0ull), MENU_WAIT);

	c.timeout_s = 9;
	c.menu = MENU_HIDDEN;
	menu_timer_start(&t, &c, false, DOOR, 0);
	assert_false(t.visible);
	assert_int_equal(menu_timer_poll(&t, DOOR + SELECT_PROBE_MS), MENU_BOOT);
	c.menu = MENU_DISABLED;
	menu_timer_start(&t, &c, false, DOOR, 1000);
	assert_false(t.visible);
	assert_int_equal(t.deadline_ms, 0);
	assert_int_equal(menu_timer_poll(&t, 1000), MENU_BOOT);
	menu_timer_start(&t, &c, true, DOOR, 1000);
	assert_true(t.visible);
	c.menu = MENU_FORCE;
	menu_timer_start(&t, &c, false, DOOR, 0);
	assert_true(t.visible);
	assert_int_equal(menu_timer_poll(&t, ~0ull), MENU_WAIT);
	c.menu = MENU_HIDDEN;
	menu_timer_start(&t, &c, true, DOOR, 0);
	assert_true(t.visible);
	assert_int_equal(menu_timer_poll(&t, ~0ull), MENU_WAIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(globs), cmocka_unit_test(globs_against_a_model),
		cmocka_unit_test_setup(defaults, fresh),
		cmocka_unit_test_setup(unusable_entries, fresh),
		cmocka_unit_test_setup(no_entries_is_said, fresh), cmocka_unit_test_setup(timer, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
