// SPDX-License-Identifier: MIT
/* What the scenarios share. Their programs run the real code of mm/ and say what must hold around it. */
#ifndef TEST_HOSTILE_SCENARIO_H
#define TEST_HOSTILE_SCENARIO_H

#include "test/hostile/machine.h"

#define VA 0x40000000ull

/* A page of memory mapped with 4 KiB at va, watched; its number. note[number] is the page's address. */
unsigned page_at_va(unsigned space, uint64_t va, mm_prot prot);

/* All CPUs run the space. */
void all_in(unsigned space);

/* The usual set-up: pages at VA and VA + 0x1000 in one table, at VA + 2 MiB in another; all CPUs run space 0. */
void three_pages(void);

/* space_unmap_free() and space_protect() with what they promise; mask: the watched addresses in the range. */
void unmap(unsigned space, uint64_t va, uint64_t bytes, unsigned mask);
void protect(unsigned space, uint64_t va, uint64_t bytes, mm_prot prot, unsigned mask);

/* At the end: nobody walks any more, so the next flush frees what was held back. */
void limbo_empties(unsigned space);

/* Pages handed out that are neither tables of a space nor waiting: count data pages are left. */
void expect_pages(unsigned count);

/* The tables say so. */
bool maps_to(unsigned space, uint64_t va, uint64_t phys, mm_prot prot);
bool maps_nothing(unsigned space, uint64_t va);

#endif
