// SPDX-License-Identifier: MIT
/*
 * A serial console named as in Linux's console= : ttyS0 to ttyS3 or uart[8250],{io|mmio|mmio32},ADDRESS, then
 * optionally ,BAUD[n[8]]. Source: Linux Documentation/admin-guide/kernel-parameters.txt, console= and earlycon=.
 */
#ifndef LIB_CONSOLE_SPEC_H
#define LIB_CONSOLE_SPEC_H

#include <stdint.h>

#include "lib/status.h"

struct console_spec {
	uint64_t base;		/* I/O port or physical address, never 0 */
	uint32_t mmio;		/* 1: physical address */
	uint32_t stride;	/* bytes between registers: 1, mmio32: 4 (32-bit accesses) */
	uint32_t baud;		/* 0: not given, leave the port's rate */
};

/* Parses the NUL-terminated text. On error (E_CONFIG_VALUE, one line naming text and the word) *out is untouched.
 * Baton has no parity, no 7 bits and no flow control: those are errors, too. Any context. */
enum status console_spec_parse(const char *text, struct console_spec *out, struct problem *problem) MUST_CHECK;

#endif
