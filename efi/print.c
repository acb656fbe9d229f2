// SPDX-License-Identifier: MIT
#include "efi/print.h"

#include <stdbool.h>

#include "efi/firmware.h"
#include "lib/fmt.h"

#define LINE_BYTES 1024
#define STALL_US 50000u			/* for each character that the console did not take at once */
#define PATIENCE_US 2000000u		/* in all for one call: a dead console must not hold up a boot */

static bool line_start = true;		/* the next character stands in column 0 */

/* Decodes one UTF-8 sequence and advances. A broken one yields '?' and advances by one byte. */
static uint32_t utf8_next(const char **at)
{
	const unsigned char *s = (const unsigned char *)*at;
	uint32_t value;
	unsigned more, i;

	if (s[0] < 0x80) {
		*at += 1;
		return s[0];
	}
	if (s[0] >= 0xf0 && s[0] < 0xf8)
		value = s[0] & 7, more = 3;
	else if (s[0] >= 0xe0 && s[0] < 0xf0)
		value = s[0] & 15, more = 2;
	else if (s[0] >= 0xc0 && s[0] < 0xe0)
		value = s[0] & 31, more = 1;
	else
		value = '?', more = 0;
	for (i = 1; i <= more; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			*at += 1;
			return '?';
		}
		value = value << 6 | (s[i] & 63);
	}
	*at += 1 + more;
	return value;
}

unsigned utf8_to_ucs2(unsigned short *to, unsigned size, const char *from)
{
	unsigned n = 0;

	while (*from && n + 1 < size) {
		uint32_t c = utf8_next(&from);

		to[n++] = c > 0xffff || (c >= 0xd800 && c < 0xe000) ? '?' : (unsigned short)c;
	}
	if (size)
		to[n] = 0;
	return n;
}

unsigned ucs2_to_utf8(char *to, unsigned size, const unsigned short *from, unsigned units)
{
	unsigned n = 0, i;

	for (i = 0; i < units && from[i]; i++) {
		uint32_t c = from[i];

		if (c >= 0xd800 && c < 0xe000)
			c = '?';
		if (n + 4 > size)
			break;
		if (c < 0x80) {
			to[n++] = (char)c;
		} else if (c < 0x800) {
			to[n++] = (char)(0xc0 | c >> 6);
			to[n++] = (char)(0x80 | (c & 63));
		} else {
			to[n++] = (char)(0xe0 | c >> 12);
			to[n++] = (char)(0x80 | (c >> 6 & 63));
			to[n++] = (char)(0x80 | (c & 63));
		}
	}
	if (size)
		to[n] = 0;
	return n;
}

static bool put(CHAR16 *text)
{
	return !EFI_ERROR(firmware.table->ConOut->OutputString(firmware.table->ConOut, text));
}

/* One line or the part of one. A serial driver of EDK2 that finds its port busy for two characters' time drops what is
 * left of the string, though it keeps the character it stands at. So a line that failed is written once more over
 * itself, one character a call, with time for the port in between. */
static void put_line(CHAR16 *text, bool whole, unsigned *patience_us)
{
	CHAR16 one[2] = { '\r', 0 };

	if (put(text) || !whole)
		return;
	put(one);
	for (; *text; text++) {
		one[0] = *text;
		if (put(one) || *patience_us < STALL_US)
			continue;
		firmware.boot->Stall(STALL_US);
		*patience_us -= STALL_US;
	}
}

void print(const char *format, ...)
{
	unsigned n = 0, patience_us = PATIENCE_US;
	char text[LINE_BYTES];
	const char *at = text;
	CHAR16 out[LINE_BYTES];
	va_list arguments;

	va_start(arguments, format);
	fmt_vsnprint(text, sizeof text, format, arguments);
	va_end(arguments);
	while (*at) {
		uint32_t c = utf8_next(&at);

		if (c == '\n')
			out[n++] = '\r';
		out[n++] = c > 0xffff ? '?' : (CHAR16)c;
		if (c != '\n' && *at && n < LINE_BYTES - 3)
			continue;
		out[n] = 0;
		put_line(out, line_start, &patience_us);
		line_start = c == '\n';
		n = 0;
	}
}

void print_problem(const struct problem *problem)
{
	firmware.table->ConOut->SetAttribute(firmware.table->ConOut, EFI_YELLOW);
	print("Baton: E%02u: %s\n", problem->code, problem->text);
	firmware.table->ConOut->SetAttribute(firmware.table->ConOut, EFI_LIGHTGRAY);
}

void print_highlight(int on)
{
	firmware.table->ConOut->SetAttribute(firmware.table->ConOut,
					     on ? EFI_BLACK | EFI_BACKGROUND_LIGHTGRAY : EFI_LIGHTGRAY);
}
