// SPDX-License-Identifier: MIT
/*
 * Formatted text into a caller's buffer, without state. A subset of printf: %s %c %d %i %u %x %X %p %%, with
 * the flags 0 and -, a width, a precision of %s (both may be *), and the lengths hh h l ll z. Everything means
 * what C says; a conversion outside the subset is copied as it stands and takes no argument.
 */
#ifndef LIB_FMT_H
#define LIB_FMT_H

#include <stdarg.h>
#include <stddef.h>

/* Writes at most size bytes, the terminating NUL included (size 0: nothing). Returns the length that the
 * whole text has, so a result >= size means it was cut. A NULL string prints as "(null)". Any context. */
int fmt_vsnprint(char *to, size_t size, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));
int fmt_snprint(char *to, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
