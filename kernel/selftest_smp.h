// SPDX-License-Identifier: MIT
/*
 * The self-test of the lot on the machine itself (baton.selftest=smp): every CPU goes offline and comes back, alone
 * and with all others, in MWAIT and in HLT. While one sleeps alone the boss looks whether it turns its loop: by
 * itself, when its line is read, when a neighbour's line is written, when its own is. So the line says what this
 * machine's MWAIT is worth: emulators have one that returns at once. How long all that takes is in the report.
 */
#ifndef KERNEL_SELFTEST_SMP_H
#define KERNEL_SELFTEST_SMP_H

#include "boot/config.h"
#include "kernel/handover.h"
#include "kernel/platform.h"
#include "kernel/report.h"
#include "lib/status.h"

/* Runs what config asks for, if anything. Afterwards every CPU is ONLINE again, and so is, by another INIT-SIPI, one
 * that was NO_ANSWER if it comes now. E61: a CPU was lost. E70: a CPU sleeping in HLT woke by a store. Context: boss,
 * block built and protected, nobody in the lot, clock running, interrupts off. */
enum status MUST_CHECK selftest_smp_run(const struct config *config, const struct platform *platform,
					struct handover *h, struct report *report, struct problem *problem);

#endif
