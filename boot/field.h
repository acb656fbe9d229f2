// SPDX-License-Identifier: MIT
/*
 * Little-endian fields of files at any alignment, and the one wording for a field that makes no sense. Pure.
 */
#ifndef BOOT_FIELD_H
#define BOOT_FIELD_H

#include <stdint.h>

#include "lib/status.h"

static inline uint16_t field16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t field32(const uint8_t *p)
{
	return field16(p) | (uint32_t)field16(p + 2) << 16;
}

static inline uint64_t field64(const uint8_t *p)
{
	return field32(p) | (uint64_t)field32(p + 4) << 32;
}

/* "NAME: FIELD is 0xVALUE, REASON"; returns code. */
static inline enum status field_refuse(struct problem *problem, enum status code, const char *name, const char *field,
				       uint64_t value, const char *reason)
{
	return problem_set(problem, code, "%s: %s is 0x%llx, %s", name, field, (unsigned long long)value, reason);
}

#endif
