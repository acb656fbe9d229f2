// SPDX-License-Identifier: MIT
/*
 * Boss and CPU: one slot per CPU inside the block, 2 KiB (protocol rule 19). Commands and acknowledgements
 * are different values, and each travels in one word with the sequence number of the command, so that a stale
 * answer is told apart. The slot belongs to its CPU until a later Baton has seen that CPU arrive by INIT-SIPI; a
 * LOST CPU's slot is never reused.
 */
#ifndef PURGATORY_SLOT_H
#define PURGATORY_SLOT_H

/* For lot.S and gates.S; asserted below. */
#define SLOT_BYTES		2048
#define SLOT_NMI_COUNT		0x108
#define SLOT_MC_COUNT		0x10c
#define SLOT_TRAP_COUNT		0x168
#define SLOT_TRAP_VECTOR	0x16c
#define SLOT_TRAP_RIP		0x170
#define SLOT_TRAP_CR2		0x178
#define SLOT_TRAP_ERROR		0x180
#define SLOT_GDT		0x188
#define SLOT_TSS		0x1c0
#define SLOT_GDTR		0x238
#define SLOT_IDTR		0x248
#define SLOT_PARK_ROOT		0x258
#define SLOT_KERNEL_RSP		0x260
#define SLOT_KERNEL_CR3		0x268
#define SLOT_KERNEL_CR4		0x270
#define SLOT_KERNEL_GDTR	0x278
#define SLOT_KERNEL_IDTR	0x288
#define SLOT_KERNEL_TR		0x298
#define SLOT_FAULT		0x2c4
#define SLOT_IST_DF_TOP		0x700
#define SLOT_IST_NMI_TOP	0x780
#define SLOT_IST_MC_TOP		0x800
#define SLOT_STACK_TOP		0x680
/* In struct slot_evidence. */
#define EVIDENCE_RIP		0
#define EVIDENCE_RSP		8
#define EVIDENCE_CR3		16
#define EVIDENCE_CR4		24
#define EVIDENCE_IDTR_BASE	32
#define EVIDENCE_GDTR_BASE	40
#define EVIDENCE_TR		48
#define EVIDENCE_RESERVED	52
#define BLOB_GATE_BYTES		16	/* gates.S: between two stubs of a table */

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

#include "x86/atomic.h"

#define MONITOR_LINE_BYTES 256		/* largest monitor line that we park in MWAIT on (rule 8) */

enum slot_command { COMMAND_WAIT = 0x57414954, COMMAND_VERIFY = 0x56524659, COMMAND_HALT = 0x48414c54,
		    COMMAND_LEAVE = 0x4c454156 };
enum slot_status { STATUS_EMPTY = 0, STATUS_PARKED = 0x5041524b, STATUS_VERIFYING = 0x76657269,
		   STATUS_VERIFIED = 0x76726464, STATUS_HALTED = 0x68616c74, STATUS_LEFT = 0x6c656674 };
enum slot_mode { MODE_HLT = 1, MODE_MWAIT = 2 };

/* A command or status and the sequence number it belongs to. */
static inline uint64_t slot_word(uint32_t sequence, uint32_t value) { return (uint64_t)sequence << 32 | value; }
static inline uint32_t slot_value(uint64_t word) { return (uint32_t)word; }
static inline uint32_t slot_sequence(uint64_t word) { return (uint32_t)(word >> 32); }

/* What the CPU read back before it published PARKED (rule 1). Plain: published by status. */
struct slot_evidence {
	uint64_t rip, rsp, cr3, cr4, idtr_base, gdtr_base;
	uint32_t tr, reserved;
};

/* The last exception other than NMI and #MC that a parked CPU took. W: owner's gate. R: anybody, for reports. */
struct slot_traps { uint32_t count, vector; uint64_t rip, cr2, error; };

/* Where LEAVE goes back to: what the kernel had loaded. Plain: only the owner uses it, the kernel after LEFT. */
struct slot_kernel { uint64_t rsp, cr3, cr4; uint8_t gdtr[16], idtr[16]; uint16_t tr, pad[3]; };

/* The boss's own notes about this CPU. Plain: only the boss touches them. */
struct slot_boss {
	uint32_t verdict;	/* enum report_verdict */
	uint32_t pending;	/* 1: takes part in the command under way and has not answered */
	uint32_t nmis, inits;	/* sent */
	uint32_t answer_us;	/* from the last command to its answer */
	uint32_t recalled;	/* 1: got INIT, or, while HALT is awaited, was told to halt */
	uint32_t stripe;	/* first chunk of its share of VERIFY, 0: has none */
	uint32_t missed;	/* 1: did not do its share */
	uint32_t next_nmi_us;	/* after the command */
};

/* The monitored line: nothing else lies in it, so that only a command wakes the CPU. */
struct slot_control {
	shared_u64 command;	/* W: boss, release. R: owner, acquire. pairs with: lot_turn() */
	shared_u32 work_first;	/* W: boss, before command. R: owner, after command: VERIFY's chunk stripe */
	shared_u32 work_stride;	/* likewise; 0: no work */
	uint8_t pad[MONITOR_LINE_BYTES - 16];
};

struct slot {
	struct slot_control control;
	shared_u64 status;	/* W: owner, release. R: boss, acquire. pairs with: boss_answered() */
	shared_u32 nmi_count;	/* W: owner's NMI gate, locked increment. R: anybody, relaxed */
	shared_u32 mc_count;	/* W: owner's #MC gate, likewise */
	shared_u32 bad_chunk;	/* W: owner, before status. R: boss, after it: lowest chunk that differs, ~0: none */
	shared_u32 next_chunk;	/* W: owner: progress of VERIFY, survives a restart of the loop. R: anybody, relaxed */
	shared_u32 mc_seen;	/* W: owner: mc_count when VERIFY was begun; more since then: #MC struck in it */
	shared_u32 wakeups;	/* W: owner: turns of the lot loop. R: anybody, relaxed */
	uint32_t apic_id;	/* W: kernel before the CPU enters; constant after. So are the next three */
	uint32_t mode;		/* enum slot_mode */
	uint64_t plan;		/* struct plan, inside the block */
	struct slot_evidence evidence;	/* W: owner, before PARKED. R: boss, after it */
	struct slot_traps traps;
	uint64_t gdt[7];	/* null, null, 0x10 code, 0x18 data, 0x20 TSS (two words), spare */
	uint8_t tss[104];
	uint8_t tss_pad[16];
	uint8_t gdtr[16], idtr[16];	/* limit and base, ready for LGDT and LIDT */
	uint64_t park_root;	/* the boss's: verify root. W: kernel, before the CPU enters; constant after */
	struct slot_kernel kernel;
	struct slot_boss boss;
	uint32_t fault;		/* faults build: how this CPU is to misbehave, 0: not */
	shared_u32 mc_chunk;	/* W: owner, before status. R: boss, after it: chunk read when #MC struck, ~0: none */
	uint32_t no_init;	/* W: kernel: may be the BSP, which INIT would reset: never INIT */
	shared_u64 verify_start;	/* W: owner: TSC at the start of VERIFY, survives a restart of the loop */
	shared_u64 verify_ticks;	/* W: owner, before VERIFIED. R: boss, after it: how long its share took */
	uint8_t pad[0x300 - 0x2e0];
	/* The main stack is empty while lot.S has the kernel's IDT and this TSS loaded at the same time: a handler of
	 * the kernel on an IST stack may then grow down through all of it. The gates rebuild their frame at its top. */
	uint8_t stack[SLOT_STACK_TOP - 0x300];
	uint8_t df_stack[128], nmi_stack[128], mc_stack[128];
};

_Static_assert(sizeof(struct slot_control) == MONITOR_LINE_BYTES, "one monitor line per CPU");
_Static_assert(sizeof(struct slot) == SLOT_BYTES, "two slots per page (rule 19)");
_Static_assert(offsetof(struct slot, status) == MONITOR_LINE_BYTES, "status apart from the monitored line");
_Static_assert(offsetof(struct slot, nmi_count) == SLOT_NMI_COUNT, "assembly");
_Static_assert(offsetof(struct slot, mc_count) == SLOT_MC_COUNT, "assembly");
_Static_assert(offsetof(struct slot, traps.count) == SLOT_TRAP_COUNT, "assembly");
_Static_assert(offsetof(struct slot, traps.vector) == SLOT_TRAP_VECTOR, "assembly");
_Static_assert(offsetof(struct slot, traps.rip) == SLOT_TRAP_RIP, "assembly");
_Static_assert(offsetof(struct slot, traps.cr2) == SLOT_TRAP_CR2, "assembly");
_Static_assert(offsetof(struct slot, traps.error) == SLOT_TRAP_ERROR, "assembly");
_Static_assert(offsetof(struct slot, gdt) == SLOT_GDT, "assembly");
_Static_assert(offsetof(struct slot, tss) == SLOT_TSS, "assembly");
_Static_assert(offsetof(struct slot, gdtr) == SLOT_GDTR, "assembly");
_Static_assert(offsetof(struct slot, idtr) == SLOT_IDTR, "assembly");
_Static_assert(offsetof(struct slot, park_root) == SLOT_PARK_ROOT, "assembly");
_Static_assert(offsetof(struct slot, kernel.rsp) == SLOT_KERNEL_RSP, "assembly");
_Static_assert(offsetof(struct slot, kernel.cr3) == SLOT_KERNEL_CR3, "assembly");
_Static_assert(offsetof(struct slot, kernel.cr4) == SLOT_KERNEL_CR4, "assembly");
_Static_assert(offsetof(struct slot, kernel.gdtr) == SLOT_KERNEL_GDTR, "assembly");
_Static_assert(offsetof(struct slot, kernel.idtr) == SLOT_KERNEL_IDTR, "assembly");
_Static_assert(offsetof(struct slot, kernel.tr) == SLOT_KERNEL_TR, "assembly");
_Static_assert(offsetof(struct slot, fault) == SLOT_FAULT, "assembly");
_Static_assert(sizeof(struct slot_evidence) == 56, "part of the slot");
_Static_assert(offsetof(struct slot_evidence, rip) == EVIDENCE_RIP, "assembly");
_Static_assert(offsetof(struct slot_evidence, rsp) == EVIDENCE_RSP, "assembly");
_Static_assert(offsetof(struct slot_evidence, cr3) == EVIDENCE_CR3, "assembly");
_Static_assert(offsetof(struct slot_evidence, cr4) == EVIDENCE_CR4, "assembly");
_Static_assert(offsetof(struct slot_evidence, idtr_base) == EVIDENCE_IDTR_BASE, "assembly");
_Static_assert(offsetof(struct slot_evidence, gdtr_base) == EVIDENCE_GDTR_BASE, "assembly");
_Static_assert(offsetof(struct slot_evidence, tr) == EVIDENCE_TR, "assembly");
_Static_assert(offsetof(struct slot_evidence, reserved) == EVIDENCE_RESERVED, "assembly");
_Static_assert(sizeof(struct slot_traps) == 32, "part of the slot");
_Static_assert(sizeof(struct slot_kernel) == 64, "part of the slot");
_Static_assert(sizeof(struct slot_boss) == 36, "part of the slot");
_Static_assert(offsetof(struct slot, stack) + sizeof(((struct slot *)0)->stack) == SLOT_STACK_TOP, "assembly");
_Static_assert(offsetof(struct slot, df_stack) + 128 == SLOT_IST_DF_TOP, "assembly");
_Static_assert(offsetof(struct slot, nmi_stack) + 128 == SLOT_IST_NMI_TOP, "assembly");
_Static_assert(offsetof(struct slot, mc_stack) + 128 == SLOT_IST_MC_TOP, "assembly");
#endif

#endif
