// SPDX-License-Identifier: MIT
/*
 * Image to block: everything the block needs to finish the handover alone. Written by kernel/ before commit,
 * mapped read-only inside the block. First of the three headers that are the block's whole ABI (slot.h, report.h).
 *
 * The block (physically contiguous, page aligned, below 4 GiB, reserved in e820 and in the EFI map):
 *
 *   page 0         block_header, plan, lists of CPUs and ranges, then the fallback's plan	R
 *   tables         IDTs, recall list, page tables of the three roots	R
 *   blob           struct blob_header and rodata, then code			R, RX
 *   writable       blob's data and bss, boss stack, slots (slot.h)		RW
 *
 * Who vouches for what: crc32 for the header, the CPU list and the range list, plan_sha256 for the plan, the plan for
 * the digest table, the table for every segment, among them the tables and the blob's read-only part (SEGMENT_BLOCK).
 *
 * All physical addresses; the block runs identity mapped.
 */
#ifndef PURGATORY_PLAN_H
#define PURGATORY_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/digest.h"

#define BLOCK_MAGIC	0x4b434f4c424e5442ull		/* "BTNBLOCK" */
#define BLOCK_VERSION	2
#define BLOCK_RANGES	24
#define BLOCK_CPUS	4096u		/* most that a list is believed to hold; any block is larger than it */
#define PLAN_SEGMENTS	20
#define PLAN_FALLBACK_PREFIX	"fallback-"	/* of the names of the fallback's segments */

/* First bytes of the block, so that a later Baton can find it at the start of a reserved range. */
struct block_header {
	uint64_t magic;
	uint32_t version;
	uint32_t header_size;		/* this struct */
	uint64_t block_base, block_size;
	uint32_t cpu_count;
	uint32_t cpu_list_offset;	/* uint32_t APIC IDs, from block_base */
	uint32_t plan_offset, plan_size;
	uint64_t generation;		/* one pass of Baton in a loop, from 1 */
	uint64_t report;		/* struct report_header, 0: none */
	uint32_t range_count, range_offset;	/* struct block_range, from block_base */
	uint8_t plan_sha256[32];
	uint32_t reserved;
	uint32_t crc32;			/* of this struct with the field 0, then of the CPU list, then of the ranges */
};

/* What was reserved for this handover, the block itself among it: a later Baton may use it again once every listed CPU
 * has arrived in its trampoline (protocol rules 7, 12). */
struct block_range { uint64_t base, size; };

#define BLOB_MAGIC	0x424f4c424e5442ull		/* "BTNBLOB" */
#define BLOB_GATES	32		/* vectors with a gate */

/* First bytes of the linked blob inside the image: offsets from its start, sizes in bytes, sections page aligned.
 * The blob is one run of memory: rodata, code, data, bss. Entries: block/entry.S, lot.S, gates.S. */
struct blob_header {
	uint64_t magic;
	uint32_t version, size;		/* of this struct */
	uint32_t code, data, file_size, memory_size;	/* [0,code) R, [code,data) RX, [data,memory_size) RW */
	uint32_t boss_stack_top;	/* inside bss */
	uint32_t boss_ist_df, boss_ist_nmi, boss_ist_mc;
	uint32_t boss_entry;		/* RDI = struct plan; any stack; interrupts off; does not return */
	uint32_t lot_enter;		/* SysV call, RDI = struct slot: returns after LEAVE */
	uint32_t lot_recall;		/* trampoline entry, RDI = struct slot (rule 14) */
	uint32_t trampoline_scratch;	/* top of 64 writable bytes */
	uint32_t lot_gates, boss_gates;	/* first of 32 stubs each, BLOB_GATE_BYTES (slot.h) apart */
};

/* One CPU for the recall stub, laid out as x86/entry/trampoline.h's struct trampoline_cpu. */
struct block_recall { uint32_t apic_id, reserved; uint64_t stack_top, argument; };

struct plan_segment {
	uint32_t kind;			/* enum segment_kind */
	uint32_t first_chunk;		/* index into the digest table */
	uint64_t dest;
	uint64_t size;			/* bytes under digest */
	uint64_t memory_size;		/* bytes from size up to here must read as zero */
	uint64_t source;		/* 0: already in place; else copied from here after commit */
	uint64_t backup;		/* size bytes to copy from once more if dest is damaged, mapped by the hand-over
					 * root only; 0: there are none */
	char name[32];
};

enum plan_on_failure { PLAN_REBOOT = 1, PLAN_HALT };
enum plan_lost_cpu { PLAN_LOST_REFUSE = 1, PLAN_LOST_CONTINUE };
enum plan_init { PLAN_INIT_RECALL = 1, PLAN_INIT_HOLD };

/* A 16550-compatible port: I/O (mmio = 0) or memory mapped. base 0: none. */
struct plan_uart {
	uint64_t base;
	uint32_t mmio;
	uint32_t stride;		/* bytes between registers: 1 or 4 */
};

struct plan_framebuffer {
	uint64_t base;			/* 0: none; mapped UC- in the block's tables */
	uint64_t size;
	uint32_t width, height, stride;	/* pixels */
	uint32_t bytes_per_pixel;	/* 2: a VGA text mode's cells instead */
};

/* FADT reset register as a Generic Address; space 0 memory, 1 I/O, 2 PCI config. address 0: not usable. */
struct plan_reset {
	uint64_t address;
	uint32_t space;
	uint32_t value;
	uint32_t smi_port;		/* SMI_CMD: never used as a reset register */
	uint32_t reserved;
};

/* What watches over the handover (x86/pc/watchdog.h): stopped right before the jump, unless the next one is a Baton,
 * which arms it anew. kind 0: none. */
struct plan_watchdog { uint32_t kind; uint16_t bdf, port; uint32_t hand_over, reserved; };

struct plan {
	uint32_t size;			/* this struct */
	uint32_t cpu_count;		/* slots, boss included */
	uint64_t slots;			/* struct slot[cpu_count] */
	uint32_t boss_slot;
	uint32_t lapic_x2apic;		/* 1: x2APIC mode as found */
	uint64_t lapic_base;		/* xAPIC MMIO */
	uint32_t lapic_svr, lapic_lint0;	/* as found on the boss */
	uint64_t tsc_khz;
	uint64_t tsc_at_door;		/* zero of the report's phases */
	/* CR3 values; protocol rule 6. The boss runs on verify_root until it copies or jumps. */
	uint64_t park_root, verify_root, handover_root;
	uint64_t handover_cr4;		/* PAE, LA57 as found */
	uint64_t entry;			/* jump target: kernel + 0x200, or the 32-bit entry */
	uint64_t boot_params;		/* RSI at the jump, or EBX */
	uint32_t protected_mode;	/* 1: enter in 32-bit protected mode without paging, 0: in long mode */
	uint32_t magic;			/* protected mode: EAX */
	uint64_t boss_stack_top;
	uint64_t report;		/* struct report_header */
	uint64_t digest_table;		/* struct chunk_digest[digest_count] */
	uint32_t digest_count;
	uint32_t segment_count;
	uint64_t bytes;			/* under digest, all segments together: sets VERIFY's deadline */
	uint8_t digest_table_sha256[32];
	uint64_t recall_page;		/* trampoline page that leads into the lot, 0: none (then INIT holds) */
	uint32_t kick_deadline_us, nmi_after_us, nmi_repeat_us;	/* protocol rule 13 */
	uint32_t helper_limit;		/* CPUs that VERIFY uses besides the boss */
	uint32_t on_failure, lost_cpu, init_policy;
	uint32_t reset_after_s;		/* show a failure this long before the reset */
	uint32_t quiet, reserved;	/* quiet 1: nothing is said while nothing is wrong */
	struct plan_uart uart;
	struct plan_framebuffer framebuffer;
	struct plan_reset reset;
	struct plan_watchdog watchdog;
	/* The entry to start instead if a segment of this plan differs or the block faults: another plan in the block,
	 * believed if its SHA-256 is this. 0: there is none. */
	uint64_t fallback;
	uint8_t fallback_sha256[32];
	char entry_id[64];		/* of what this plan starts, cut */
	struct plan_segment segments[PLAN_SEGMENTS];
};

/* A later Baton reads the header; image and blob are two links that read the rest. */
_Static_assert(sizeof(struct block_header) == 112, "block_header is an ABI");
_Static_assert(offsetof(struct block_header, plan_sha256) == 72, "block_header is an ABI");
_Static_assert(offsetof(struct block_header, crc32) == 108, "block_header is an ABI");
_Static_assert(sizeof(struct blob_header) == 72, "entry.S writes it");
_Static_assert(sizeof(struct block_range) == 16, "block_range is an ABI");
_Static_assert(sizeof(struct block_recall) == 24, "trampoline.S walks it");
_Static_assert(sizeof(struct plan_segment) == 80, "plan_segment is an ABI");
_Static_assert(sizeof(struct plan_uart) == 16, "part of the plan");
_Static_assert(sizeof(struct plan_framebuffer) == 32, "part of the plan");
_Static_assert(sizeof(struct plan_reset) == 24, "part of the plan");
_Static_assert(sizeof(struct plan_watchdog) == 16, "part of the plan");
_Static_assert(offsetof(struct plan, report) == 120 && offsetof(struct plan, digest_table) == 128,
	       "test/campaign/guest.py reads them");
_Static_assert(sizeof(struct plan) == 424 + PLAN_SEGMENTS * sizeof(struct plan_segment), "plan is an ABI");

#endif
