// SPDX-License-Identifier: MIT
/* An application processor's life in C. */
#ifndef SMP_AP_H
#define SMP_AP_H

#include "x86/percpu.h"

/* First C on an AP, entered by ap_entry (x86/entry/ap.S) on the CPU's own stack, GDT, TSS, GS and IDT, interrupts off,
 * NMIs open. Makes its registers equal to the boss's, reports ARRIVED, then serves calls out of HLT for good. */
_Noreturn void ap_main(struct percpu *percpu);

#endif
