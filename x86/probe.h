// SPDX-License-Identifier: MIT
/*
 * Accesses that may fault: instead of the panic hook the caller gets the page fault's error code (SDM 3A 4.7). For
 * tests of page tables; one access each, any CPU, interrupts off, GS set.
 */
#ifndef X86_PROBE_H
#define X86_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "x86/idt.h"

#define PROBE_FAULT	(1ull << 32)	/* plus the error code */
#define PF_PRESENT	1u
#define PF_WRITE	2u
#define PF_RESERVED	8u
#define PF_FETCH	16u

/* 0 or PROBE_FAULT. Loads 8 bytes at va; *value is written only then. */
uint64_t probe_load(uint64_t va, uint64_t *value);

/* Stores 8 bytes at va. */
uint64_t probe_store(uint64_t va, uint64_t value);

/* Calls va, where a RET must lie. */
uint64_t probe_call(uint64_t va);

/* For idt_dispatch(): a page fault of one of these is turned into its result; false: it is not theirs. */
bool probe_recover(struct trap_frame *frame);

#endif
