// SPDX-License-Identifier: MIT
#include "test/unit/boot/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot/entry.h"

#define HEX "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

static struct entry e;
static struct problem p;

static int fresh(void **state)
{
	(void)state;
	p = (struct problem){ 0 };
	return 0;
}

static enum status parse_as(struct entry *entry, const char *name, const char *text)
{
	return entry_parse(entry, name, text, strlen(text), &p);
}

static enum status parse(const char *text)
{
	return parse_as(&e, "x.conf", text);
}

static void whole_entry(void **state)
{
	struct config c;

	(void)state;
	assert_problem(&p, parse("# Debian\n"
				 "title        Debian GNU/Linux \xc3\xa9\n"
				 "version      6.1.0-49\n"
				 "machine-id   6a9857a393724b7a981ebb5b8495b9ea\n"
				 "sort-key     debian\n"
				 "architecture X64\n"
				 "linux        //6.1/.\\vmlinuz\n"
				 "initrd       /6.1/microcode\n"
				 "initrd       6.1/initrd.img\n"
				 "options      root=/dev/sda1  ro\n"
				 "options      quiet\n"
				 "options\n"
				 "devicetree   /x.dtb\n"
				 "baton-park   mix\n"
				 "baton-on-failure fallback other\n"
				 "baton-sha256 " HEX "  6.1/vmlinuz\n"
				 "baton-sha256 " HEX " */6.1/initrd.img\n"), OK, "");
	assert_string_equal(e.title, "Debian GNU/Linux \xc3\xa9");
	assert_string_equal(e.version, "6.1.0-49");
	assert_string_equal(e.machine_id, "6a9857a393724b7a981ebb5b8495b9ea");
	assert_string_equal(e.sort_key, "debian");
	assert_string_equal(e.linux_path, "/6.1/vmlinuz");
	assert_int_equal(e.initrd_count, 2);
	assert_string_equal(e.initrd[0], "/6.1/microcode");
	assert_string_equal(e.initrd[1], "/6.1/initrd.img");
	assert_string_equal(e.options, "root=/dev/sda1  ro quiet");
	assert_int_equal(e.digest_count, 2);
	assert_int_equal(entry_find_digest(&e, "/6.1/vmlinuz")[1], 0x11);
	assert_int_equal(entry_find_digest(&e, "/6.1/initrd.img")[31], 0xff);
	assert_null(entry_find_digest(&e, "/6.1/microcode"));
	assert_int_equal(entry_check_startable(&e, &p), OK);
	config_init(&c);
	c.init = INIT_HOLD;
	entry_apply_policy(&e, &c);
	assert_int_equal(c.park, PARK_MIX);
	assert_int_equal(c.on_failure, ON_FAILURE_FALLBACK);
	assert_string_equal(c.fallback_id, "other");
	assert_int_equal(c.init, INIT_HOLD);
}

/* Initrds with a command line of their own, for systems that tell their files apart. */
static void modules(void **state)
{
	char line[700] = "linux /xen\nbaton-module /kernel ";

	(void)state;
	assert_problem(&p, parse("linux /xen\ninitrd /a\nbaton-module  boot\\kernel \t root=/dev/sda  ro\n"
				 "baton-module /initrd\nbaton-sha256 " HEX " /boot/kernel\n"), OK, "");
	assert_int_equal(e.initrd_count, 3);
	assert_string_equal(e.initrd[1], "/boot/kernel");
	assert_string_equal(e.module_words[0], "");
	assert_string_equal(e.module_words[1], "root=/dev/sda  ro");
	assert_string_equal(e.module_words[2], "");
	p.code = OK;
	assert_problem(&p, parse("linux /xen\nbaton-module ../x\n"), E_ENTRY_INVALID, "x.conf:2: path contains ..");
	memset(line + strlen(line), 'w', 512);
	p.code = OK;
	assert_problem(&p, parse(line), E_ENTRY_INVALID, "x.conf:2: a module's words are longer than 511 bytes");
	strcpy(line, "linux /xen\nbaton-module /");
	memset(line + strlen(line), 'p', 300);
	p.code = OK;
	assert_problem(&p, parse(line), E_ENTRY_INVALID, "x.conf:2: path is longer than 255 bytes");
	strcpy(line, "linux /xen\n");
	for (unsigned i = 0; i < 9; i++)
		strcat(line, "baton-module /m\n");
	p.code = OK;
	assert_problem(&p, parse(line), E_ENTRY_INVALID, "x.conf:10: more than 8 initrds");
}

static void malformed_lines(void **state)
{
	static const struct { const char *text, *piece; } bad[] = {
		{ "linux /../k\n", "x.conf:1: path contains .." },
		{ "title t\nlinux /a/../../k\n", "x.conf:2: path contains .." },
		{ "linux \\a\\..\\k\n", "path contains .." },
		{ "linux /k\ninitrd ..\n", "x.conf:2: path contains .." },
		{ "efi /a/..\n", "path contains .." },
		{ "linux\n", "path is empty" },
		{ "linux /\n", "names no file" },
		{ "linux ./.\n", "names no file" },
		{ "linux /a\nlinux /b\n", "x.conf:2: key is given twice" },
		{ "linux /a\nefi /b\n", "more than one of linux, uki and efi" },
		{ "uki /a\nefi /b\n", "more than one of linux, uki and efi" },
		{ "uki /a\nuki /b\n", "x.conf:2: key is given twice" },
		{ "uki /a\nprofile x\n", "x.conf:2: profile wants a number up to 96" },
		{ "uki /a\nprofile 97\n", "x.conf:2: profile wants a number up to 96" },
		{ "title only\n", "neither linux nor uki nor efi" },
		{ "", "neither linux nor uki nor efi" },
		{ "linux /a\001b\n", "x.conf:1: control byte" },
		{ "linux /a\noptions a\rb\n", "x.conf:2: control byte" },
		{ "linux /a\noptions a\tb\x7f\n", "x.conf:2: control byte" },
		{ "linux /a\ntitle \xc3\xa9\xc2\x9b" "2J\n", "x.conf:2: control byte" },
		{ "linux /a\ntitle \x9b" "2J\n", "x.conf:2: line is not UTF-8" },
		{ "linux /a\ntitle caf\xe9\n", "x.conf:2: line is not UTF-8" },
		{ "linux /a\nbaton-sha256 0011 /a\n", "64 hexadecimal digits" },
		{ "linux /a\nbaton-sha256 " HEX "\n", "64 hexadecimal digits" },
		{ "linux /a\nbaton-sha256 " HEX "0 /a\n", "64 hexadecimal digits" },
		{ "linux /a\nbaton-sha256 g" HEX " /a\n", "64 hexadecimal digits" },
		{ "linux /a\nbaton-sha256 " HEX " /b\n", "baton-sha256 for /b" },
		{ "linux /a\nbaton-sha256 " HEX " ../a\n", "path contains .." },
		{ "linux /a\nbaton-sha256 " HEX " /a\nbaton-sha256 " HEX " a\n", "x.conf:3: a second baton-sha256" },
		{ "linux /a\nbaton-park never\n", "x.conf:2: baton-park is never, expected auto" },
		{ "linux /a\nbaton-sha512 x\n", "x.conf:2: unknown key baton-sha512" },
		{ "linux /a\nbaton-timeout 3\n", "unknown key baton-timeout" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fresh(NULL);
		assert_problem(&p, parse(bad[i].text), E_ENTRY_INVALID, bad[i].piece);
		assert_string_equal(e.id, "x.conf");
	}
}

static void nul_is_a_control_byte(void **state)
{
	(void)state;
	assert_problem(&p, entry_parse(&e, "x.conf", "linux /a\0b", 10, &p), E_ENTRY_INVALID, "control byte");
}

/* text = before + n times fill + after */
static char *padded(const char *before, unsigned n, const char *after)
{
	char *text = malloc(strlen(before) + n + strlen(after) + 1);

	strcpy(text, before);
	memset(text + strlen(before), 'o', n);
	strcpy(text + strlen(before) + n, after);
	return text;
}

static void capacities(void **state)
{
	static const struct { const char *before; unsigned fits; const char *after, *piece; } cases[] = {
		{ "linux /", 254, "\n", "longer than 255" },
		{ "linux /k\noptions ", CMDLINE_MAX - 1 - 8, "\n", "too long" },
		{ "linux /k\ntitle ", 127, "\n", "value is too long" },
		{ "linux /k\nversion ", 127, "\n", "value is too long" },
		{ "linux /k\nsort-key ", 63, "\n", "value is too long" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *good = padded(cases[i].before, cases[i].fits, cases[i].after);
		char *bad = padded(cases[i].before, cases[i].fits + 1, cases[i].after);

		fresh(NULL);
		assert_problem(&p, parse(good), OK, "");
		assert_problem(&p, parse(bad), E_ENTRY_INVALID, cases[i].piece);
		free(good);
		free(bad);
	}

	char *options = padded("linux /k\noptions ", 4000, "\noptions "), *more = padded(options, 95, "\n");

	fresh(NULL);
	assert_problem(&p, parse(more), E_ENTRY_INVALID, "x.conf:3: options are longer");
	more[strlen(more) - 2] = '\0';
	assert_int_equal(parse(more), OK);
	assert_int_equal(strlen(e.options), CMDLINE_MAX - 1);
	free(options);
	free(more);
}

static void too_many(void **state)
{
	char text[2000] = "linux /k\n";

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		strcat(text, "initrd /i\n");
	assert_int_equal(parse(text), OK);
	strcat(text, "initrd /i\n");
	assert_problem(&p, parse(text), E_ENTRY_INVALID, "x.conf:10: more than 8 initrds");
	fresh(NULL);
	strcpy(text, "linux /k\n");
	for (unsigned i = 0; i < 11; i++)
		snprintf(text + strlen(text), 100, "baton-sha256 %s /%u\n", HEX, i);
	assert_problem(&p, parse(text), E_ENTRY_INVALID, "x.conf:12: more baton-sha256 lines than files");
	fresh(NULL);
	strcpy(text, "linux /k\n");
	for (unsigned i = 0; i < 90; i++)
		strcat(text, "baton-park mix\n");
	assert_problem(&p, parse(text), E_ENTRY_INVALID, "too many baton- lines");
	fresh(NULL);
	assert_problem(&p, entry_parse(&e, "x.conf", text, ENTRY_FILE_BYTES + 1, &p), E_ENTRY_INVALID, "64 KiB");
}

static void what_cannot_start(void **state)
{
	(void)state;
	assert_int_equal(parse("efi /EFI/tool.efi\n"), OK);
	assert_int_equal(entry_check_startable(&e, &p), OK);
	assert_string_equal(entry_image(&e), "/EFI/tool.efi");
	assert_int_equal(parse("uki \\EFI\\Linux\\a.efi\nprofile 3\nbaton-sha256 " HEX " /EFI/Linux/a.efi\n"), OK);
	assert_string_equal(entry_image(&e), "/EFI/Linux/a.efi");
	assert_int_equal(e.profile, 3);
	fresh(NULL);
	assert_int_equal(parse("linux /k\narchitecture aa64\n"), OK);
	assert_problem(&p, entry_check_startable(&e, &p), E_ENTRY_INVALID, "aa64");
}

static void file_names(void **state)
{
	char name[300], *long_name;

	(void)state;
	assert_true(entry_name_valid("a.conf"));
	assert_true(entry_name_valid("A_b+1-2.3.CONF"));
	assert_false(entry_name_valid(".conf"));
	assert_false(entry_name_valid("a.cfg"));
	assert_false(entry_name_valid("a b.conf"));
	assert_false(entry_name_valid("a/b.conf"));
	assert_false(entry_name_valid("\xc3\xa9.conf"));
	assert_false(entry_name_valid(""));
	long_name = padded("", 250, ".conf");
	assert_true(entry_name_valid(long_name));
	free(long_name);
	long_name = padded("", 251, ".conf");
	assert_false(entry_name_valid(long_name));
	free(long_name);
	assert_problem(&p, parse_as(&e, "bad name.conf", "linux /k\n"), E_ENTRY_INVALID, "not a name");

	static const struct { const char *file, *id; bool counted; unsigned left, done; const char *next; } cases[] = {
		{ "x.conf", "x.conf", false, 0, 0, NULL },
		{ "x+3.conf", "x.conf", true, 3, 0, "x+2-1.conf" },
		{ "x+2-1.conf", "x.conf", true, 2, 1, "x+1-2.conf" },
		{ "x+0-3.conf", "x.conf", true, 0, 3, NULL },
		{ "x+y+1.conf", "x+y.conf", true, 1, 0, "x+y+0-1.conf" },
		{ "x+.conf", "x+.conf", false, 0, 0, NULL },
		{ "x+1-.conf", "x+1-.conf", false, 0, 0, NULL },
		{ "x+1a.conf", "x+1a.conf", false, 0, 0, NULL },
		{ "x+1a1.conf", "x+1a1.conf", false, 0, 0, NULL },
		{ "x+1-2-3.conf", "x+1-2-3.conf", false, 0, 0, NULL },
		{ "+1.conf", "+1.conf", false, 0, 0, NULL },
		{ "x+9999999999.conf", "x+9999999999.conf", false, 0, 0, NULL },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fresh(NULL);
		assert_problem(&p, parse_as(&e, cases[i].file, "linux /k\n"), OK, "");
		assert_string_equal(e.file, cases[i].file);
		assert_string_equal(e.id, cases[i].id);
		assert_int_equal(e.counted, cases[i].counted);
		assert_int_equal(e.tries_left, cases[i].left);
		assert_int_equal(e.tries_done, cases[i].done);
		assert_int_equal(entry_name_after_try(&e, name, sizeof(name)), cases[i].next != NULL);
		if (cases[i].next)
			assert_string_equal(name, cases[i].next);
	}
	assert_int_equal(parse_as(&e, "x+3.conf", "linux /k\n"), OK);
	assert_false(entry_name_after_try(&e, name, 5));
}

/* Each is newer than the one before it: the examples of the Version Format Specification and the usual kernels. */
static void versions(void **state)
{
	static const char *const rising[] = {
		"~1", "", "1~rc1", "1", "1-1", "1^post1", "1.0", "11~rc1", "11", "122.1", "123~rc1-1", "123", "123-a",
		"123-a.1", "123-1", "123-1.1", "123-3", "123^post1", "123.a-1", "123.1-1", "123a-1", "124-1", "bar-123",
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rising) / sizeof(rising[0]); i++) {
		for (unsigned j = 0; j < sizeof(rising) / sizeof(rising[0]); j++) {
			int order = entry_version_compare(rising[i], rising[j]);

			/* Letters are older than digits: the last string stands alone. */
			if (!strncmp(rising[i], "bar", 3) || !strncmp(rising[j], "bar", 3))
				continue;
			if ((i < j && order >= 0) || (i > j && order <= 0) || (i == j && order))
				fail_msg("%s against %s: %d", rising[i], rising[j], order);
		}
	}
	assert_true(entry_version_compare("6.1.0-9", "6.1.0-10") < 0);
	assert_true(entry_version_compare("6.10", "6.9") > 0);
	assert_true(entry_version_compare("007", "7") == 0);
	assert_true(entry_version_compare("99999999999999999999999", "100000000000000000000000") < 0);
	assert_true(entry_version_compare("a", "1") < 0);
	assert_true(entry_version_compare("A", "a") < 0);
	assert_true(entry_version_compare("a", "ab") < 0);
	assert_true(entry_version_compare("1_2", "12") < 0);
	assert_true(entry_version_compare("1_", "1") == 0);
}

static void version_order_is_an_order(void **state)
{
	static const char letters[] = "012ab.-~^_";
	struct rng rng = { 0x766572 };
	char text[3][8];

	(void)state;
	for (unsigned round = 0; round < 50000; round++) {
		int ab, bc, ac;

		for (unsigned i = 0; i < 3; i++) {
			unsigned length = (unsigned)rng_below(&rng, 6);

			for (unsigned k = 0; k < length; k++)
				text[i][k] = letters[rng_below(&rng, 10)];
			text[i][length] = '\0';
		}
		ab = entry_version_compare(text[0], text[1]);
		bc = entry_version_compare(text[1], text[2]);
		ac = entry_version_compare(text[0], text[2]);
		if ((ab > 0) != (entry_version_compare(text[1], text[0]) < 0) || (ab <= 0 && bc <= 0 && ac > 0))
			fail_msg("%s %s %s", text[0], text[1], text[2]);
	}
}

static void menu_order(void **state)
{
	/* In the order in which the menu shows them. */
	static const struct { const char *file, *text; } sorted[] = {
		{ "z1.conf", "linux /k\nsort-key a\nmachine-id 1\nversion 2\n" },
		{ "z2.conf", "linux /k\nsort-key a\nmachine-id 1\nversion 1\n" },
		{ "z0.conf", "linux /k\nsort-key a\nmachine-id 2\nversion 9\n" },
		{ "a9.conf", "linux /k\nsort-key b\n" },
		{ "a8.conf", "linux /k\nsort-key b\n" },
		{ "k-10.conf", "linux /k\n" },
		{ "k-9.conf", "linux /k\n" },
		{ "k-8+3.conf", "linux /k\n" },
		{ "k-8+2-1.conf", "linux /k\n" },
		{ "k-7-1.conf", "linux /k\n" },
		{ "k-7.conf", "linux /k\n" },
		{ "zz+0-3.conf", "linux /k\nsort-key a\nmachine-id 1\nversion 99\n" },
		{ "zy+0-3.conf", "linux /k\n" },
	};
	enum { COUNT = sizeof(sorted) / sizeof(sorted[0]) };
	static struct entry entries[COUNT];
	struct entry *list[COUNT];
	struct rng rng = { 0x736f7274 };

	(void)state;
	for (unsigned i = 0; i < COUNT; i++)
		assert_problem(&p, parse_as(&entries[i], sorted[i].file, sorted[i].text), OK, "");
	for (unsigned round = 0; round < 50; round++) {
		for (unsigned i = 0; i < COUNT; i++)
			list[i] = &entries[i];
		for (unsigned i = COUNT; i > 1; i--) {
			unsigned k = (unsigned)rng_below(&rng, i);
			struct entry *t = list[k];

			list[k] = list[i - 1];
			list[i - 1] = t;
		}
		entry_sort(list, COUNT);
		for (unsigned i = 0; i < COUNT; i++)
			assert_string_equal(list[i]->file, sorted[i].file);
	}
}

/* Whatever else speaks for it. */
static void unusable_is_last(void **state)
{
	static struct entry bad, good;
	struct entry *list[2] = { &bad, &good };

	(void)state;
	assert_problem(&p, parse_as(&bad, "k-9.conf", "linux /k\nsort-key a\n"), OK, "");
	assert_problem(&p, parse_as(&good, "k-1.conf", "linux /k\n"), OK, "");
	entry_sort(list, 2);
	assert_ptr_equal(list[0], &bad);
	bad.unusable = true;
	entry_sort(list, 2);
	assert_ptr_equal(list[0], &good);
}

/* Any bytes: no crash, every string ended, every path clean. */
static void random_text(void **state)
{
	static const char *const words[] = { "linux", "initrd", "options", "baton-sha256", "baton-park", "efi", "title",
					     " ", "\n", "\n", "\n", "/", "..", ".", "\\", "a", HEX, "mix", "\t", "#",
					     "\r", "\x01" };
	struct rng rng = { 0x74657874 };
	unsigned good = 0;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		char text[2000] = "";

		for (unsigned n = (unsigned)rng_below(&rng, 25); n; n--)
			strcat(text, words[rng_below(&rng, sizeof(words) / sizeof(words[0]))]);
		if (parse(text))
			continue;
		good++;
		for (unsigned i = 0; i < e.initrd_count; i++)
			assert_true(e.initrd[i][0] == '/' && !strstr(e.initrd[i], "/../") &&
				    !strchr(e.initrd[i], '\\'));
		assert_true(strnlen(e.options, sizeof(e.options)) < sizeof(e.options));
	}
	assert_true(good > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(whole_entry, fresh), cmocka_unit_test_setup(malformed_lines, fresh),
		cmocka_unit_test_setup(modules, fresh),
		cmocka_unit_test_setup(modules, fresh),
		cmocka_unit_test_setup(nul_is_a_control_byte, fresh), cmocka_unit_test_setup(capacities, fresh),
		cmocka_unit_test_setup(too_many, fresh), cmocka_unit_test_setup(what_cannot_start, fresh),
		cmocka_unit_test_setup(file_names, fresh), cmocka_unit_test(versions),
		cmocka_unit_test(version_order_is_an_order), cmocka_unit_test_setup(menu_order, fresh),
		cmocka_unit_test_setup(unusable_is_last, fresh), cmocka_unit_test_setup(random_text, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
