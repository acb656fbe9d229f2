// SPDX-License-Identifier: MIT
/*
 * UTF-8 as Unicode defines it (15.0, table 3-7): neither overlong nor surrogates. What is not well formed, or controls
 * a terminal, is kept from every text that is shown. Pure; any context.
 */
#ifndef LIB_UTF8_H
#define LIB_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_BYTES_MAX 4u

/* Bytes of the sequence that text begins with, 0: malformed, or cut off by length. A NUL ends any sequence. */
static inline unsigned utf8_sequence(const char *text, size_t length)
{
	const uint8_t *s = (const uint8_t *)text;
	unsigned bytes;

	if (!length || s[0] < 0x80)
		return length ? 1 : 0;
	bytes = s[0] < 0xc2 || s[0] > 0xf4 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (bytes > length)
		return 0;
	for (unsigned i = 1; i < bytes; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return bytes;
}

/* Whether a well-formed sequence is C0 (tab and line ends, too), DEL or C1 (U+0080 to U+009F). */
static inline bool utf8_is_control(const char *sequence)
{
	const uint8_t *s = (const uint8_t *)sequence;

	return s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0);
}

#endif
