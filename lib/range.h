// SPDX-License-Identifier: MIT
/*
 * Sets of addresses as sorted lists of ranges [start, end), never touching or overlapping each other. The array is
 * the caller's; nothing is allocated. An end of 2^64 cannot be expressed. Any context, no state.
 */
#ifndef LIB_RANGE_H
#define LIB_RANGE_H

#include <stdbool.h>
#include <stdint.h>

struct range { uint64_t start, end; };		/* start < end; end is the first address behind */

struct range_list {
	struct range *ranges;
	uint32_t count, capacity;
};

/* An empty list in the caller's array. */
void range_list_init(struct range_list *list, struct range *array, uint32_t capacity);

/* Adds [start, end), joining what touches. Empty or reversed ranges change nothing. False: no room, list
 * unchanged. */
bool range_add(struct range_list *list, uint64_t start, uint64_t end);

/* Takes [start, end) away. False: splitting a range needs one entry more than there is, list unchanged. */
bool range_subtract(struct range_list *list, uint64_t start, uint64_t end);

/* True if some address of [start, end) is in the list. */
bool range_overlaps(const struct range_list *list, uint64_t start, uint64_t end);

/* True if every address of [start, end) is in the list; an empty range is. */
bool range_contains(const struct range_list *list, uint64_t start, uint64_t end);

/* Sum of the lengths. */
uint64_t range_total(const struct range_list *list);

enum range_end { RANGE_LOWEST, RANGE_HIGHEST };

/* Finds size > 0 addresses at a multiple of alignment (a power of two), all in the list and in [low, high); the
 * lowest or the highest such place. False: none. */
bool range_find(const struct range_list *list, uint64_t size, uint64_t alignment, uint64_t low, uint64_t high,
		enum range_end end, uint64_t *start);

/* The same among the addresses that are not in the list: a hole. */
bool range_find_hole(const struct range_list *list, uint64_t size, uint64_t alignment, uint64_t low, uint64_t high,
		     enum range_end end, uint64_t *start);

#endif
