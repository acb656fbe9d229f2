// SPDX-License-Identifier: MIT
#include "lib/status.h"

#include <stdarg.h>

#include "lib/fmt.h"

enum status problem_set(struct problem *p, enum status code, const char *format, ...)
{
	va_list arguments;

	if (!p || p->code != OK)
		return code;
	p->code = code;
	va_start(arguments, format);
	fmt_vsnprint(p->text, sizeof(p->text), format, arguments);
	va_end(arguments);
	for (char *c = p->text; *c; c++)	/* hostile names must not break the line or the terminal */
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
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
