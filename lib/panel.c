// SPDX-License-Identifier: MIT
#include "lib/panel.h"

#include "lib/fmt.h"
#include "lib/string.h"

static char *next_line(struct panel *p)
{
	return p->lines[p->count++];
}

/* How much of text goes on a line: up to the last blank that fits, or all that fits. */
static unsigned fitting(const char *text)
{
	unsigned length = (unsigned)strnlen(text, PANEL_COLUMNS + 1), cut = PANEL_COLUMNS;

	if (length <= PANEL_COLUMNS)
		return length;
	while (cut && text[cut] != ' ')
		cut--;
	return cut ? cut : PANEL_COLUMNS;
}

static void add_text(struct panel *p, const char *text)
{
	for (unsigned row = 0; row < PANEL_TEXT_ROWS && *text; row++) {
		unsigned length = fitting(text);
		char *line = next_line(p);

		memcpy(line, text, length);
		line[length] = 0;
		text += length;
		while (*text == ' ')
			text++;
		if (row == PANEL_TEXT_ROWS - 1 && *text)
			memcpy(line + (length > PANEL_COLUMNS - 3 ? PANEL_COLUMNS - 3 : length), "...", 4);
	}
}

static void add_entry(struct panel *p, const struct panel_facts *f)
{
	char *line = next_line(p);
	int used = fmt_snprint(line, PANEL_COLUMNS + 1, "entry %.40s", f->entry[0] ? f->entry : "unknown");

	if (f->generation > 1 || f->seed)
		fmt_snprint(line + used, PANEL_COLUMNS + 1 - (unsigned)used, ", generation %llu, seed %llu",
			    (unsigned long long)f->generation, (unsigned long long)f->seed);
}

void panel_make(struct panel *p, const struct panel_facts *f)
{
	unsigned long long ms = f->us / 1000;

	p->count = 0;
	fmt_snprint(next_line(p), PANEL_COLUMNS + 1, "======== Baton stopped: E%02u ========", f->code);
	add_text(p, f->text);
	add_entry(p, f);
	fmt_snprint(next_line(p), PANEL_COLUMNS + 1, "Baton %.16s %.16s, %.20s, %llu.%03llu s after the door",
		    f->version, f->commit, f->where, ms / 1000, ms % 1000);
	if (f->vendor[0] || f->product[0] || f->bios[0])
		fmt_snprint(next_line(p), PANEL_COLUMNS + 1, "%.20s %.36s, firmware %.12s", f->vendor, f->product,
			    f->bios);
	fmt_snprint(next_line(p), PANEL_COLUMNS + 1, "docs/errors.md explains E%02u.", f->code);
}

void panel_line(char line[PANEL_COLUMNS + 1], const char *format, va_list arguments)
{
	size_t length;

	fmt_vsnprint(line, PANEL_COLUMNS + 1, format, arguments);
	length = strnlen(line, PANEL_COLUMNS);
	memset(line + length, ' ', PANEL_COLUMNS - length);
	line[PANEL_COLUMNS] = 0;
}
