// SPDX-License-Identifier: MIT
/*
 * ACPI SPCR: the serial console that firmware uses. Source: Microsoft's Serial Port Console Redirection Table,
 * revisions 1-4. Pure over (pointer, length).
 */
#ifndef LIB_SPCR_H
#define LIB_SPCR_H

#include "lib/console_spec.h"
#include "lib/status.h"

/* Reads the table (header included, checked by lib/acpi). E40: too short. E15: an interface that is no 16550, or an
 * address in a space that is neither memory nor I/O; *out is untouched then. Any context. */
enum status spcr_parse(const uint8_t *table, uint32_t length, struct console_spec *out, struct problem *problem)
	MUST_CHECK;

#endif
