// SPDX-License-Identifier: MIT
/*
 * The phases of a boot and their times, kept until the report exists. Times are raw TSC until calibrated.
 */
#ifndef KERNEL_PHASE_H
#define KERNEL_PHASE_H

#include <stdint.h>

#include "kernel/report.h"
#include "mm/mm.h"

/* The door's first TSC value: zero of all phase times. */
void phase_origin(uint64_t tsc);

/* The phase that started where the last one ended is over now; prints it. Context: boss, clock running. */
void phase_done(const char *name);

/* Like phase_done() for an end in the past (the door's stamps). */
void phase_done_at(const char *name, uint64_t tsc);

/* A place where the machine may be stopped from outside (test/campaign/): says the line, with the largest run of free
 * memory that nobody uses, and goes on. Context: boss. */
void phase_checkpoint(const char *name, struct mm_range idle);

/* Copies all phases so far into the report, converted with tsc_khz. */
void phase_report(struct report *r, uint64_t tsc_khz);

#endif
