// SPDX-License-Identifier: MIT
/*
 * Text on firmware's console (screen, and serial where firmware redirects it). Before ExitBootServices only.
 */
#ifndef EFI_PRINT_H
#define EFI_PRINT_H

#include "lib/status.h"

/* printf subset of lib/fmt.h; UTF-8 in, "\n" becomes CR LF, at most 1023 bytes a call. What a slow serial console drops
 * is written again, within two seconds a call. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One line "Baton: E20: text" for a problem, in a warning colour. */
void print_problem(const struct problem *problem);

/* Highlighted text from here on, or normal again. */
void print_highlight(int on);

/* Converts UTF-8 to NUL-terminated UCS-2; to holds size units. What has no place in UCS-2 becomes '?'.
 * Returns the number of units without the NUL. */
unsigned utf8_to_ucs2(unsigned short *to, unsigned size, const char *from);

/* The reverse; size in bytes, at most units of from are read and it ends at a NUL. */
unsigned ucs2_to_utf8(char *to, unsigned size, const unsigned short *from, unsigned units);

#endif
