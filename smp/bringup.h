// SPDX-License-Identifier: MIT
/* Between smp/online.c (boss) and smp/ap.c (everybody else) only. */
#ifndef SMP_BRINGUP_H
#define SMP_BRINGUP_H

#include "x86/state.h"

/* What every CPU must equal. Constant from before the first INIT on. */
const struct cpu_features_state *bringup_boss_state(void);

/* x86/entry/ap.S: 64-bit entry of an AP, ends in ap_main(). */
void ap_entry(void);

#endif
