// SPDX-License-Identifier: MIT
/*
 * Lines of a small text file as "key value" pairs: what entries and configuration files have in common. Pure.
 */
#ifndef BOOT_TEXT_H
#define BOOT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_LINE_BYTES 4096			/* longest line, NUL included */

struct text {
	const char *next, *end;
	unsigned number;			/* of the current line, from 1 */
	char *key, *value;			/* into line; value "" if there is none */
	const char *bad;			/* why the line is unusable; NULL: key and value are valid */
	char line[TEXT_LINE_BYTES];
};

/* Starts before the first line; a UTF-8 byte order mark is skipped. The text is not copied. */
void text_begin(struct text *text, const char *from, uint64_t length);

/* Goes to the next line that is neither empty nor a # comment, blanks trimmed on all sides; LF or CR LF. A line with
 * control bytes, not in UTF-8 or too long comes with bad set. False: no more lines. */
bool text_next(struct text *text);

/* Whole value as an unsigned number, decimal or 0x hexadecimal, at most max. */
bool text_to_number(const char *value, uint64_t max, uint64_t *number);

/* Copies with NUL; false (and nothing copied) if it does not fit. */
bool text_copy(char *to, uint64_t size, const char *from);

/* Bytes before the first place that a shown text must not have, length: there is none. *control: it is a control
 * character (C0, tabs too, DEL, C1), else it is not UTF-8. */
size_t text_flaw(const char *text, size_t length, bool *control);

char text_lower(char c);
bool text_equal_nocase(const char *a, const char *b);

#endif
