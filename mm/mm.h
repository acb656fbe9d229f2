// SPDX-License-Identifier: MIT
/*
 * mm: page tables with flushed reclamation. This header is the contract; every other header of mm/ refers
 * to its rules by number.
 *
 *  1. Unlink, queue, flush, free. For leaf pages and for table pages alike, always: no shortcut for a single
 *     CPU, none for a lone user. Bug: tables of a single-threaded space were freed at once because "nobody
 *     else uses it", but lazy CPUs and speculative hardware walkers still looked (Torvalds 2018). When a
 *     batch is full or cannot be had, the path flushes and then frees; it never frees first. gather.h. Bug: the
 *     fallback for a batch page that could not be allocated waited for the other CPUs, but had lost its flush
 *     (Linux mmu_gather). Software walkers are walkers too: a table waits until those under way have ended.
 *  2. When a flush returns, it has completed on every CPU that could walk those tables; lazy CPUs too if
 *     anything is freed. Bug: flushes deferred by lazy CPUs let a stale walk read a reused table page and
 *     create a mixed-size translation, a machine check by AMD erratum 383 (Lutomirski 2017). flush.h.
 *  3. A CPU drains its write-combining buffers before it acknowledges a flush. Bug class: a streaming store,
 *     translated before the unmap, lands in the frame after its reuse; the flusher's own fences do not reach
 *     it. flush_here() drains, the cross call acknowledges after it returns.
 *  4. Publish, then read: a CPU that switches to a space publishes itself with a full barrier and only then
 *     reads the space's generation and modes. Bug: test-before-set of the CPU mask lost the barrier that the
 *     locked set had implied, and a CPU ran on without a flush it was owed (Ahmed 2024; CVE-2025-37964). The other
 *     side: a new mode is written first and then sent to every CPU in the mask. Bug: address masking was switched
 *     on for the CPUs seen running, and one that switched meanwhile kept the old mode (Ahmed 2024). lam.h.
 *  5. The page size or memory type of a live entry never changes in one store: not-present, flush, new entry.
 *     Bug: erratum 383 again, two sizes for one address in one TLB. In between nobody may use the page: see
 *     struct space, pinned.
 *  6. Cache maintenance has an order: write back, fence, then tell. Bug: the arm64 page-table isolation
 *     rewrite told the other CPUs before the clean had completed (Rutland 2018). cache.h. So a whole live tree is
 *     rewritten only while every other CPU waits in the lot and this one stands on another root. rewrite.h.
 *  7. Whatever CPUs run or wait in (trampoline page, wake-up buffer, parking block) obeys rule 1: freed only
 *     after every CPU has proven that it left. Bug: EDK2 freed its wake-up buffer on a signal that APs could
 *     consume early. mm/ cannot check this; smp/ and kernel/ do.
 *
 * Simplest safe choices: no PCID, no global pages, supervisor pages only, so that MOV CR3 flushes everything
 * on one CPU. A is set in every entry and D in every writable leaf from the start (protocol rule 4), so no
 * walker ever writes to a table. Levels (4 or 5) are as found and never toggled.
 *
 * mm/ does not print and knows no CPUID: what the CPU can do comes in as struct mm_features. Context of all
 * functions unless said otherwise: one CPU at a time changes a space or an allocator (the boss for now; the
 * caller serialises), interrupts as the caller has them, after ExitBootServices, identity mapped.
 */
#ifndef MM_MM_H
#define MM_MM_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"

#define MM_PAGE_BYTES	4096ull
#define MM_2M_BYTES	(1ull << 21)
#define MM_1G_BYTES	(1ull << 30)

enum mm_page_size { MM_PAGE_4K = 1, MM_PAGE_2M = 2, MM_PAGE_1G = 3 };	/* value = level of its table */

static inline uint64_t mm_size_bytes(enum mm_page_size size)
{
	return MM_PAGE_BYTES << 9 * (size - 1);
}

/*
 * Memory types as IA32_PAT encodes them (SDM 3A table 11-10). The index in an entry is found by looking the
 * type up in mm_features.pat, lowest index first. With the reset layout there is no WC; mm_pat_with_wc() makes room.
 */
enum mm_cache { MM_UC = 0, MM_WC = 1, MM_WT = 4, MM_WB = 6, MM_UC_MINUS = 7 };

/* The layout that the CPU has after reset: WB, WT, UC-, UC, twice. */
#define MM_PAT_RESET	0x0007040600070406ull

/* A layout with WC for Baton's lifetime (protocol rule 7 hands the found one on): pat itself if it has WC, or with WC
 * at index 6 if a lower index has what stood there, so that every other type keeps its bits; else pat. A CPU that
 * ignores the upper half (old Intel errata) takes index 2, which is UC- after reset. */
uint64_t mm_pat_with_wc(uint64_t pat);

/* Rights of a mapping; memory type in bits 8-10 by MM_CACHE(), write-back if none is given. */
typedef uint32_t mm_prot;
#define MM_READ			0u
#define MM_WRITE		1u
#define MM_EXEC			2u
#define MM_HANDOVER_WX		4u	/* permits WRITE with EXEC; the hand-over root only (protocol rule 6) */
#define MM_NONE			8u	/* not mapped: a hole in the identity map (identity.h), a guard page */
#define MM_CACHE(type)		((mm_prot)((type) ^ MM_WB) << 8)

static inline enum mm_cache mm_prot_cache(mm_prot prot)
{
	return (enum mm_cache)((prot >> 8 & 7) ^ MM_WB);
}

/* What the CPUs can do, the same on all of them (protocol rule 11 compares). Read from CPUID and IA32_PAT by
 * the caller, once. */
struct mm_features {
	uint64_t pat;		/* IA32_PAT as all CPUs have it */
	uint8_t phys_bits;	/* CPUID.80000008h:EAX[7:0], 36..52 */
	bool nx;		/* EFER.NXE is set; without it data pages stay executable */
	bool page_1g;		/* CPUID.80000001h:EDX[26] */
	bool lam;		/* CPUID.(7,1):EAX[26] */
};

/* The type if the PAT has it, else the fallback (which the PAT must have; space_map() refuses otherwise). */
enum mm_cache mm_cache_or(const struct mm_features *features, enum mm_cache wanted, enum mm_cache fallback);

/* CPUs that a space can tell apart (load.h). */
#define MM_CPUS		512

/* A half-open range of physical or identity-mapped addresses. */
struct mm_range { uint64_t base, size; };

static inline uint64_t mm_page_down(uint64_t address) { return address & ~(MM_PAGE_BYTES - 1); }
static inline uint64_t mm_page_up(uint64_t address) { return mm_page_down(address + MM_PAGE_BYTES - 1); }

#endif
