// SPDX-License-Identifier: MIT
/*
 * What a failure leaves on the screen: the facts on few short lines, for a photograph. Linked into the image and into
 * the block, which say the same. Pure; any context.
 */
#ifndef LIB_PANEL_H
#define LIB_PANEL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#define PANEL_COLUMNS	80u
#define PANEL_ROWS	9u		/* and one more below for what happens next */
#define PANEL_TEXT_ROWS	4u		/* of them for the problem's text */

/* Empty texts are left out. */
struct panel_facts {
	unsigned code;			/* E number */
	const char *text;
	const char *where;		/* "in the kernel" */
	const char *entry, *version, *commit, *vendor, *product, *bios;
	uint64_t generation, seed;	/* a loop's; generation 0 or 1 without seed: none */
	uint64_t us;			/* since the door */
};

struct panel { char lines[PANEL_ROWS][PANEL_COLUMNS + 1]; unsigned count; };

/* Words of the text are not cut unless one is longer than a line; more than PANEL_TEXT_ROWS hold ends in "...". */
void panel_make(struct panel *panel, const struct panel_facts *facts);

/* A line of its full width: cut, or filled up with blanks so that it covers what it is written over. */
void panel_line(char line[PANEL_COLUMNS + 1], const char *format, va_list arguments);

#endif
