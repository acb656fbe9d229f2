// SPDX-License-Identifier: MIT
#include <stdarg.h>

#include "lib/fbtext.h"
#include "lib/fmt.h"
#include "purgatory/purgatory.h"
#include "x86/cpu.h"
#include "x86/pc/uart.h"

/* Scale 0 keeps glyphs at single size only below 160 columns or below 50 rows: 159 x 90 is the largest text. */
#define SHADOW_BYTES	(160u * FBTEXT_ROWS_MAX)

static struct uart uart;
static struct fbtext screen;
static bool screen_on;		/* from the first problem on */
static uint8_t shadow[SHADOW_BYTES];

void say_init(const struct plan *plan)
{
	uart.base = plan->uart.base;
	uart.mmio = plan->uart.mmio;
	uart.stride = plan->uart.stride;
	if (plan->framebuffer.base && plan->framebuffer.bytes_per_pixel == 4)
		fbtext_init(&screen, cpu_phys_pointer(plan->framebuffer.base), plan->framebuffer.size,
			    plan->framebuffer.width, plan->framebuffer.height, plan->framebuffer.stride, 0, shadow,
			    sizeof(shadow));
}

void say_on_screen(void)
{
	if (!screen_on)
		fbtext_clear(&screen);
	screen_on = true;
}

void say(const char *format, ...)
{
	char line[242];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = fmt_vsnprint(line, sizeof(line) - 1, format, arguments);
	va_end(arguments);
	if (length > (int)sizeof(line) - 2)
		length = sizeof(line) - 2;
	line[length++] = '\n';
	uart_write_text(&uart, line, (uint32_t)length);
	if (screen_on)
		fbtext_write(&screen, line, (uint32_t)length);
}
