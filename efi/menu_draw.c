// SPDX-License-Identifier: MIT
#include "efi/menu_draw.h"

#include "efi/print.h"
#include "gen/identity.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define TOP_ROW		2
#define LINE_BYTES	256

static void go_to(unsigned column, unsigned row)
{
	firmware.table->ConOut->SetCursorPosition(firmware.table->ConOut, column, row);
}

/* What a person needs beside the title to tell an entry from those that have the same one. */
static const char *told_apart_by(const struct entries *entries, unsigned index)
{
	const struct entry *entry = entries->list[index];
	const char *by = "";

	for (unsigned i = 0; i < entries->count && by != entry->id; i++) {
		const struct entry *other = entries->list[i];

		if (i == index || strcmp(other->title, entry->title))
			continue;
		by = entry->version[0] && strcmp(other->version, entry->version) ? entry->version : entry->id;
	}
	return entry->title[0] ? by : "";
}

/* Title; where two are alike also version or id; tries left and broken entries are marked. What is too long for the
 * screen loses of its title, not its marks. */
static void entry_line(const struct entries *entries, unsigned index, char *line, unsigned size)
{
	const struct entry *entry = entries->list[index];
	const char *extra = told_apart_by(entries, index);
	char tries[32] = "", marks[LINE_BYTES];
	unsigned room;

	if (entry->counted)
		fmt_snprint(tries, sizeof tries, " [%u tries left]", entry->tries_left);
	fmt_snprint(marks, sizeof marks, "%s%s%s%s%s", extra[0] ? " (" : "", extra, extra[0] ? ")" : "", tries,
		    entries_listed(entries, index)->problem.code ? " [not usable]" : "");
	room = strlen(marks) < size ? size - 1 - (unsigned)strlen(marks) : 0;
	fmt_snprint(line, size, "%.*s%s", room, entry->title[0] ? entry->title : entry->id, marks);
}

static void draw_row(const struct menu *menu, const struct menu_view *view, unsigned index)
{
	char line[LINE_BYTES];
	bool selected = index == menu->selected;

	entry_line(menu->entries, index, line,
		   view->columns > 6 && view->columns - 5 < sizeof line ? view->columns - 5 : sizeof line);
	go_to(0, TOP_ROW + index - view->first);
	print(selected ? " > " : "   ");
	print_highlight(selected);
	print("%s", line);
	print_highlight(false);
	print("\n");
}

/* Rows that problems or a note take below the entries. */
static unsigned message_rows(const struct menu *menu, unsigned columns)
{
	unsigned rows = 1, i;

	if (menu->story[0] && columns)
		rows += (unsigned)strlen(menu->story) / columns + 1;
	for (i = 0; i < menu->problem_count && columns; i++)
		rows += ((unsigned)strlen(menu->problems[i].text) + sizeof "Baton: E99: ") / columns + 1;
	return rows;
}

static void measure(const struct menu *menu, struct menu_view *view)
{
	SIMPLE_TEXT_OUTPUT_INTERFACE *out = firmware.table->ConOut;
	UINTN columns = 80, rows = 25;
	unsigned below;

	if (out->QueryMode(out, out->Mode->Mode, &columns, &rows))
		columns = 80, rows = 25;
	view->columns = (unsigned)columns;
	below = message_rows(menu, view->columns) + 4;
	view->rows = rows > TOP_ROW + below ? (unsigned)rows - TOP_ROW - below : 1;
	if (view->rows > menu->entries->count)
		view->rows = menu->entries->count;
	if (menu->selected < view->first)
		view->first = menu->selected;
	if (view->rows && menu->selected >= view->first + view->rows)
		view->first = menu->selected - view->rows + 1;
	view->status_row = TOP_ROW + view->rows + below - 2;
}

void menu_draw_countdown(const struct menu_view *view, uint32_t seconds)
{
	go_to(0, view->status_row);
	if (seconds)
		print("Starting in %u s. Enter boot, e edit, h help. ", seconds);
	else
		print("Enter boot, e edit, h help.                   ");
}

void menu_draw(const struct menu *menu, struct menu_view *view, uint32_t seconds)
{
	unsigned i;

	firmware.table->ConOut->EnableCursor(firmware.table->ConOut, FALSE);
	print_highlight(false);
	firmware.table->ConOut->ClearScreen(firmware.table->ConOut);
	measure(menu, view);
	print("Baton " BATON_VERSION "\n");
	for (i = 0; i < view->rows; i++)
		draw_row(menu, view, view->first + i);
	if (view->rows < menu->entries->count)
		print("   (%u to %u of %u entries)", view->first + 1, view->first + view->rows, menu->entries->count);
	go_to(0, TOP_ROW + view->rows + 1);
	if (menu->story[0])
		print("%s\n", menu->story);
	for (i = 0; i < menu->problem_count; i++)
		print_problem(&menu->problems[i]);
	if (view->note[0])
		print("%s\n", view->note);
	view->note[0] = 0;
	menu_draw_countdown(view, seconds);
}

bool menu_draw_move(const struct menu *menu, struct menu_view *view, unsigned before)
{
	if (menu->selected < view->first || menu->selected >= view->first + view->rows)
		return false;
	draw_row(menu, view, before);
	draw_row(menu, view, menu->selected);
	return true;
}

void menu_draw_leave(const struct menu_view *view)
{
	if (view->columns)
		go_to(0, view->status_row);
	print("\n");
}
