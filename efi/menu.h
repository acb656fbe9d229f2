// SPDX-License-Identifier: MIT
/*
 * The menu on firmware's console, serial terminals included: draws little, never assumes a size. Which entry is the
 * default and when it starts is boot/select.c's business. Before ExitBootServices only.
 */
#ifndef EFI_MENU_H
#define EFI_MENU_H

#include "boot/config.h"
#include "boot/segment.h"
#include "efi/entries.h"

#define MENU_PROBLEMS 8

struct menu {
	struct entries *entries;
	const struct config *config;
	unsigned selected;		/* in: the default; out: the choice */
	bool held;			/* wait for a person whatever the timeout says */
	const char *story;		/* how the last start ended; "": nothing to tell */
	struct problem problems[MENU_PROBLEMS];	/* what went wrong, oldest first */
	unsigned problem_count;
	uint64_t watch_until_ms;	/* out: the menu stayed hidden; a key until then (and while loading) shows it.
					 * 0: it was shown */
	bool edited;			/* out: options below replace the entry's */
	char options[CMDLINE_MAX];
};

enum menu_choice { MENU_CHOICE_START, MENU_CHOICE_QUIT };

/* Takes over a worded problem, code OK: there is none, and clears it for the next. Those beyond the capacity are
 * dropped: the first ones caused them more often than not. */
void menu_add_problem(struct menu *menu, struct problem *problem);

/* Runs until an entry is to be started or the user leaves. Each problem is one line, in the menu or, if that stays
 * hidden, as plain text. */
enum menu_choice menu_run(struct menu *menu);

#endif
