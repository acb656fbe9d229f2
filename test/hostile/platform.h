// SPDX-License-Identifier: MIT
/*
 * What scenarios of smp/ and the lot have besides machine.h: CPUs with local APICs, INIT and SIPI, two stacks, NMIs and
 * machine checks, MWAIT, one clock, and the block with its slots. All of it lies in the arena.
 */
#ifndef TEST_HOSTILE_PLATFORM_H
#define TEST_HOSTILE_PLATFORM_H

#include "lib/status.h"
#include "purgatory/boss.h"
#include "purgatory/plan.h"
#include "purgatory/slot.h"
#include "smp/cpu.h"
#include "smp/madt.h"
#include "test/hostile/machine.h"

#define PLATFORM_PARK	HOSTILE_PARK		/* roots */
#define PLATFORM_VERIFY	0x8000ull
#define PLATFORM_HANDOVER 0x9000ull
#define PLATFORM_CPUS	0x100000ull		/* physical: smp_init()'s memory */
#define PLATFORM_PLAN	0x200000ull
#define PLATFORM_SLOTS	0x201000ull
#define PLATFORM_TABLE	0x300000ull
#define PLATFORM_SEGMENTS 0x301000ull
#define PLATFORM_LOW	0x10000ull		/* the trampoline's page */
#define PLATFORM_IDT	0x202800ull
#define PLATFORM_CODE	0x203000ull
#define CHUNKS		3			/* one segment each */

/* What may come at any time, of one budget. STRAY_WAKE: HLT and MWAIT return. STRAY_LATE: the clock of who waits for
 * others runs past every deadline, as after a long SMI. */
enum stray { STRAY_NMI = 1, STRAY_MC = 2, STRAY_WAKE = 4, STRAY_LATE = 8, STRAY_ALL = 15 };

/* The scenario's own, in the arena. */
struct notes { struct boss boss; struct boss_place place; uint32_t word[16]; };
struct notes *notes(void);

/* --- set-up ------------------------------------------------------------------------------------------------ */

/* The MADT that smp_init() gets: parameters.cpus CPUs, all enabled, IDs as numbered. */
extern struct madt platform_madt;

/* Memory for smp/, table filled, CPU 0 is the boss; world->space[0] is everybody's. The others in firmware. */
void platform_smp(void);
/* Then: the others ONLINE, each in its loop of ap_main(), on the space. */
void platform_online(void);
/* The block with plan, slots, digest table and segments. */
void platform_block(enum slot_mode mode);
/* Then, after platform_online(): the others PARKED and asleep, as park_all() left them; the boss in the block if inside. */
void platform_parked(bool inside);
/* After every change of the plan. */
void platform_seal_plan(void);
/* All of that, up to the boss's commit. */
void platform_committed(enum slot_mode mode);
/* The trampoline page leads into the lot. */
void platform_arm_recall(void);
void platform_xapic(void);
void platform_boss_is_no_bsp(void);
void platform_bsp(unsigned cpu);		/* another one than the boss */
void platform_apic_id(unsigned cpu, uint32_t id);
/* From INIT on the CPU is well again, if not dead. */
void platform_deaf(unsigned cpu, bool dead);
void platform_misses_sipi(unsigned cpu);	/* the first one */
/* Each of the others may show any one register that is not the block's when it is PARKED. */
void platform_liars(void);
bool platform_lied(unsigned cpu);
/* The boss's ICR stays busy behind so many IPIs. */
void platform_icr_sticks(unsigned after);
void platform_no_page_0(void);			/* not mapped: what comes through IVT[2] is nobody's fault */
unsigned platform_choose(unsigned choices);	/* the search does, in a program; 0 .. choices - 1 */
/* Its registers cannot be made equal to the boss's. */
void platform_differs(unsigned cpu);

struct slot *slot_of(unsigned cpu);
void *platform_pointer(uint64_t phys);		/* NULL: none of the platform's memory */
struct plan *the_plan(void);
uint64_t platform_lot_enter(void);		/* what CALL_PARK gets */

/* --- programs ----------------------------------------------------------------------------------------------- */

void ap_program(void);				/* of an ONLINE CPU */
void lot_program(void);				/* of a PARKED one */
void platform_hands_over(void);			/* the boss, from commit on */
void platform_free_low_page(void);		/* somebody else gets it */
void platform_overwrite(void);			/* the next kernel writes to everything outside the block */
void platform_enters_block(void);		/* this CPU: the boss, at commit */
unsigned platform_was_late(void);		/* how often: some deadline may have passed although its CPU was well */
bool platform_is_halted(unsigned cpu);		/* published, and on the park root */
void platform_given_up(unsigned cpu);		/* the boss gives it up: it must not have answered when the clock said so */
void platform_count_steps(void);		/* of the boss, from here on: accesses, IPIs, looks */
uint32_t platform_steps(void);
uint32_t platform_failed(void);			/* enum status of fail(), 0: not called */
uint32_t platform_failed_chunk(bool *by_mc);	/* fail_mismatch()'s */
uint32_t platform_ivt(void);			/* IVT[2]; 0: firmware's */
bool platform_jumped(void);
bool platform_in_firmware(unsigned cpu);		/* has had no INIT */
bool platform_in_kernel(unsigned cpu);

#endif
