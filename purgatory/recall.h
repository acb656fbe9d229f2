// SPDX-License-Identifier: MIT
/* struct boss's hooks for the real-mode NMI vector inside the block (protocol rules 6, 10, 14); context is the plan. */
#ifndef PURGATORY_RECALL_H
#define PURGATORY_RECALL_H

#include <stdint.h>

/* Context: boss, after VERIFY, on a root that maps the block. Page 0 is writable in the hand-over root only, so that
 * one is loaded meanwhile, and the boss's back before they return. It maps no device: nothing is printed in between. */
uint32_t recall_ivt_take(void *context, uint64_t page);
void recall_ivt_restore(void *context, uint32_t old);

#endif
