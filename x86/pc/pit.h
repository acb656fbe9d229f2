// SPDX-License-Identifier: MIT
/* The 8254: channel 2 as a gate for calibration, channel 0 idle before the jump. */
#ifndef X86_PC_PIT_H
#define X86_PC_PIT_H

#include <stdbool.h>
#include <stdint.h>

#define PIT_HZ 1193182u

/* Starts channel 2 counting ticks (1..65535) down, speaker off. */
void pit_start(uint16_t ticks);

/* True once the count of pit_start() ran out. */
bool pit_done(void);

/* Channel 0 in one-shot mode with no count loaded: no more IRQ 0. */
void pit_stop(void);

#endif
