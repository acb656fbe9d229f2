// SPDX-License-Identifier: MIT
/* A space that is loaded on two CPUs of the model, each with the kernel's own record of a CPU. */
#ifndef TEST_UNIT_MM_TWO_CPUS_H
#define TEST_UNIT_MM_TWO_CPUS_H

#include "test/unit/mm/machine.h"

#include "mm/load.h"

#define VA 0x40000000ull
#define FAR_MEMORY 0x200000000ull
#define PARK_ROOT 0x7000ull

extern struct space space;
extern struct problem problem;
extern struct mm_features features;	/* what the space was made with */
extern struct mm_cpu self, other;	/* CPU 0 and CPU 1 */

/* Set-up and clean-up of a test. */
int start(void **state);
int stop(void **state);
/* Maps, which has to succeed and to leave the model in order. */
void map(uint64_t va, uint64_t pa, uint64_t length, mm_prot prot, enum mm_page_size max);
/* Fails unless va is mapped just so. */
void expect(uint64_t va, enum mm_page_size size, uint64_t phys, mm_prot prot);
uint64_t cr3_of(unsigned cpu);

#endif
