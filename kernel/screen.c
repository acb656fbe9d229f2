// SPDX-License-Identifier: MIT
#include "kernel/screen.h"

#include <stdarg.h>

#include "lib/fbtext.h"
#include "lib/panel.h"
#include "lib/string.h"

static struct fbtext text;
static uint8_t shadow[FBTEXT_SHADOW_BYTES];

bool screen_usable(const struct framebuffer *fb)
{
	/* All GOP formats but bit masks have 32 bits a pixel; of masks only those that also have are drawn on. */
	return fb->base && (fb->format != PIXEL_MASK ||
			    (fb->red_mask | fb->green_mask | fb->blue_mask | fb->reserved_mask) > 0xffffff);
}

void screen_attach(const struct framebuffer *fb)
{
	if (fb->base && fb->format == PIXEL_TEXT)
		fbtext_init_vga(&text, (void *)fb->base, fb->size, fb->width, fb->height, shadow, sizeof(shadow));
	else if (screen_usable(fb))
		fbtext_init(&text, (void *)fb->base, fb->size, fb->width, fb->height, fb->stride, 0, shadow,
			    sizeof(shadow));
}

void screen_open(const struct framebuffer *fb)
{
	screen_attach(fb);
	if (screen_there())
		fbtext_clear(&text);
}

bool screen_there(void)
{
	return text.columns != 0;
}

void screen_facts(const struct panel *panel)
{
	if (text.column)
		screen_write("\n");
	for (unsigned i = 0; i < panel->count; i++) {
		screen_write(panel->lines[i]);
		screen_write("\n");
	}
}

void screen_row(unsigned row, const char *format, ...)
{
	char line[PANEL_COLUMNS + 1];
	va_list arguments;

	va_start(arguments, format);
	panel_line(line, format, arguments);
	va_end(arguments);
	if (row >= text.rows)
		return;
	text.row = row;
	text.column = 0;
	fbtext_write(&text, line, PANEL_COLUMNS < text.columns ? PANEL_COLUMNS : text.columns);
}

void screen_next(const char *format, ...)
{
	char line[PANEL_COLUMNS + 1];
	va_list arguments;

	va_start(arguments, format);
	panel_line(line, format, arguments);
	va_end(arguments);
	screen_write("\r");
	screen_write(line);
}

void screen_write(const char *line)
{
	fbtext_write(&text, line, strlen(line));
}
