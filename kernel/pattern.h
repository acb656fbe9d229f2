// SPDX-License-Identifier: MIT
/*
 * What lies in free memory between two generations: words that follow from address, generation and seed, so that
 * whatever writes there, CPU, device or firmware, is seen by the next generation. Which pages: those next to what was
 * placed, all of low memory, and a window that moves on with each generation and comes around. Pure; any context.
 */
#ifndef KERNEL_PATTERN_H
#define KERNEL_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/place.h"
#include "lib/range.h"

#define PATTERN_SAMPLE_PAGES	1024u	/* least a window holds: 4 MiB */
#define PATTERN_WINDOWS		256u	/* most windows that memory is cut into, one for each generation */
#define PATTERN_NEAR_PAGES	4u	/* on each side of what was placed */
#define PATTERN_LOW_END		0xa0000ull

/* The key of a generation's pattern. */
uint64_t pattern_key(uint64_t seed, uint64_t generation);

/* The word at an address, a multiple of 8. */
uint64_t pattern_word(uint64_t key, uint64_t address);

/* Fills [at, at + bytes), multiples of 64, with the words of address on. */
void pattern_fill(void *at, uint64_t address, uint64_t bytes, uint64_t key);

/* One run of bytes that changed. */
struct pattern_change {
	uint64_t address;		/* of the first byte */
	uint32_t bytes;			/* 1 to 8, inside one word */
	uint64_t before, after;		/* that whole word */
};

typedef void pattern_fn(void *context, const struct pattern_change *change);

/* Compares, and calls each() for every word that differs. Returns how many bytes do. */
uint64_t pattern_check(const void *at, uint64_t address, uint64_t bytes, uint64_t key, pattern_fn *each, void *context);

/* What to choose from: sorted, disjoint lists of whole pages. */
struct pattern_choice {
	const struct place_range *memory;	/* all that is ever free: the windows are parts of it */
	unsigned memory_count;
	const struct place_range *free;		/* what is free now, a part of it */
	unsigned free_count;
	const struct place_range *near;		/* whose neighbours are always taken; need not be sorted */
	unsigned near_count;
	uint64_t seed, generation;
	bool all;
};

/* Windows that choice->memory is cut into: after as many generations all free memory had its turn. */
unsigned pattern_windows(const struct pattern_choice *choice);

/* The window of this generation, 0 to pattern_windows() - 1: each once in as many generations. */
unsigned pattern_window(const struct pattern_choice *choice);

/* Adds what is to be filled to out: free pages; at least PATTERN_SAMPLE_PAGES of the window and what follows it, if
 * there are as many. False: not all of the window's free pages found room in out. */
bool pattern_choose(const struct pattern_choice *choice, struct range_list *out);

#endif
