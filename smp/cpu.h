// SPDX-License-Identifier: MIT
/*
 * One record per CPU and its state machine: an enum, one table of moves (smp/cpu.c, drawn in docs/smp.md) and one
 * function that moves, by compare-and-swap. Verdict words are the protocol's.
 */
#ifndef SMP_CPU_H
#define SMP_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "mm/load.h"
#include "x86/atomic.h"

#define SMP_CPUS_MAX 512

_Static_assert(SMP_CPUS_MAX <= MM_CPUS, "a bit for each in a space's mask");

/* state, verdict word, who moves into it and when */
#define CPU_STATES(S)								\
	S(CPU_LISTED,		"LISTED")	/* in the table, nothing done */	\
	S(CPU_BOSS,		"ONLINE")	/* the CPU that runs kernel_main() */	\
	S(CPU_DISABLED,		"DISABLED")	/* firmware says so: left alone */	\
	S(CPU_UNREACHABLE,	"UNREACHABLE")	/* xAPIC mode and an ID above 254 */	\
	S(CPU_IS_BSP,		"IS_BSP")	/* may be the BSP, which INIT would reset */	\
	S(CPU_STARTING,		"STARTING")	/* INIT-SIPI sent */			\
	S(CPU_ARRIVED,		"ARRIVED")	/* by itself: in C, own stack, TSS, GS, IDT */	\
	S(CPU_ONLINE,		"ONLINE")	/* answered a call, registers equal */	\
	S(CPU_PARKING,		"PARKING")	/* told to enter the lot */		\
	S(CPU_PARKED,		"PARKED")	/* evidence checked */			\
	S(CPU_HALTED,		"HALTED")	/* acknowledged HALT */			\
	S(CPU_INIT_RECALLED,	"INIT_RECALLED")					\
	S(CPU_INIT_HELD,	"INIT_HELD")						\
	S(CPU_NO_ANSWER,	"NO_ANSWER")	/* INIT-SIPI, no arrival in time */	\
	S(CPU_LOST,		"LOST")		/* was here, answers no more, or differs */

enum cpu_state {
#define S(name, verdict) name,
	CPU_STATES(S)
#undef S
	CPU_STATE_COUNT
};

/* The owner's mailbox for cross calls (smp/call.h), one cache line. */
struct call_box {
	shared_u32 request;	/* W: boss, release, after arguments. R: owner, acquire. pairs with: call_serve() */
	shared_u32 answer;	/* W: owner, release, after result. R: boss, acquire. pairs with: call_await() */
	uint64_t argument[4];	/* W: boss, before request. R: owner, after request */
	uint64_t result;	/* W: owner, before answer. R: boss, after answer */
	uint64_t reserved;
} __attribute__((aligned(64)));

struct percpu;

struct cpu {
	struct call_box box;
	struct mm_cpu mm;		/* owner's; while it is PARKED the boss's. index: as below */
	shared_u32 state;		/* W: boss or owner by cpu_move(). R: anybody, acquire */
	uint32_t index;			/* in the table; the boss's is where MADT lists it */
	uint32_t apic_id, acpi_uid;
	uint32_t sipis;			/* W: boss: SIPIs sent */
	uint32_t found_difference;	/* W: owner, before ARRIVED: enum state_difference before the replay */
	uint32_t left_difference;	/* likewise, after it */
	uint32_t arrived_us, online_us;	/* W: boss: from the first INIT */
	bool is_bsp;			/* W: owner, before ARRIVED: own BSP bit */
	bool was_here;			/* W: boss, before STARTING: has arrived before. R: owner, after SIPI */
	struct percpu *percpu;		/* W: boss, before STARTING; NULL: never to be started */
};

_Static_assert(sizeof(struct call_box) == 64, "a line each");

/* Moves cpu from one state to another. False: it was not in from any more (somebody else moved it), or the table has no
 * such move: then nothing changed. Full barrier. Any CPU. */
bool cpu_move(struct cpu *cpu, enum cpu_state from, enum cpu_state to);

/* Acquire: what its writer did before the move is visible. */
enum cpu_state cpu_state(const struct cpu *cpu);

/* Whether the table has this move. Pure. */
bool cpu_move_allowed(enum cpu_state from, enum cpu_state to);

/* Verdict word of the report and the serial lines. Pure. */
const char *cpu_verdict_text(enum cpu_state state);

/* Name of a state as in docs/smp.md, without CPU_. Pure. */
const char *cpu_state_text(enum cpu_state state);

#endif
