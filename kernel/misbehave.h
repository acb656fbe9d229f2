// SPDX-License-Identifier: MIT
/*
 * CPUs that misbehave at random, generation by generation (faults build, baton.fault=random:CPUS). What is drawn
 * follows from seed and generation; test/campaign/misbehave.py draws the same on its own and compares.
 */
#ifndef KERNEL_MISBEHAVE_H
#define KERNEL_MISBEHAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "purgatory/report.h"

#define MISBEHAVE_CPUS 8u

/* The fault word of that CPU in that generation; false: it does as it should. In one generation of 32 one CPU does what
 * the loop cannot go on with; in half of them nobody does anything; in the others each CPU does something one time in
 * three. apic_id: 1 to cpus. Pure. */
bool misbehave_draw(uint64_t seed, uint64_t generation, uint32_t cpus, uint32_t apic_id, char *word, size_t size);

/* One line of what the report of the generation before says about its CPUs. Context: boss, after log_open(). */
void misbehave_tell(const struct report_header *report);

#endif
