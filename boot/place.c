// SPDX-License-Identifier: MIT
#include "boot/place.h"

#include <stddef.h>

bool place_overlap(uint64_t base_a, uint64_t size_a, uint64_t base_b, uint64_t size_b)
{
	if (!size_a || !size_b)
		return false;
	/* The last byte of each, so that an end of 2^64 needs no case of its own. */
	return base_a <= base_b + (size_b - 1) && base_b <= base_a + (size_a - 1);
}

const struct place_range *place_conflict(const struct place_range *list, unsigned count, uint64_t base, uint64_t size)
{
	for (unsigned i = 0; i < count; i++)
		if (place_overlap(list[i].base, list[i].size, base, size))
			return &list[i];
	return NULL;
}

static uint64_t align_up(uint64_t value, uint64_t align)
{
	return (value + align - 1) & ~(align - 1);
}

void place_request_kernel(struct place_request *request, const struct bzimage *image)
{
	uint64_t align = image->alignment > PLACE_PAGE ? image->alignment : PLACE_PAGE;
	uint64_t lowest = PLACE_KERNEL_MIN;

	if (image->pref_address > lowest && !image->runs_where_loaded)
		lowest = image->pref_address;
	*request = (struct place_request){
		.kind = PLACE_KERNEL,
		.size = align_up(image->init_size, PLACE_PAGE),
		.align = align,
		.min = align_up(lowest, align),
		.max = image->above_4g ? PLACE_ADDRESS_END : 1ull << 32,
	};
	if (!image->relocatable) {
		request->min = image->pref_address;
		request->preferred = image->pref_address;
		request->align = PLACE_PAGE;
		request->max = request->min + request->size;
	} else if (image->pref_address >= request->min) {
		request->preferred = align_up(image->pref_address, align);
	} else {
		request->preferred = request->min;
	}
}

void place_request_initrd(struct place_request *request, const struct bzimage *image, uint64_t size)
{
	*request = (struct place_request){
		.kind = PLACE_INITRD,
		.size = align_up(size, PLACE_PAGE),
		.align = PLACE_PAGE,
		.min = 1u << 20,
		.max = image->initrd_max & ~(PLACE_PAGE - 1),
	};
}

static bool fits(const struct place_request *request, uint64_t base)
{
	return base >= request->min && !(base & (request->align - 1)) && request->size <= request->max &&
	       base <= request->max - request->size &&
	       !place_overlap(base, request->size, request->kept_base, request->kept_size);
}

enum status place_check(const struct place_request *request, uint64_t base, struct problem *problem)
{
	if (!fits(request, base))
		return problem_set(problem, E_PLACEMENT,
				   "0x%llx bytes at 0x%llx: wanted 0x%llx..0x%llx aligned to 0x%llx",
				   (unsigned long long)request->size, (unsigned long long)base,
				   (unsigned long long)request->min, (unsigned long long)request->max,
				   (unsigned long long)request->align);
	return OK;
}

static bool contains(const struct place_range *range, uint64_t base, uint64_t size)
{
	return base >= range->base && size <= range->size && base - range->base <= range->size - size;
}

/* Highest base in one free range, or false. Each turn moves below a range to avoid, so it ends. */
static bool find_in_range(const struct place_range *range, const struct place_range *avoid, unsigned avoid_count,
			  const struct place_request *request, uint64_t *base)
{
	const struct place_range kept = { request->kept_base, request->kept_size };
	uint64_t last, limit;

	if (range->size < request->size || request->max < request->size)
		return false;
	last = range->base + (range->size - request->size);
	limit = request->max - request->size;
	if (last > limit)
		last = limit;
	for (;;) {
		const struct place_range *hit;
		uint64_t candidate = last & ~(request->align - 1);

		if (candidate < range->base || candidate < request->min)
			return false;
		hit = place_conflict(avoid, avoid_count, candidate, request->size);
		if (!hit)
			hit = place_conflict(&kept, 1, candidate, request->size);
		if (!hit) {
			*base = candidate;
			return true;
		}
		if (hit->base < request->size)
			return false;
		last = hit->base - request->size;
	}
}

enum status place_find(const struct place_range *free, unsigned free_count, const struct place_range *avoid,
		       unsigned avoid_count, const struct place_request *request, uint64_t *base,
		       struct problem *problem)
{
	bool found = false;
	uint64_t best = 0, wanted = request->preferred;

	if (wanted && fits(request, wanted) && !place_conflict(avoid, avoid_count, wanted, request->size)) {
		for (unsigned i = 0; i < free_count; i++) {
			if (contains(&free[i], wanted, request->size)) {
				*base = wanted;
				return OK;
			}
		}
	}
	for (unsigned i = 0; i < free_count; i++) {
		uint64_t candidate;

		if (find_in_range(&free[i], avoid, avoid_count, request, &candidate) && (!found || candidate > best)) {
			best = candidate;
			found = true;
		}
	}
	if (!found)
		return problem_set(problem, E_PLACEMENT,
				   "no free run of 0x%llx bytes in 0x%llx..0x%llx aligned to 0x%llx",
				   (unsigned long long)request->size, (unsigned long long)request->min,
				   (unsigned long long)request->max, (unsigned long long)request->align);
	*base = best;
	return OK;
}
