// SPDX-License-Identifier: MIT
/*
 * CPUs into the lot and back. The lot itself is the block's (purgatory/); here are the state machine's moves and what a
 * CPU does on the kernel's side of the door. Slot index = CPU index.
 */
#ifndef SMP_PARK_H
#define SMP_PARK_H

#include <stdint.h>

#include "purgatory/boss.h"
#include "purgatory/slot.h"
#include "smp/cpu.h"

/* boss's fields for the image's side, IPIs through x86/apic.h. Not for boss_init_silent(): the image parks and calls
 * back, only the block sends INIT. */
void park_boss_init(struct boss *boss, struct slot *slots);

/* Sends every ONLINE CPU into the lot and waits for all together. PARKED: status and evidence are good; then nothing
 * of the kernel's space is in that CPU any more (its CR3 has been read back), so flushes leave it out. Others become
 * LOST. lot_enter: the block's entry. Returns how many were lost. Boss, interrupts off. */
unsigned park_all(struct boss *boss, const struct boss_place *place, uint64_t lot_enter);

/* Brings one PARKED CPU back ONLINE (LEAVE, within one generation). false: it is LOST. Boss, interrupts off. */
bool park_leave(struct boss *boss, uint32_t index);

/* CALL_PARK on the CPU itself; returns after LEAVE. Answers nothing: the slot's status is the proof. */
void park_here(struct slot *slot, uint64_t lot_enter);

#endif
