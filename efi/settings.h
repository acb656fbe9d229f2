// SPDX-License-Identifier: MIT
/*
 * The configuration as door 1 finds it: files of our partition, then the variable an operating system may have set,
 * then LoadOptions. Before ExitBootServices only.
 */
#ifndef EFI_SETTINGS_H
#define EFI_SETTINGS_H

#include "boot/config.h"
#include "boot/entry.h"
#include "efi/file.h"

struct settings {
	struct config config;
	char cmdline[CMDLINE_MAX];	/* our own, from LoadOptions */
	char oneshot[256];		/* LoaderEntryOneShot, taken away from firmware */
	char last_booted[256];		/* for "default @saved" */
};

enum settings_source { FROM_LOADER_CONF, FROM_BATON_CONF, FROM_CMDLINE, SETTINGS_SOURCES };

/* Fills settings. E11, E12, E21, E28: each source's first bad word, code OK if there is none; everything else counts
 * all the same. */
void settings_read(struct settings *settings, struct volume *volume, struct problem problems[SETTINGS_SOURCES]);

/* What holds for one entry: files, its own baton-KEY lines, our command line, later ones winning. */
void settings_for_entry(const struct settings *settings, const struct entry *entry, struct config *config);

#endif
