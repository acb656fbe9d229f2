// SPDX-License-Identifier: MIT
/*
 * Dates of the Gregorian calendar as seconds since 1970-01-01 00:00:00, without leap seconds and without a time zone:
 * a firmware clock often does not know its own. Pure, any context.
 */
#ifndef LIB_DATE_H
#define LIB_DATE_H

#include <stddef.h>
#include <stdint.h>

struct date { uint32_t year, month, day, hour, minute, second; };	/* month and day from 1 */

#define DATE_TEXT_BYTES	24		/* "2026-11-21 10:13:56" and NUL */
#define DATE_AGO_BYTES	24		/* "41 seconds ago" and NUL */

/* 0: not a date between 1970 and 9999 (a clock that has lost its battery says 1970 or less, or nonsense). */
uint64_t date_to_seconds(const struct date *date);
void date_from_seconds(uint64_t seconds, struct date *date);

/* "2026-11-21 10:13:56". */
void date_text(char *to, size_t size, uint64_t seconds);

/* How long ago `then` was at `now`, in words of the largest unit that fits: "41 seconds ago". "" if then is later. */
void date_ago(char *to, size_t size, uint64_t then, uint64_t now);

#endif
