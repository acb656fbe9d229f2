// SPDX-License-Identifier: MIT
/*
 * The page tables that the loader left in CR3: which memory they show at its own address, and which pages they consist
 * of. Baton lives on them until its own are loaded, so it neither follows a pointer that they do not map nor hands
 * their pages out. Read only. Context: boss, on those tables; they must map themselves, as kexec's and Baton's own do.
 */
#ifndef MM_FOUND_H
#define MM_FOUND_H

#include <stdint.h>

#include "lib/status.h"

typedef enum status found_fn(void *context, uint64_t base, uint64_t size, struct problem *problem);

/* Calls identity() for every run of an entry that maps [base, base + size) to itself, in ascending order, and table()
 * for every page of the tables; either may be NULL. The lower half of the address space only. What they return other
 * than OK ends the walk and is returned. */
enum status found_walk(uint64_t cr3, unsigned levels, found_fn *identity, found_fn *table, void *context,
		       struct problem *problem);

#endif
