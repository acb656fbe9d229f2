// SPDX-License-Identifier: MIT
#include "test/unit/boot/support.h"

#include <stdlib.h>
#include <string.h>

#include "boot/config.h"
#include "boot/text.h"

static struct config c;
static struct problem p;

static int fresh(void **state)
{
	(void)state;
	config_init(&c);
	p = (struct problem){ 0 };
	return 0;
}

static enum status loader(const char *text)
{
	return config_parse_loader(&c, "loader.conf", text, strlen(text), &p);
}

static enum status baton(const char *text)
{
	return config_parse_baton(&c, "baton.conf", text, strlen(text), &p);
}

static enum status cmdline(const char *text)
{
	return config_parse_cmdline(&c, text, false, &p);
}

static void defaults(void **state)
{
	(void)state;
	assert_int_equal(c.menu, MENU_TIMEOUT);
	assert_int_equal(c.timeout_s, 0);
	assert_true(c.editor);
	assert_int_equal(c.park, PARK_AUTO);
	assert_int_equal(c.on_failure, ON_FAILURE_DEFAULT);
	assert_int_equal(c.lost_cpu, LOST_CPU_REFUSE);
	assert_int_equal(c.init, INIT_RECALL);
	assert_int_equal(c.busmaster, BUSMASTER_OFF);
	assert_string_equal(c.default_pattern, "");
}

static void loader_conf(void **state)
{
	(void)state;
	assert_problem(&p, loader("\xef\xbb\xbf# comment\r\n\r\ndefault\tdebian-*  \r\n  timeout 5\r\n"
				  "console-mode max\neditor no"), OK, "");
	assert_string_equal(c.default_pattern, "debian-*");
	assert_int_equal(c.menu, MENU_TIMEOUT);
	assert_int_equal(c.timeout_s, 5);
	assert_false(c.editor);
	assert_int_equal(loader("timeout menu-force\neditor 1\ndefault @saved\n"), OK);
	assert_int_equal(c.menu, MENU_FORCE);
	assert_true(c.editor);
	assert_string_equal(c.default_pattern, "@saved");
	assert_int_equal(loader("timeout menu-hidden\n"), OK);
	assert_int_equal(c.menu, MENU_HIDDEN);
	assert_int_equal(loader("timeout menu-disabled\n"), OK);
	assert_int_equal(c.menu, MENU_DISABLED);
	assert_int_equal(loader("timeout 0\n"), OK);
	assert_int_equal(c.menu, MENU_TIMEOUT);
	assert_int_equal(c.timeout_s, 0);
	/* Baton's own keys are not this file's. */
	assert_int_equal(loader("park mix\n"), OK);
	assert_int_equal(c.park, PARK_AUTO);
}

static void baton_conf(void **state)
{
	(void)state;
	assert_problem(&p, baton("park mwait\non-failure halt\nlost-cpu continue\ninit hold\nbusmaster leave\n"
				 "reset-after 0x1e\nconsole ttyS1,115200n8\n"), OK, "");
	assert_int_equal(c.park, PARK_MWAIT);
	assert_int_equal(c.on_failure, ON_FAILURE_HALT);
	assert_int_equal(c.lost_cpu, LOST_CPU_CONTINUE);
	assert_int_equal(c.init, INIT_HOLD);
	assert_int_equal(c.busmaster, BUSMASTER_LEAVE);
	assert_int_equal(c.reset_after_s, 30);
	assert_string_equal(c.console, "ttyS1,115200n8");
	assert_int_equal(baton("park hlt\non-failure reboot\nlost-cpu refuse\ninit recall\nbusmaster off\n"
			       "console uart8250,mmio32,0xfe032000\n"), OK);
	assert_int_equal(c.park, PARK_HLT);
	assert_int_equal(c.on_failure, ON_FAILURE_REBOOT);
	assert_int_equal(c.lost_cpu, LOST_CPU_REFUSE);
	assert_int_equal(c.init, INIT_RECALL);
	assert_int_equal(c.busmaster, BUSMASTER_OFF);
	assert_string_equal(c.console, "uart8250,mmio32,0xfe032000");
	assert_int_equal(baton("park mix"), OK);
	assert_int_equal(c.park, PARK_MIX);
	assert_int_equal(baton("park auto"), OK);
	assert_int_equal(c.park, PARK_AUTO);
}

static void selftest_has_a_length(void **state)
{
	(void)state;
	assert_int_equal(c.selftest_mm, 0);
	assert_int_equal(baton("selftest mm"), OK);
	assert_int_equal(c.selftest_mm, SELFTEST_MM_OPERATIONS);
	assert_int_equal(config_parse_cmdline(&c, "baton.selftest=mm:77", false, &p), OK);
	assert_int_equal(c.selftest_mm, 77);
	assert_int_equal(c.selftest_smp, 0);
	assert_int_equal(baton("selftest smp"), OK);
	assert_int_equal(c.selftest_smp, SELFTEST_SMP_CYCLES);
	assert_int_equal(baton("selftest smp:9"), OK);
	assert_int_equal(c.selftest_smp, 9);
	assert_int_equal(c.selftest_mm, 77);
}

static void on_failure_names_an_entry(void **state)
{
	(void)state;
	assert_int_equal(baton("on-failure menu"), OK);
	assert_int_equal(c.on_failure, ON_FAILURE_MENU);
	assert_int_equal(baton("on-failure fallback \t debian-rescue"), OK);
	assert_int_equal(c.on_failure, ON_FAILURE_FALLBACK);
	assert_string_equal(c.fallback_id, "debian-rescue");
}

/* The menu tells the story again, so there it is shown shortly. */
static void how_long_a_failure_is_shown(void **state)
{
	(void)state;
	assert_int_equal(config_reset_after_s(&c), 30);
	assert_int_equal(baton("on-failure reboot"), OK);
	assert_int_equal(config_reset_after_s(&c), 30);
	assert_int_equal(baton("on-failure menu"), OK);
	assert_int_equal(config_reset_after_s(&c), 3);
	assert_int_equal(baton("reset-after 7"), OK);
	assert_int_equal(config_reset_after_s(&c), 7);
	assert_int_equal(baton("reset-after 0"), OK);
	assert_int_equal(config_reset_after_s(&c), 0);
}

static void bad_lines_are_named_and_skipped(void **state)
{
	static const struct { const char *text; enum status status; const char *piece; } bad[] = {
		{ "park maybe", E_CONFIG_VALUE, "baton.conf:1: park is maybe, expected auto, mwait, hlt or mix" },
		{ "park", E_CONFIG_VALUE, "park is empty" },
		{ "parc mix", E_CONFIG_WORD, "unknown key parc" },
		{ "timeout 3", E_CONFIG_WORD, "unknown key timeout" },
		{ "fault x", E_CONFIG_WORD, "unknown key fault" },
		{ "on-failure fallback", E_CONFIG_VALUE, "fallback ID" },
		{ "on-failure fallbacks x", E_CONFIG_VALUE, "fallback ID" },
		{ "lost-cpu x", E_CONFIG_VALUE, "refuse or continue" },
		{ "init x", E_CONFIG_VALUE, "recall or hold" },
		{ "selftest", E_CONFIG_VALUE, "mm, smp, mm:N or smp:N" },
		{ "selftest smpx", E_CONFIG_VALUE, "mm, smp, mm:N or smp:N" },
		{ "selftest smp:0", E_CONFIG_VALUE, "mm, smp, mm:N or smp:N" },
		{ "selftest mmx", E_CONFIG_VALUE, "mm, smp, mm:N or smp:N" },
		{ "selftest mm:", E_CONFIG_VALUE, "mm, smp, mm:N or smp:N" },
		{ "selftest mm:0", E_CONFIG_VALUE, "mm, smp, mm:N or smp:N" },
		{ "selftest mm:1000001", E_CONFIG_VALUE, "1000000" },
		{ "busmaster on", E_CONFIG_VALUE, "off or leave" },
		{ "reset-after 86401", E_CONFIG_VALUE, "86400" },
		{ "reset-after -1", E_CONFIG_VALUE, "seconds" },
		{ "reset-after 18446744073709551617", E_CONFIG_VALUE, "seconds" },
		{ "reset-after 0x", E_CONFIG_VALUE, "seconds" },
		{ "reset-after 1f", E_CONFIG_VALUE, "seconds" },
		{ "console hvc0", E_CONFIG_VALUE, "ttyS1" },
		{ "park\x01 mix", E_CONFIG_VALUE, "control byte" },
		{ "# comment \x7f\npark \x1b", E_CONFIG_VALUE, "baton.conf:2: control byte" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[200];

		fresh(NULL);
		strcpy(text, bad[i].text);
		strcat(text, "\ninit hold\nnonsense\n");
		assert_problem(&p, baton(text), bad[i].status, bad[i].piece);
		assert_int_equal(c.init, INIT_HOLD);
		assert_int_equal(c.park, PARK_AUTO);
	}
	fresh(NULL);
	assert_problem(&p, loader("timeout soon\ntimeout 3\n"), E_CONFIG_VALUE, "loader.conf:1: timeout is soon");
	assert_int_equal(c.timeout_s, 3);
	fresh(NULL);
	assert_problem(&p, loader("editor perhaps"), E_CONFIG_VALUE, "yes or no");
	fresh(NULL);
	assert_problem(&p, loader("default"), E_CONFIG_VALUE, "default is empty");
}

static void limits(void **state)
{
	char *text = malloc(CONFIG_FILE_BYTES + 1);

	(void)state;
	memset(text, 'a', CONFIG_FILE_BYTES + 1);
	assert_problem(&p, config_parse_baton(&c, "b", text, CONFIG_FILE_BYTES + 1, &p), E_CONFIG_VALUE, "64 KiB");
	fresh(NULL);
	assert_problem(&p, config_parse_baton(&c, "b", text, CONFIG_FILE_BYTES, &p), E_CONFIG_VALUE, "too long");
	fresh(NULL);
	memcpy(text, "default ", 8);
	assert_problem(&p, config_parse_loader(&c, "l", text, 8 + 256, &p), E_CONFIG_VALUE, "255");
	assert_int_equal(config_parse_loader(&c, "l", text, 8 + 255, &p), OK);
	assert_int_equal(strlen(c.default_pattern), 255);
	free(text);
}

static void command_line(void **state)
{
	(void)state;
	assert_problem(&p, cmdline("\\EFI\\BOOT\\BOOTX64.EFI  quiet baton.default=deb* "
				   "baton.timeout=menu-hidden baton.loop=5 "
				   "baton.seed=0xffffffffffffffff baton.console=ttyS0 baton.park=mix batonx=3 "
				   "--  console=ttyS0 "
				   "baton.park=hlt -- x "), OK, "");
	assert_string_equal(c.default_pattern, "deb*");
	assert_int_equal(c.menu, MENU_HIDDEN);
	assert_int_equal(c.loop, 5);
	assert_true(c.seed == ~0ull);
	assert_string_equal(c.console, "ttyS0");
	assert_int_equal(c.park, PARK_MIX);
	assert_string_equal(c.append, "console=ttyS0 baton.park=hlt -- x");
	assert_int_equal(cmdline(""), OK);
	assert_int_equal(cmdline("--"), OK);
	assert_string_equal(c.append, "");
	assert_int_equal(cmdline("a--b --c"), OK);
	assert_string_equal(c.append, "");
}

/* A loop by time runs until then, unless a count was given too. */
static void loops_by_time(void **state)
{
	(void)state;
	assert_problem(&p, cmdline("baton.hours=8 baton.pass=1000"), OK, "");
	assert_int_equal(c.hours, 8);
	assert_true(c.pass == 1000 && !c.loop);
	config_settle_loop(&c);
	assert_true(c.loop == CONFIG_LOOP_FOREVER);
	fresh(NULL);
	assert_problem(&p, cmdline("baton.hours=8 baton.loop=3"), OK, "");
	config_settle_loop(&c);
	assert_int_equal(c.loop, 3);
	fresh(NULL);
	config_settle_loop(&c);
	assert_int_equal(c.loop, 0);
}

static void command_line_errors(void **state)
{
	static const struct { const char *text; enum status status; const char *piece; } bad[] = {
		{ "baton.defualt=x", E_CONFIG_WORD, "baton.defualt" },
		{ "baton.=x", E_CONFIG_WORD, "baton." },
		{ "baton.editor=no", E_CONFIG_WORD, "baton.editor" },
		{ "baton.fault=apic", E_CONFIG_WORD, "faults build" },
		{ "baton.loop", E_CONFIG_VALUE, "baton.loop=" },
		{ "baton.loop=", E_CONFIG_VALUE, "empty" },
		{ "baton.loop=12x", E_CONFIG_VALUE, "12x" },
		{ "baton.loop=18446744073709551616", E_CONFIG_VALUE, "a number" },
		{ "baton.gen=0", E_CONFIG_VALUE, "a number from 1" },
		{ "baton.pattern=some", E_CONFIG_VALUE, "sample or all" },
		{ "baton.hours=8761", E_CONFIG_VALUE, "hours, at most 8760" },
		{ "baton.pass=few", E_CONFIG_VALUE, "a number of generations" },
		{ "baton.log=loud", E_CONFIG_VALUE, "quiet or full" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[100];

		fresh(NULL);
		strcpy(text, bad[i].text);
		strcat(text, " baton.timeout=7 baton.nonsense=1 -- tail");
		assert_problem(&p, cmdline(text), bad[i].status, bad[i].piece);
		assert_int_equal(c.timeout_s, 7);
		assert_string_equal(c.append, "tail");
	}
	fresh(NULL);
	assert_int_equal(config_parse_cmdline(&c, "baton.fault=apic:3", true, &p), OK);
	assert_string_equal(c.fault, "apic:3");
	fresh(NULL);
	assert_problem(&p, cmdline("-- a\x01"), E_CONFIG_VALUE, "control byte behind --");
	assert_string_equal(c.append, "");
	p.code = OK;
	assert_problem(&p, cmdline("-- a\x80"), E_CONFIG_VALUE, "no UTF-8 behind --");
	assert_string_equal(c.append, "");
}

static void long_words_and_tails(void **state)
{
	char text[CONFIG_APPEND_MAX + 100];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "-- ", 3);
	text[3 + CONFIG_APPEND_MAX - 1] = '\0';
	assert_int_equal(cmdline(text), OK);
	assert_int_equal(strlen(c.append), CONFIG_APPEND_MAX - 1);
	text[3 + CONFIG_APPEND_MAX - 1] = 'x';
	text[3 + CONFIG_APPEND_MAX] = '\0';
	assert_problem(&p, cmdline(text), E_CMDLINE_LENGTH, "2047");
	fresh(NULL);
	memcpy(text, "baton.default=", 14);
	text[400] = '\0';
	assert_problem(&p, cmdline(text), E_CONFIG_VALUE, "too long");
	fresh(NULL);
	text[14 + 256] = '\0';
	assert_problem(&p, cmdline(text), E_CONFIG_VALUE, "255");
	text[14 + 255] = '\0';
	assert_int_equal(cmdline(text), OK);
}

static void files_entry_command_line(void **state)
{
	(void)state;
	assert_int_equal(baton("park mwait\ninit hold\nlost-cpu continue\n"), OK);
	assert_int_equal(config_set_policy(&c, "park", "hlt", &p), OK);
	assert_int_equal(config_set_policy(&c, "init", "recall", &p), OK);
	assert_int_equal(cmdline("baton.park=mix"), OK);
	assert_int_equal(c.park, PARK_MIX);
	assert_int_equal(c.init, INIT_RECALL);
	assert_int_equal(c.lost_cpu, LOST_CPU_CONTINUE);
	assert_problem(&p, config_set_policy(&c, "default", "x", &p), E_CONFIG_WORD, "baton-default");
	fresh(NULL);
	assert_problem(&p, config_set_policy(&c, "park", "x", &p), E_CONFIG_VALUE, "baton-park is x");
}

static void numbers(void **state)
{
	uint64_t n;

	(void)state;
	assert_true(text_to_number("18446744073709551615", ~0ull, &n) && n == ~0ull);
	assert_true(text_to_number("0XfF", 255, &n) && n == 255);
	assert_true(text_to_number("00", 0, &n) && n == 0);
	assert_false(text_to_number("256", 255, &n));
	assert_false(text_to_number("9", 5, &n));
	assert_false(text_to_number("1", 0, &n));
	assert_false(text_to_number("", 5, &n));
	assert_false(text_to_number("0x", 5, &n));
	assert_false(text_to_number("1 ", 5, &n));
	assert_false(text_to_number("1a", 500, &n));
	assert_false(text_to_number("0xg", 500, &n));
	assert_false(text_to_number("18446744073709551616", ~0ull, &n));
	assert_false(text_to_number("0x10000000000000000", ~0ull, &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(defaults, fresh), cmocka_unit_test_setup(loader_conf, fresh),
		cmocka_unit_test_setup(selftest_has_a_length, fresh),
		cmocka_unit_test_setup(baton_conf, fresh), cmocka_unit_test_setup(on_failure_names_an_entry, fresh),
		cmocka_unit_test_setup(how_long_a_failure_is_shown, fresh),
		cmocka_unit_test_setup(bad_lines_are_named_and_skipped, fresh), cmocka_unit_test_setup(limits, fresh),
		cmocka_unit_test_setup(command_line, fresh), cmocka_unit_test_setup(command_line_errors, fresh),
		cmocka_unit_test_setup(loops_by_time, fresh),
		cmocka_unit_test_setup(long_words_and_tails, fresh),
		cmocka_unit_test_setup(files_entry_command_line, fresh), cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
