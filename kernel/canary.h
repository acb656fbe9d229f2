// SPDX-License-Identifier: MIT
/*
 * A sample of free memory that nobody may write: filled when the images are in place, looked at right before the
 * boss commits. What changes it is DMA, firmware or a stray store (protocol rule 21; NIC DMA after kexec is the field's
 * classic). The pages lie next to the images and here and there in free memory.
 */
#ifndef KERNEL_CANARY_H
#define KERNEL_CANARY_H

#include "lib/status.h"
#include "mm/phys.h"

#define CANARY_PAGES 64u
#define CANARY_SPREAD 4u

/* Takes and fills the highest free page of phys below each of the limits (addresses; at most CANARY_PAGES). Boss, our
 * own tables loaded. Returns how many there were. */
unsigned canary_fill(struct phys *phys, const uint64_t *limits, unsigned count);

/* E84 names the first byte that changed, its address and what was found. */
enum status MUST_CHECK canary_check(struct problem *problem);

/* Faults build: changes one byte of the sample. */
void canary_damage(void);

#endif
