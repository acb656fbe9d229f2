// SPDX-License-Identifier: MIT
#include "lib/range.h"

#include "lib/string.h"

void range_list_init(struct range_list *list, struct range *array, uint32_t capacity)
{
	*list = (struct range_list){ .ranges = array, .capacity = capacity };
}

/* Index of the first range that ends at or behind address. */
static uint32_t first_ending_from(const struct range_list *list, uint64_t address)
{
	uint32_t low = 0, high = list->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (list->ranges[middle].end < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Puts count new ranges in place of those from first to last - 1. */
static bool replace(struct range_list *list, uint32_t first, uint32_t last, const struct range *new, uint32_t count)
{
	struct range *r = list->ranges;

	if (list->count - (last - first) + count > list->capacity)
		return false;
	memmove(r + first + count, r + last, (list->count - last) * sizeof(*r));
	memcpy(r + first, new, count * sizeof(*r));
	list->count = list->count - (last - first) + count;
	return true;
}

bool range_add(struct range_list *list, uint64_t start, uint64_t end)
{
	struct range new = { start, end };
	uint32_t first, last;

	if (start >= end)
		return true;
	first = last = first_ending_from(list, start);
	for (; last < list->count && list->ranges[last].start <= end; last++) {
		if (list->ranges[last].start < new.start)
			new.start = list->ranges[last].start;
		if (list->ranges[last].end > new.end)
			new.end = list->ranges[last].end;
	}
	return replace(list, first, last, &new, 1);
}

bool range_subtract(struct range_list *list, uint64_t start, uint64_t end)
{
	struct range left[2];
	uint32_t first, last, count = 0;

	if (start >= end)
		return true;
	first = last = first_ending_from(list, start);
	for (; last < list->count && list->ranges[last].start < end; last++) {
		const struct range *r = &list->ranges[last];

		if (r->start < start)
			left[count++] = (struct range){ r->start, r->end < start ? r->end : start };
		if (r->end > end)
			left[count++] = (struct range){ end, r->end };
	}
	return replace(list, first, last, left, count);
}

bool range_overlaps(const struct range_list *list, uint64_t start, uint64_t end)
{
	uint32_t i;

	if (start >= end)
		return false;
	i = first_ending_from(list, start);
	if (i < list->count && list->ranges[i].end == start)
		i++;
	return i < list->count && list->ranges[i].start < end;
}

bool range_contains(const struct range_list *list, uint64_t start, uint64_t end)
{
	uint32_t i = first_ending_from(list, end);

	return start >= end || (i < list->count && list->ranges[i].start <= start);
}

uint64_t range_total(const struct range_list *list)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < list->count; i++)
		total += list->ranges[i].end - list->ranges[i].start;
	return total;
}

/* One place within [low, high). */
static bool place(uint64_t low, uint64_t high, uint64_t size, uint64_t alignment, enum range_end end, uint64_t *start)
{
	uint64_t first;

	if (low > UINT64_MAX - (alignment - 1))
		return false;
	first = (low + alignment - 1) & ~(alignment - 1);
	if (first > high || high - first < size)
		return false;
	*start = end == RANGE_LOWEST ? first : (high - size) & ~(alignment - 1);
	return true;
}

bool range_find(const struct range_list *list, uint64_t size, uint64_t alignment, uint64_t low, uint64_t high,
		enum range_end end, uint64_t *start)
{
	for (uint32_t n = 0; n < list->count; n++) {
		const struct range *r = &list->ranges[end == RANGE_LOWEST ? n : list->count - 1 - n];

		if (place(r->start > low ? r->start : low, r->end < high ? r->end : high, size, alignment, end, start))
			return true;
	}
	return false;
}

bool range_find_hole(const struct range_list *list, uint64_t size, uint64_t alignment, uint64_t low, uint64_t high,
		     enum range_end end, uint64_t *start)
{
	for (uint32_t n = 0; n <= list->count; n++) {
		uint32_t i = end == RANGE_LOWEST ? n : list->count - n;		/* the hole before range i */
		uint64_t from = i ? list->ranges[i - 1].end : 0;
		uint64_t to = i < list->count ? list->ranges[i].start : UINT64_MAX;

		if (place(from > low ? from : low, to < high ? to : high, size, alignment, end, start))
			return true;
	}
	return false;
}
