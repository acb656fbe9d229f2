// SPDX-License-Identifier: MIT
/*
 * The boss's half of the lot: command, kick, await, INIT (protocol rules 13-15). One source, linked into the image
 * (offline and online, roll call) and into the block (VERIFY, HALT). Owns nothing: the slots' control words and
 * struct slot_boss are its to write, statuses are the CPUs'.
 */
#ifndef PURGATORY_BOSS_H
#define PURGATORY_BOSS_H

#include <stdbool.h>
#include <stdint.h>

#include "purgatory/report.h"
#include "purgatory/slot.h"

#define BOSS_NMI_AFTER_US	50u		/* MWAIT: the store alone should do */
#define BOSS_NMI_REPEAT_US	1000u
#define BOSS_SECOND_SIPI_US	1000u		/* after the first; as at bring-up */
#define BOSS_DEADLINE_US	5000u		/* bare metal, all CPUs together */
#define BOSS_DEADLINE_VM_US	2000000u	/* hypervisor: the larger of this and the next for each CPU */
#define BOSS_DEADLINE_VM_CPU_US	50000u

/* Filled by the user; numbers from struct plan inside the block. */
struct boss {
	struct slot *slots;
	uint32_t cpu_count, boss_slot;
	uint64_t tsc_khz;
	uint32_t deadline_us, nmi_after_us, nmi_repeat_us;
	/* Sends one targeted IPI, ICR low word as in x86/regs.h; true: accepted. Earlier stores are visible first. */
	bool (*send_ipi)(void *context, uint32_t apic_id, uint32_t icr_low);
	void *context;
	/* The rest is for boss_init_silent() only. */
	bool (*ipi_idle)(void *context);	/* false: the last IPI has not left within the hook's own deadline */
	/* IVT[2] to the page's first byte; returns the old value. And back (x86/entry/ivt.h). */
	uint32_t (*ivt_take)(void *context, uint64_t page);
	void (*ivt_restore)(void *context, uint32_t old);
	uint64_t recall_page;		/* 0: a CPU that needs INIT stays INIT_HELD */
	/* Figures, added up over all commands. */
	uint32_t kicks, answers, nmis, inits;
	uint64_t last_us;		/* last command to its last answer */
	uint64_t command_tsc;		/* the last command */
};

/* Where the block's parts lie; what a parked CPU's evidence is judged by. Addresses, ends exclusive. */
struct boss_place {
	uint64_t code, code_end;
	uint64_t park_root, lot_idt;
	uint64_t cr4_must, cr4_must_not;
};

/* NULL: the slot's evidence says that the CPU runs in the block on its own slot (rule 1). Else the name of the first
 * register that does not, its value in *found. Pure; after PARKED was seen. */
const char *boss_check_evidence(const struct boss_place *place, const struct slot *slot, uint64_t *found);

/* rule 13's deadline. Pure. */
uint32_t boss_kick_deadline_us(uint32_t cpu_count, bool hypervisor);

/* Microseconds between two TSC values. Pure. */
uint64_t boss_us(const struct boss *boss, uint64_t from, uint64_t to);

/* Picks who takes part in the next command. all: every slot but the boss's whose verdict is PARKED (or HALTED,
 * INIT_RECALLED), at most limit of them; the rest are left alone. Returns how many. */
unsigned boss_pick_all(struct boss *boss, uint32_t limit);
unsigned boss_pick_one(struct boss *boss, uint32_t slot);

/* Gives the command to everybody picked, all kicked before anybody is awaited: store, and NMI at once to those in
 * HLT. VERIFY: helper k of n gets chunks first k + 1, stride n + 1; the boss keeps 0. */
void boss_command(struct boss *boss, enum slot_command command);

/* Waits until everybody picked has answered with status (VERIFIED counts for VERIFYING), at most us; NMIs to the
 * silent if nmi. A time that the boss itself was away (SMI) counts for half of us at most, so that the NMI after it can
 * be answered. Returns how many are still silent: those keep boss.pending. */
unsigned boss_await(struct boss *boss, enum slot_status status, uint64_t us, bool nmi);

/* After VERIFY was accepted: waits for the stripes of those that took it, at most us. Whoever has not finished, or
 * never accepted, has boss.missed: it gets no more work and somebody must do its stripe (rule 15). Returns how many. */
unsigned boss_await_work(struct boss *boss, uint64_t us);

/* boss_command() and boss_await() by the kick deadline. */
unsigned boss_order(struct boss *boss, enum slot_command command, enum slot_status status);

/* Rules 10 and 14, after a HALT that left CPUs pending: INIT each of them and, if recall, SIPI into the recall page,
 * then await HALTED once more, to a HALT of its own: an answer to the first one, given late, is no proof. A second SIPI
 * goes to those silent for BOSS_SECOND_SIPI_US. No NMI leaves meanwhile.
 * LOST at once, without INIT: slot.no_init, and everybody whose INIT the APIC does not take. IVT[2] points to the
 * recall page from before the first INIT until nobody who got one is silent: with INIT_HELD or LOST CPUs it stays.
 * Verdicts: INIT_RECALLED, INIT_HELD, LOST. Returns how many are LOST. */
unsigned boss_init_silent(struct boss *boss, bool recall);

/* True once the slot's CPU answered the last command with status. Acquire. */
bool boss_answered(const struct slot *slot, enum slot_status status);

#endif
