// SPDX-License-Identifier: MIT
#include <stdarg.h>

#include "lib/fbtext.h"
#include "lib/fmt.h"
#include "lib/panel.h"
#include "lib/string.h"
#include "purgatory/purgatory.h"
#include "x86/cpu.h"
#include "x86/pc/uart.h"

/* Scale 0 keeps glyphs at single size only below 160 columns or below 44 rows: 159 x 90 is the largest text, of which
 * the upper 50 rows are enough for what is said here. */
#define SHADOW_BYTES	(160u * 50u)

static struct uart uart;
static struct fbtext screen;
static bool screen_on;		/* from the first problem on */
static uint8_t shadow[SHADOW_BYTES];

/* Without a base there is nothing that lib/fbtext.h would write to. */
void say_init(const struct plan *plan)
{
	const struct plan_framebuffer *fb = &plan->framebuffer;

	uart.base = plan->uart.base;
	uart.mmio = plan->uart.mmio;
	uart.stride = plan->uart.stride;
	if (fb->bytes_per_pixel == sizeof(uint16_t))
		fbtext_init_vga(&screen, cpu_phys_pointer(fb->base), fb->size, fb->width, fb->height, shadow,
				sizeof(shadow));
	else if (fb->bytes_per_pixel == sizeof(uint32_t))
		fbtext_init(&screen, cpu_phys_pointer(fb->base), fb->size, fb->width, fb->height, fb->stride, 0,
			    shadow, sizeof(shadow));
}

void say_on_screen(void)
{
	if (!screen_on)
		fbtext_clear(&screen);
	screen_on = true;
}

static void put(bool on_screen, const char *format, va_list arguments)
{
	char line[242];
	int length = fmt_vsnprint(line, sizeof(line) - 1, format, arguments);

	if (length > (int)sizeof(line) - 2)
		length = sizeof(line) - 2;
	line[length++] = '\n';
	uart_write_text(&uart, line, (uint32_t)length);
	if (on_screen)
		fbtext_write(&screen, line, (uint32_t)length);
}

void say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	put(screen_on, format, arguments);
	va_end(arguments);
}

void say_serial(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	put(false, format, arguments);
	va_end(arguments);
}

void say_facts(const struct panel *panel)
{
	unsigned i;

	for (i = 0; i < panel->count; i++) {
		fbtext_write(&screen, panel->lines[i], (uint32_t)strnlen(panel->lines[i], PANEL_COLUMNS));
		fbtext_write(&screen, "\n", 1);
	}
}

void say_next(const char *format, ...)
{
	char line[PANEL_COLUMNS + 1];
	va_list arguments;

	va_start(arguments, format);
	panel_line(line, format, arguments);
	va_end(arguments);
	fbtext_write(&screen, "\r", 1);
	fbtext_write(&screen, line, PANEL_COLUMNS);
}
