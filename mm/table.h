// SPDX-License-Identifier: MIT
/*
 * One page of table entries, opaque: entries are reached only by pte_load() and pte_store(), through the seam.
 * Bits as in SDM 3A 4.5, tables 4-14 to 4-20. Internal to mm/.
 *
 * level: 1 holds 4 KiB leaves, 2 may hold 2 MiB leaves, 3 may hold 1 GiB leaves, 4 and 5 hold tables only.
 */
#ifndef MM_TABLE_H
#define MM_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "mm/mm.h"
#include "x86/atomic.h"
#include "x86/cpu.h"

#define PTE_COUNT	512

#define PTE_PRESENT	(1ull << 0)
#define PTE_WRITE	(1ull << 1)
#define PTE_PWT		(1ull << 3)
#define PTE_PCD		(1ull << 4)
#define PTE_ACCESSED	(1ull << 5)
#define PTE_DIRTY	(1ull << 6)
#define PTE_LARGE	(1ull << 7)	/* levels 2 and 3 */
#define PTE_PAT_4K	(1ull << 7)	/* level 1 */
#define PTE_PAT_LARGE	(1ull << 12)	/* levels 2 and 3 */
#define PTE_NX		(1ull << 63)
#define PTE_ADDRESS	0x000ffffffffff000ull

/* Links to tables carry all rights: the leaf decides. */
#define PTE_LINK	(PTE_PRESENT | PTE_WRITE | PTE_ACCESSED)

struct page_table { shared_u64 entry[PTE_COUNT]; };

static inline struct page_table *table_at(uint64_t phys)
{
	return cpu_phys_pointer(phys);
}

static inline uint64_t pte_load(const struct page_table *table, unsigned index)
{
	/* order: the link before the entries behind it. pairs with: pte_store(). else: a walker that follows a
	 * new link reads what the page held before. x86 needs no instruction for it. */
	return shared_load_acquire_u64(&table->entry[index]);
}

static inline void pte_store(struct page_table *table, unsigned index, uint64_t pte)
{
	/* order: a new table's entries before the link to it. pairs with: pte_load() and the hardware walker.
	 * else: as there. x86 needs no instruction for it. */
	shared_store_release_u64(&table->entry[index], pte);
}

/* Bytes that one entry of a table of this level covers. */
static inline uint64_t level_bytes(unsigned level)
{
	return MM_PAGE_BYTES << 9 * (level - 1);
}

static inline unsigned pte_index(uint64_t va, unsigned level)
{
	return va >> (12 + 9 * (level - 1)) & (PTE_COUNT - 1);
}

static inline bool pte_is_table(uint64_t pte, unsigned level)
{
	return level > 1 && (pte & (PTE_PRESENT | PTE_LARGE)) == PTE_PRESENT;
}

/* Last byte of the entry that holds va, or last if that comes first. Inclusive, so that it cannot wrap. */
static inline uint64_t entry_last(uint64_t va, unsigned level, uint64_t last)
{
	uint64_t end = va | (level_bytes(level) - 1);

	return end < last ? end : last;
}

/* Every entry of the page becomes value. */
void table_fill(uint64_t phys, uint64_t value);
bool table_is_empty(uint64_t phys);

/* Largest page that fits at va -> pa in a range that ends with last (inclusive). map and plan both use it. */
enum mm_page_size table_pick_size(uint64_t va, uint64_t pa, uint64_t last, enum mm_page_size max_size, bool page_1g);

/* E53: prot is not possible with these features, or writable and executable without MM_HANDOVER_WX. */
enum status pte_check_prot(const struct mm_features *features, mm_prot prot, struct problem *problem);

/* A leaf at the level; prot has passed pte_check_prot(). */
uint64_t pte_leaf(const struct mm_features *features, uint64_t pa, unsigned level, mm_prot prot);

/* Physical address and rights of a present leaf. */
uint64_t pte_leaf_phys(uint64_t pte, unsigned level);
mm_prot pte_leaf_prot(const struct mm_features *features, uint64_t pte, unsigned level);

/* Entry index of the table that replaces the large leaf pte of the level: same rights, same type. */
uint64_t pte_split(uint64_t pte, unsigned level, unsigned index);

#endif
