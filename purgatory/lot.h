// SPDX-License-Identifier: MIT
/* The CPU's half of the lot. Everything it knows is in its slot, so that the loop may be restarted at any
 * instruction (protocol rule 3). */
#ifndef PURGATORY_LOT_H
#define PURGATORY_LOT_H

#include <stdbool.h>

#include "purgatory/slot.h"

/* Turns for good. Context: a parked CPU on its slot's stack, interrupts off, entered by lot.S and by every gate.
 * Returns only to follow LEAVE, into lot.S. */
void lot_loop(struct slot *slot);

/* One turn: look at the command, do and answer it or sleep until something happens. False: LEAVE. */
bool lot_turn(struct slot *slot);

/* lot.S: reads this CPU's registers back, what is loaded and not what should be. */
void lot_read_evidence(struct slot_evidence *out);

#endif
