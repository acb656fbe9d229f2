// SPDX-License-Identifier: MIT
/* Lines for a photograph: never wider than 80, never more than nine, words whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/panel.h"

static struct panel_facts facts(const char *text)
{
	return (struct panel_facts){
		.code = 81, .text = text, .where = "in the block", .entry = "debian.conf", .version = "0.1",
		.commit = "0123456789ab", .vendor = "QEMU", .product = "Standard PC", .bios = "2022.11",
		.generation = 1, .us = 3204567,
	};
}

static void check_shape(const struct panel *p)
{
	assert_in_range(p->count, 1, PANEL_ROWS);
	for (unsigned i = 0; i < p->count; i++)
		assert_in_range(strnlen(p->lines[i], PANEL_COLUMNS + 1), 1, PANEL_COLUMNS);
}

static void a_failure(void **state)
{
	struct panel_facts f = facts("segment kernel chunk 3 at 0x1900000 differs from what was read, first bad page "
				     "0x19e5000");
	struct panel p;

	(void)state;
	panel_make(&p, &f);
	check_shape(&p);
	assert_string_equal(p.lines[0], "======== Baton stopped: E81 ========");
	assert_string_equal(p.lines[1], "segment kernel chunk 3 at 0x1900000 differs from what was read, first bad page");
	assert_string_equal(p.lines[2], "0x19e5000");
	assert_string_equal(p.lines[3], "entry debian.conf");
	assert_string_equal(p.lines[4], "Baton 0.1 0123456789ab, in the block, 3.204 s after the door");
	assert_string_equal(p.lines[5], "QEMU Standard PC, firmware 2022.11");
	f.generation = 417;
	f.seed = 77;
	panel_make(&p, &f);
	assert_string_equal(p.lines[3], "entry debian.conf, generation 417, seed 77");
}

static void longest_texts(void **state)
{
	char text[400], field[128];
	struct panel_facts f = facts(text);
	struct panel p;

	(void)state;
	memset(field, 'f', sizeof(field));
	field[127] = 0;
	f.entry = f.version = f.commit = f.vendor = f.product = f.bios = field;
	f.generation = f.seed = f.us = UINT64_MAX;
	for (unsigned length = 0; length < sizeof(text); length++) {
		for (unsigned blank = 1; blank < 500; blank += 11) {
			for (unsigned i = 0; i < length; i++)
				text[i] = i % blank == 0 ? ' ' : 'x';
			text[length] = 0;
			panel_make(&p, &f);
			check_shape(&p);
		}
	}
	assert_string_equal(p.lines[4] + strlen(p.lines[4]) - 3, "...");
}

static void line_of(char line[PANEL_COLUMNS + 1], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	panel_line(line, format, arguments);
	va_end(arguments);
}

static void padding(void **state)
{
	char line[PANEL_COLUMNS + 1], full[PANEL_COLUMNS + 1];

	(void)state;
	line_of(line, "Restart in %u s.", 9u);
	assert_int_equal(strlen(line), PANEL_COLUMNS);
	assert_int_equal(strspn(line + 15, " "), PANEL_COLUMNS - 15);
	line_of(full, "%s", line);
	assert_string_equal(full, line);
	line_of(full, "%sand more", line);
	assert_int_equal(strlen(full), PANEL_COLUMNS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failure), cmocka_unit_test(longest_texts), cmocka_unit_test(padding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
