// SPDX-License-Identifier: MIT
#include "boot/config.h"

#include <stddef.h>

#include "boot/text.h"
#include "lib/console_spec.h"
#include "lib/string.h"

#define RESET_AFTER_S_MAX	86400
#define TIMEOUT_S_MAX		86400
#define SELFTEST_MAX		1000000
#define HOURS_MAX		8760

/* Who may say a keyword. */
enum {
	IN_LOADER = 1,		/* loader.conf */
	IN_POLICY = 2,		/* baton.conf, and entries as baton-KEY */
	IN_CMDLINE = 4,		/* Baton's command line as baton.KEY= */
	IN_FAULTS = 8,		/* command line of the faults build only */
};

/* Sets from a value; returns NULL, or what was expected instead. */
typedef const char *set_fn(struct config *config, const char *value);

struct keyword {
	const char *name;
	unsigned where;
	set_fn *set;
};

/* Index of value among choices (NULL ends them), -1: none. */
static int choose(const char *value, const char *const *choices)
{
	for (int i = 0; choices[i]; i++)
		if (!strcmp(value, choices[i]))
			return i;
	return -1;
}

static const char *set_park(struct config *config, const char *value)
{
	static const char *const choices[] = { "auto", "mwait", "hlt", "mix", NULL };
	int choice = choose(value, choices);

	if (choice < 0)
		return "auto, mwait, hlt or mix";
	config->park = (enum park_policy)choice;
	return NULL;
}

static const char *set_on_failure(struct config *config, const char *value)
{
	static const char *const choices[] = { "menu", "reboot", "halt", NULL };
	static const enum on_failure_policy policy[] = { ON_FAILURE_MENU, ON_FAILURE_REBOOT, ON_FAILURE_HALT };
	int choice = choose(value, choices);

	if (choice >= 0) {
		config->on_failure = policy[choice];
		return NULL;
	}
	if (strncmp(value, "fallback", 8) || (value[8] != ' ' && value[8] != '\t'))
		return "menu, fallback ID, reboot or halt";
	for (value += 8; *value == ' ' || *value == '\t'; value++)
		;
	if (!text_copy(config->fallback_id, sizeof(config->fallback_id), value))
		return "an id of at most 255 bytes";
	config->on_failure = ON_FAILURE_FALLBACK;
	return NULL;
}

static const char *set_lost_cpu(struct config *config, const char *value)
{
	static const char *const choices[] = { "refuse", "continue", NULL };
	int choice = choose(value, choices);

	if (choice < 0)
		return "refuse or continue";
	config->lost_cpu = (enum lost_cpu_policy)choice;
	return NULL;
}

static const char *set_init(struct config *config, const char *value)
{
	static const char *const choices[] = { "recall", "hold", NULL };
	int choice = choose(value, choices);

	if (choice < 0)
		return "recall or hold";
	config->init = (enum init_policy)choice;
	return NULL;
}

static const char *set_busmaster(struct config *config, const char *value)
{
	static const char *const choices[] = { "off", "leave", NULL };
	int choice = choose(value, choices);

	if (choice < 0)
		return "off or leave";
	config->busmaster = (enum busmaster_policy)choice;
	return NULL;
}

static const char *set_reset_after(struct config *config, const char *value)
{
	uint64_t seconds;

	if (!text_to_number(value, RESET_AFTER_S_MAX, &seconds))
		return "seconds, at most 86400";
	config->reset_after_s = (uint32_t)seconds;
	config->reset_after_set = true;
	return NULL;
}

/* False: what follows the room's name is no count. */
static bool selftest_count(const char *value, uint32_t usual, uint32_t *count)
{
	uint64_t number = usual;

	if (*value && (*value != ':' || !text_to_number(value + 1, SELFTEST_MAX, &number) || !number))
		return false;
	*count = (uint32_t)number;
	return true;
}

static const char *set_selftest(struct config *config, const char *value)
{
	if (!strncmp(value, "mm", 2) && selftest_count(value + 2, SELFTEST_MM_OPERATIONS, &config->selftest_mm))
		return NULL;
	if (!strncmp(value, "smp", 3) && selftest_count(value + 3, SELFTEST_SMP_CYCLES, &config->selftest_smp))
		return NULL;
	return "mm, smp, mm:N or smp:N with at most 1000000 operations or cycles";
}

static const char *set_console(struct config *config, const char *value)
{
	struct console_spec spec;

	if (console_spec_parse(value, &spec, NULL))
		return "ttyS1,115200n8 or uart8250,mmio32,0x...";
	if (!text_copy(config->console, sizeof(config->console), value))
		return "at most 127 bytes";
	return NULL;
}

static const char *set_default(struct config *config, const char *value)
{
	if (!*value || !text_copy(config->default_pattern, sizeof(config->default_pattern), value))
		return "an id or pattern of 1 to 255 bytes";
	return NULL;
}

static const char *set_timeout(struct config *config, const char *value)
{
	uint64_t seconds;

	if (!strcmp(value, "menu-force")) {
		config->menu = MENU_FORCE;
	} else if (!strcmp(value, "menu-hidden")) {
		config->menu = MENU_HIDDEN;
	} else if (!strcmp(value, "menu-disabled")) {
		config->menu = MENU_DISABLED;
	} else if (text_to_number(value, TIMEOUT_S_MAX, &seconds)) {
		config->menu = MENU_TIMEOUT;
		config->timeout_s = (uint32_t)seconds;
	} else {
		return "seconds (at most 86400), menu-force, menu-hidden or menu-disabled";
	}
	return NULL;
}

static const char *set_editor(struct config *config, const char *value)
{
	static const char *const choices[] = { "no", "yes", "0", "1", "false", "true", "off", "on", "n", "y", "f", "t",
					       NULL };
	int choice = choose(value, choices);

	if (choice < 0)
		return "yes or no";
	config->editor = choice & 1;
	return NULL;
}

static const char *set_loop(struct config *config, const char *value)
{
	config->loop_set = true;
	return text_to_number(value, ~0ull, &config->loop) ? NULL : "a number";
}

static const char *set_hours(struct config *config, const char *value)
{
	uint64_t hours;

	if (!text_to_number(value, HOURS_MAX, &hours))
		return "hours, at most 8760";
	config->hours = (uint32_t)hours;
	return NULL;
}

static const char *set_pass(struct config *config, const char *value)
{
	return text_to_number(value, ~0ull, &config->pass) ? NULL : "a number of generations";
}

static const char *set_seed(struct config *config, const char *value)
{
	return text_to_number(value, ~0ull, &config->seed) ? NULL : "a number";
}

static const char *set_generation(struct config *config, const char *value)
{
	return text_to_number(value, ~0ull, &config->generation) && config->generation ? NULL : "a number from 1";
}

static const char *set_pattern(struct config *config, const char *value)
{
	static const char *const choices[] = { "sample", "all", NULL };
	int choice = choose(value, choices);

	if (choice < 0)
		return "sample or all";
	config->pattern_all = choice;
	return NULL;
}

static const char *set_log(struct config *config, const char *value)
{
	static const char *const choices[] = { "quiet", "full", NULL };
	int choice = choose(value, choices);

	if (choice < 0)
		return "quiet or full";
	config->log_full = choice;
	return NULL;
}

static const char *set_fault(struct config *config, const char *value)
{
	return text_copy(config->fault, sizeof(config->fault), value) ? NULL : "at most 255 bytes";
}

/* Every keyword that Baton has, wherever it is said. docs/entries.md is its explanation. */
static const struct keyword keywords[] = {
	{ "default", IN_LOADER | IN_CMDLINE, set_default },
	{ "timeout", IN_LOADER | IN_CMDLINE, set_timeout },
	{ "editor", IN_LOADER, set_editor },
	{ "park", IN_POLICY | IN_CMDLINE, set_park },
	{ "on-failure", IN_POLICY | IN_CMDLINE, set_on_failure },
	{ "lost-cpu", IN_POLICY | IN_CMDLINE, set_lost_cpu },
	{ "init", IN_POLICY | IN_CMDLINE, set_init },
	{ "busmaster", IN_POLICY | IN_CMDLINE, set_busmaster },
	{ "reset-after", IN_POLICY | IN_CMDLINE, set_reset_after },
	{ "console", IN_POLICY | IN_CMDLINE, set_console },
	{ "selftest", IN_POLICY | IN_CMDLINE, set_selftest },
	{ "loop", IN_POLICY | IN_CMDLINE, set_loop },
	{ "hours", IN_POLICY | IN_CMDLINE, set_hours },
	{ "pass", IN_POLICY | IN_CMDLINE, set_pass },
	{ "seed", IN_POLICY | IN_CMDLINE, set_seed },
	{ "gen", IN_CMDLINE, set_generation },
	{ "pattern", IN_POLICY | IN_CMDLINE, set_pattern },
	{ "log", IN_POLICY | IN_CMDLINE, set_log },
	{ "fault", IN_FAULTS, set_fault },
};

static const struct keyword *find_keyword(const char *name, unsigned where)
{
	for (unsigned i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if ((keywords[i].where & where) && !strcmp(keywords[i].name, name))
			return &keywords[i];
	return NULL;
}

void config_init(struct config *config)
{
	memset(config, 0, sizeof(*config));
	config->editor = true;
}

/* Keeps the first of several problems. */
static void keep(enum status *first, enum status status)
{
	if (!*first)
		*first = status;
}

static enum status set_line(struct config *config, const char *name, const struct text *text, unsigned where,
			    struct problem *problem)
{
	const struct keyword *keyword;
	const char *expected;

	if (text->bad)
		return problem_set(problem, E_CONFIG_VALUE, "%s:%u: %s", name, text->number, text->bad);
	keyword = find_keyword(text->key, where);
	if (!keyword && where == IN_LOADER)
		return OK;
	if (!keyword)
		return problem_set(problem, E_CONFIG_WORD, "%s:%u: unknown key %.40s", name, text->number, text->key);
	expected = keyword->set(config, text->value);
	if (expected)
		return problem_set(problem, E_CONFIG_VALUE, "%s:%u: %s is %.40s, expected %s", name, text->number,
				   text->key, *text->value ? text->value : "empty", expected);
	return OK;
}

static enum status parse_file(struct config *config, const char *name, const char *from, uint64_t length,
			      unsigned where, struct problem *problem)
{
	enum status first = OK;
	struct text text;

	if (length > CONFIG_FILE_BYTES)
		return problem_set(problem, E_CONFIG_VALUE, "%s: file is longer than 64 KiB", name);
	text_begin(&text, from, length);
	while (text_next(&text))
		keep(&first, set_line(config, name, &text, where, problem));
	return first;
}

enum status config_parse_loader(struct config *config, const char *name, const char *text, uint64_t length,
				struct problem *problem)
{
	return parse_file(config, name, text, length, IN_LOADER, problem);
}

enum status config_parse_baton(struct config *config, const char *name, const char *text, uint64_t length,
			       struct problem *problem)
{
	return parse_file(config, name, text, length, IN_POLICY, problem);
}

enum status config_set_policy(struct config *config, const char *key, const char *value, struct problem *problem)
{
	const struct keyword *keyword = find_keyword(key, IN_POLICY);
	const char *expected;

	if (!keyword)
		return problem_set(problem, E_CONFIG_WORD, "unknown key baton-%.40s", key);
	expected = keyword->set(config, value);
	if (expected)
		return problem_set(problem, E_CONFIG_VALUE, "baton-%s is %.40s, expected %s", key,
				   *value ? value : "empty", expected);
	return OK;
}

/* One word "baton.KEY=VALUE" of the command line, without the "baton.". */
static enum status set_word(struct config *config, char *word, unsigned where, struct problem *problem)
{
	const struct keyword *keyword;
	const char *expected;
	char *value = strchr(word, '=');

	if (value)
		*value++ = '\0';
	keyword = find_keyword(word, where);
	if (!keyword && find_keyword(word, IN_FAULTS))
		return problem_set(problem, E_CONFIG_WORD, "command line: baton.%s= needs the faults build", word);
	if (!keyword)
		return problem_set(problem, E_CONFIG_WORD, "command line: unknown word baton.%.40s", word);
	if (!value)
		return problem_set(problem, E_CONFIG_VALUE, "command line: baton.%s needs a value: baton.%s=", word,
				   word);
	expected = keyword->set(config, value);
	if (expected)
		return problem_set(problem, E_CONFIG_VALUE, "command line: baton.%s is %.40s, expected %s", word,
				   *value ? value : "empty", expected);
	return OK;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What follows " -- ", blanks trimmed on both sides. */
static enum status set_append(struct config *config, const char *tail, struct problem *problem)
{
	size_t length;
	bool control;

	while (is_space(*tail))
		tail++;
	length = strlen(tail);
	while (length && is_space(tail[length - 1]))
		length--;
	if (length >= sizeof(config->append))
		return problem_set(problem, E_CMDLINE_LENGTH, "command line: more than %u bytes behind --",
				   CONFIG_APPEND_MAX - 1);
	if (text_flaw(tail, length, &control) < length)
		return problem_set(problem, E_CONFIG_VALUE, "command line: %s behind --",
				   control ? "control byte" : "no UTF-8");
	memcpy(config->append, tail, length);
	config->append[length] = '\0';
	return OK;
}

enum status config_parse_cmdline(struct config *config, const char *cmdline, bool faults_build,
				 struct problem *problem)
{
	unsigned where = IN_CMDLINE | (faults_build ? IN_FAULTS : 0);
	enum status first = OK;
	char word[320];

	for (;;) {
		size_t length = 0;

		while (is_space(*cmdline))
			cmdline++;
		if (!*cmdline)
			return first;
		while (cmdline[length] && !is_space(cmdline[length]))
			length++;
		if (length == 2 && !memcmp(cmdline, "--", 2)) {
			keep(&first, set_append(config, cmdline + 2, problem));
			return first;
		}
		if (length > 6 && !strncmp(cmdline, "baton.", 6)) {
			size_t rest = length - 6;

			if (rest >= sizeof(word)) {
				keep(&first, problem_set(problem, E_CONFIG_VALUE,
							 "command line: word too long: %.20s...", cmdline));
			} else {
				memcpy(word, cmdline + 6, rest);
				word[rest] = '\0';
				keep(&first, set_word(config, word, where, problem));
			}
		}
		cmdline += length;
	}
}

void config_settle_loop(struct config *config)
{
	if (config->hours && !config->loop_set)
		config->loop = CONFIG_LOOP_FOREVER;
}

uint32_t config_reset_after_s(const struct config *config)
{
	if (config->reset_after_set)
		return config->reset_after_s;
	return config->on_failure == ON_FAILURE_MENU ? CONFIG_RESET_AFTER_MENU_S : CONFIG_RESET_AFTER_S;
}
