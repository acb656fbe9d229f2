// SPDX-License-Identifier: MIT
/*
 * Which entry is the default, and when the menu starts it: pure state, no keys read and nothing drawn here.
 */
#ifndef BOOT_SELECT_H
#define BOOT_SELECT_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/config.h"
#include "boot/entry.h"
#include "lib/status.h"

/* Shell pattern (* ? [a-z] [!a] \x), ASCII letters in either case, as FAT names are. Linear in pattern x text. */
bool select_glob_match(const char *pattern, const char *text);

/* The entry's id matches, with or without its ".conf". */
bool select_entry_matches(const struct entry *entry, const char *pattern);

/*
 * Index into list (sorted, count > 0) of the entry to start. oneshot (id, one boot only) goes before config's
 * default pattern, "@saved" there stands for saved; either may be NULL or "". What matches nothing falls through to
 * the next and at last to the first entry; bad entries (no tries left, or unusable) are taken only by name or when all
 * are bad.
 * problem (may be NULL) gets E14 naming the id that matched nothing. E10: count is 0.
 */
enum status select_default(const struct config *config, struct entry *const *list, unsigned count,
			   const char *oneshot, const char *saved, unsigned *index, struct problem *problem);

#define SELECT_PROBE_MS	100	/* hidden menu: how long a held key is looked for */

struct menu_timer {
	bool visible;			/* the menu is on the screen */
	bool counting;			/* the default starts at deadline_ms */
	uint64_t deadline_ms;		/* 0: no key is looked for */
};

enum menu_verdict { MENU_WAIT, MENU_BOOT };

/* held: the menu must wait for a person whatever the configuration says (the last start failed). door_ms: when Baton
 * began; firmware has collected keys since before, so a hidden menu's time counts from there. */
void menu_timer_start(struct menu_timer *timer, const struct config *config, bool held, uint64_t door_ms,
		      uint64_t now_ms);

/* Any key shows the menu and stops the clock. */
void menu_timer_key(struct menu_timer *timer);

/* MENU_BOOT: time is up, start the default entry. */
enum menu_verdict menu_timer_poll(const struct menu_timer *timer, uint64_t now_ms);

/* Whole seconds left, rounded up; 0 unless counting. */
uint32_t menu_timer_seconds(const struct menu_timer *timer, uint64_t now_ms);

#endif
