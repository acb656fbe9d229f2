// SPDX-License-Identifier: MIT
/* HPET: a clock to calibrate against, and quiet before the jump. base: mapped uncached. */
#ifndef X86_PC_HPET_H
#define X86_PC_HPET_H

#include <stdbool.h>
#include <stdint.h>

/* Starts the main counter if it stands still; false: period out of the specification's bounds (0 < fs <= 100 ns). */
bool hpet_start(uint64_t base, uint64_t *period_femtoseconds);

/* Low 32 bits of the main counter. */
uint32_t hpet_read(uint64_t base);

/* Main enable and legacy replacement off. */
void hpet_stop(uint64_t base);

#endif
