// SPDX-License-Identifier: MIT
/*
 * Faults build: parking as kernels did it before they knew better, in MWAIT inside the memory of the kernel that is
 * left, without a word when the next one starts (Linux's mwait_play_dead() until June 2023). The positive control of
 * the lot: what comes next overwrites code, stack, line and tables, and that CPU must be seen to run into it.
 */
#ifndef KERNEL_OLD_PARK_H
#define KERNEL_OLD_PARK_H

#include "boot/boot_info.h"
#include "lib/status.h"
#include "purgatory/slot.h"

/* Publishes PARKED with evidence that is not true, and stays. Context: the CPU itself, interrupts off. */
_Noreturn void old_park(struct slot *slot, uint64_t lot_enter);

/* If some CPU is parked like that: its code, stack and line lie where the next kernel's memory is free and no segment
 * or reservation protects it. E70: one of them does not. Context: boss, after roll call. */
enum status MUST_CHECK old_park_check(const struct boot_info *info, struct problem *problem);

#endif
