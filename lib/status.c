// SPDX-License-Identifier: MIT
#include "lib/status.h"

#include <stdarg.h>

#include "lib/fmt.h"
#include "lib/utf8.h"

enum status problem_set(struct problem *p, enum status code, const char *format, ...)
{
	va_list arguments;

	if (!p || p->code != OK)
		return code;
	p->code = code;
	va_start(arguments, format);
	fmt_vsnprint(p->text, sizeof(p->text), format, arguments);
	va_end(arguments);
	/* Hostile names must not break the line or the terminal. */
	for (char *c = p->text; *c; ) {
		unsigned bytes = utf8_sequence(c, UTF8_BYTES_MAX);

		if (bytes && !utf8_is_control(c))
			c += bytes;
		else
			*c++ = '?';
	}
	return code;
}

const char *status_text(enum status code)
{
	switch (code) {
	case OK: return "no error";
#define STATUS(name, number, text) case name: return text;
#include "lib/status.def"
#undef STATUS
	}
	return "unknown error";
}
