// SPDX-License-Identifier: MIT
/*
 * The menu's picture: title, entries (a window of them if the screen is short), a note or a problem, the countdown.
 */
#ifndef EFI_MENU_DRAW_H
#define EFI_MENU_DRAW_H

#include "efi/menu.h"

struct menu_view {
	unsigned columns, rows;		/* of the screen; rows for entries */
	unsigned first;			/* entry in the top row */
	unsigned status_row;
	char note[160];
};

/* Everything anew. seconds: countdown, 0: none. */
void menu_draw(const struct menu *menu, struct menu_view *view, uint32_t seconds);

/* The selection moved from entry before: two rows. False: a full redraw is due (it left the window). */
bool menu_draw_move(const struct menu *menu, struct menu_view *view, unsigned before);

void menu_draw_countdown(const struct menu_view *view, uint32_t seconds);

/* Cursor back below everything, for plain text. */
void menu_draw_leave(const struct menu_view *view);

#endif
