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

/* The lot that smp_offline() and smp_online() use; constant until the boss commits. */
struct park_lot {
	struct boss *boss;
	const struct boss_place *place;
	uint64_t lot_enter;
};

/* Sends one ONLINE CPU into the lot, to sleep in that mode. True: PARKED, as after park_all(); false: it was not
 * ONLINE, or is LOST now: its stack and slot are never used again, and the caller keeps the space's pages
 * (space_quarantine()). Boss, interrupts off. */
bool smp_offline(const struct park_lot *lot, struct cpu *cpu, enum slot_mode mode);

/* How a CPU came back, or that it did not. */
enum online_way { ONLINE_REFUSED, ONLINE_BY_WORD, ONLINE_BY_INIT, ONLINE_NEVER };

/* Brings one CPU back ONLINE: a PARKED one by LEAVE (a store, and NMIs as for every command), within one generation;
 * by INIT-SIPI only if it does not follow, or is NO_ANSWER. NEVER: it is LOST, or NO_ANSWER as before; REFUSED: it was
 * neither PARKED nor NO_ANSWER. Deadlines: the kick's, then that of bring-up. Boss, interrupts off. */
enum online_way smp_online(const struct park_lot *lot, struct cpu *cpu);

/* All that are PARKED at once, by LEAVE and one deadline for all; INIT-SIPI for those that stay, one after the other.
 * Returns how many are LOST. Boss, interrupts off. */
unsigned smp_online_all(const struct park_lot *lot);

/* CALL_PARK on the CPU itself; returns after LEAVE. Answers nothing: the slot's status is the proof. */
void park_here(struct slot *slot, uint64_t lot_enter);

#endif
