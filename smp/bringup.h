// SPDX-License-Identifier: MIT
/* Between smp/online.c, smp/hold.c (boss) and smp/ap.c (everybody else) only. */
#ifndef SMP_BRINGUP_H
#define SMP_BRINGUP_H

#include <stdbool.h>
#include <stdint.h>

#include "x86/state.h"

/* What every CPU must equal. Constant from before the first INIT on. */
const struct cpu_features_state *bringup_boss_state(void);

/* What smp_hold() did, handed over to the bring-up that follows. */
struct bringup_hold {
	bool done;			/* INIT is out, IVT[2] is taken */
	uint64_t tsc;			/* just before the first INIT */
	uint32_t ivt_old;
};
struct bringup_hold bringup_take_hold(void);

/* The space that every CPU runs on. Constant as above. */
struct space *bringup_space(void);

/* x86/entry/ap.S: 64-bit entry of an AP, ends in ap_main(). */
void ap_entry(void);

#endif
