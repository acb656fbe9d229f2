// SPDX-License-Identifier: MIT
/*
 * What a generation of a loop decides by lot: the same seed and generation decide the same on every machine. Pure, any
 * context. Where the next image lies is boot/loop.h's.
 */
#ifndef KERNEL_CHOICE_H
#define KERNEL_CHOICE_H

#include <stdbool.h>
#include <stdint.h>

#include "purgatory/slot.h"

struct choice { uint64_t seed, generation; };

/* How the CPU of that index is parked. MWAIT spins under emulation and starves the others, so it is rare there. */
enum slot_mode choice_park_mode(struct choice c, unsigned index, bool hypervisor);

/* Whether it goes into the lot before memory is filled for the next generation, instead of with all others. */
bool choice_offline(struct choice c, unsigned index);

#endif
