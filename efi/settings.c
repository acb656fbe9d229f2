// SPDX-License-Identifier: MIT
#include "efi/settings.h"

#include "boot/load.h"
#include "efi/options.h"
#include "efi/vars.h"
#include "kernel/kernel.h"
#include "lib/fmt.h"
#include "lib/string.h"

typedef enum status parse_fn(struct config *config, const char *name, const char *text, uint64_t length,
			     struct problem *problem);

/* A file that is missing is an empty one. */
static void read_file(struct config *config, struct volume *volume, const char *path, parse_fn *parse,
		      struct problem *problem)
{
	static char text[CONFIG_FILE_BYTES + 1];
	struct problem unread = { .code = OK };
	uint32_t length = 0;
	enum status error = load_text(&volume->source, path, text, sizeof text, &length, &unread);

	if (error == E_FILE_MISSING)
		return;
	if (error)
		problem_set(problem, unread.code, "%s", unread.text);
	else
		parse(config, path, text, length, problem);
}

void settings_read(struct settings *settings, struct volume *volume, struct problem problems[SETTINGS_SOURCES])
{
	struct config *config = &settings->config;
	struct problem *word = &problems[FROM_CMDLINE];
	char chosen[sizeof config->default_pattern];
	enum status error;

	memset(settings, 0, sizeof *settings);
	memset(problems, 0, SETTINGS_SOURCES * sizeof *problems);
	config_init(config);
	read_file(config, volume, CONFIG_LOADER_CONF, config_parse_loader, &problems[FROM_LOADER_CONF]);
	read_file(config, volume, CONFIG_BATON_CONF, config_parse_baton, &problems[FROM_BATON_CONF]);
	if (vars_get_text(L"LoaderEntryDefault", chosen, sizeof chosen))
		memcpy(config->default_pattern, chosen, sizeof chosen);
	if (vars_get_text(L"LoaderEntryOneShot", settings->oneshot, sizeof settings->oneshot))
		vars_set_text(L"LoaderEntryOneShot", "", true);
	vars_get_text(L"LoaderEntryLastBooted", settings->last_booted, sizeof settings->last_booted);
	options_read(settings->cmdline, sizeof settings->cmdline);
	error = config_parse_cmdline(config, settings->cmdline, faults_built_in, word);
	if (error && !word->code)
		problem_set(word, error, "%s", status_text(error));
}

void settings_for_entry(const struct settings *settings, const struct entry *entry, struct config *config)
{
	struct problem seen_before = { .code = OK };

	*config = settings->config;
	entry_apply_policy(entry, config);
	/* Its problems were shown when the settings were read. */
	config_parse_cmdline(config, settings->cmdline, faults_built_in, &seen_before);
}
