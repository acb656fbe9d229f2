// SPDX-License-Identifier: MIT
/*
 * The one error type. Fallible functions return enum status; the text for people goes into a struct
 * problem, one line that names the file, the field and the reason. Numbers are stable and explained in
 * docs/errors.md (make lint compares).
 *
 * Blocks of numbers: 1-9 doors, 10-19 configuration, 20-49 images and files, 50-59 memory, 60-79 CPUs,
 * 80-99 the block, verification, handover.
 */
#ifndef LIB_STATUS_H
#define LIB_STATUS_H

#include <stdint.h>

enum status {
	OK = 0,
#define STATUS(name, number, text) name = number,
#include "lib/status.def"
#undef STATUS
};

#define MUST_CHECK __attribute__((warn_unused_result))

/* One problem, worded. Owned by the caller; the first problem set is kept, later ones are dropped. */
struct problem {
	enum status code;
	char text[240];
};

/* Words problem p (may be NULL) unless it already holds one; returns code. Any context. */
enum status problem_set(struct problem *p, enum status code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The short text of a number from status.def, "unknown error" if there is none. Any context. */
const char *status_text(enum status code);

#endif
