// SPDX-License-Identifier: MIT
/*
 * Copying to places that others are still read from: single plans, then random ones against a model that has all sources
 * in a copy of the memory. Chains, overlap with oneself, circles of pages and of segments.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "purgatory/copy.h"
#include "x86/cpu.h"

#define PAGE	4096u
#define PAGES	20u
#define PLANS	100000u

static uint8_t memory[PAGES * PAGE] __attribute__((aligned(4096))), before[PAGES * PAGE], expected[PAGES * PAGE];
static uint8_t low[4 * PAGE];			/* what lies at address 0 */
static struct plan plan;
static uint64_t seed;

void *twin_cpu_phys_pointer(uint64_t phys)
{
	if (phys < sizeof(low))
		return low + phys;
	assert_in_range(phys, (uintptr_t)memory, (uintptr_t)memory + sizeof(memory) - 1);
	return (void *)(uintptr_t)phys;
}

static uint64_t below(uint64_t limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % limit;
}

static int fresh(void **state)
{
	(void)state;
	memset(&plan, 0, sizeof(plan));
	for (uint64_t i = 0; i < sizeof(memory) / 8; i++)
		((uint64_t *)memory)[i] = (i + 1) * 0x9e3779b97f4a7c15;
	return 0;
}

/* source PAGES: in place. */
static void add(unsigned dest, unsigned source, uint64_t size, uint64_t memory_size)
{
	plan.segments[plan.segment_count++] = (struct plan_segment){
		.dest = (uintptr_t)memory + dest * PAGE, .size = size, .memory_size = memory_size,
		.source = source == PAGES ? 0 : (uintptr_t)memory + source * PAGE,
	};
}

/* What has to be there afterwards: everything from where it was before, nothing else changed but what is written. */
static void model(void)
{
	memcpy(before, memory, sizeof(memory));
	memcpy(expected, memory, sizeof(memory));
	for (unsigned i = 0; i < plan.segment_count; i++) {
		const struct plan_segment *s = &plan.segments[i];
		uint64_t at = s->dest - (uintptr_t)memory;

		if (!s->source)
			continue;
		memcpy(expected + at, before + (s->source - (uintptr_t)memory), s->size);
		memset(expected + at + s->size, 0, s->memory_size - s->size);
	}
}

static void check(const char *what, unsigned number)
{
	model();
	copy_segments(&plan);
	if (!memcmp(memory, expected, sizeof(memory)))
		return;
	for (unsigned i = 0; i < plan.segment_count; i++) {
		const struct plan_segment *s = &plan.segments[i];
		uint64_t at = s->dest - (uintptr_t)memory;

		if (memcmp(memory + at, expected + at, s->memory_size))
			fail_msg("%s %u: segment %u of %u is wrong", what, number, i, plan.segment_count);
	}
	fail_msg("%s %u: memory beside the segments changed", what, number);
}

static void nothing_to_copy(void **state)
{
	(void)state;
	add(1, PAGES, 100, PAGE);
	assert_false(copy_needed(&plan));
	check("in place", 0);
	assert_memory_equal(memory, before, sizeof(memory));
	add(2, 3, 1, 1);
	assert_true(copy_needed(&plan));
}

/* A segment that is in place is somebody's source: it stays there. Its source is none, and not what lies at 0. */
static void out_of_a_segment_in_place(void **state)
{
	(void)state;
	memset(low, 0x11, sizeof(low));
	add(3, PAGES, 2 * PAGE, 2 * PAGE);
	add(6, 3, 2 * PAGE, 2 * PAGE);
	check("in place", 1);
	/* One that is larger than the address of a destination is. */
	fresh(NULL);
	add(3, PAGES, 8 * PAGE, 8 * PAGE);
	add(0, 12, PAGE, PAGE);
	plan.segments[1].dest = 2 * PAGE;
	copy_segments(&plan);
	assert_memory_equal(low + 2 * PAGE, memory + 12 * PAGE, PAGE);
	assert_int_equal(low[PAGE], 0x11);
	assert_int_equal(low[3 * PAGE], 0x11);
}

static void over_oneself(void **state)
{
	(void)state;
	add(5, 2, 8 * PAGE - 100, 9 * PAGE);
	check("upwards", 0);
	fresh(NULL);
	add(2, 5, 8 * PAGE - 100, 9 * PAGE);
	check("downwards", 0);
	fresh(NULL);
	add(4, 4, 2 * PAGE, 3 * PAGE);
	check("where it is", 0);
}

/* The tail of the first is where the second waits. */
static void tail_over_a_source(void **state)
{
	(void)state;
	add(0, 8, PAGE, 4 * PAGE);
	add(12, 2, 2 * PAGE, 2 * PAGE);
	check("tail", 0);
}

static void circles(void **state)
{
	(void)state;
	add(0, 4, 4 * PAGE, 4 * PAGE);
	add(4, 0, 4 * PAGE, 4 * PAGE);
	check("two segments change places", 0);
	fresh(NULL);
	add(0, 3, 3 * PAGE, 3 * PAGE);
	add(3, 6, 3 * PAGE, 3 * PAGE);
	add(6, 0, 3 * PAGE, 3 * PAGE);
	check("three", 0);
	fresh(NULL);
	/* Of different lengths, turned by two pages. */
	add(0, 2, 5 * PAGE, 5 * PAGE);
	add(5, 0, 2 * PAGE, 2 * PAGE);
	check("a rotation", 0);
}

/* Runs of pages, each page used once. False: no room. */
static bool take(bool *used, unsigned pages, unsigned *at)
{
	for (unsigned tries = 0; tries < 20; tries++) {
		unsigned page = (unsigned)below(PAGES - pages + 1), i = 0;

		while (i < pages && !used[page + i])
			i++;
		if (i < pages)
			continue;
		memset(used + page, true, pages);
		*at = page;
		return true;
	}
	return false;
}

/* Pages that come back to themselves when one follows what is copied to where. */
static bool has_circle(void)
{
	unsigned from[PAGES];

	for (unsigned i = 0; i < PAGES; i++)
		from[i] = PAGES;
	for (unsigned i = 0; i < plan.segment_count; i++)
		for (unsigned k = 0; plan.segments[i].source && k * PAGE < plan.segments[i].size; k++)
			from[(plan.segments[i].dest - (uintptr_t)memory) / PAGE + k] =
				(unsigned)((plan.segments[i].source - (uintptr_t)memory) / PAGE) + k;
	for (unsigned i = 0; i < PAGES; i++) {
		unsigned at = from[i];

		for (unsigned steps = 0; at != PAGES && at != i && steps < PAGES; steps++)
			at = from[at];
		if (at == i && from[i] != i)
			return true;
	}
	return false;
}

static void random_plans(void **state)
{
	unsigned with_circle = 0, with_overlap = 0;

	(void)state;
	seed = 0x636f7079;
	for (unsigned number = 0; number < PLANS; number++) {
		bool to[PAGES] = { false }, from[PAGES] = { false };
		unsigned wanted = 1 + (unsigned)below(8), dest, source;

		fresh(NULL);
		for (unsigned i = 0; i < wanted; i++) {
			unsigned pages = 1 + (unsigned)below(number % 3 ? 5 : 2), tail = (unsigned)below(3) / 2;

			if (!take(to, pages + tail, &dest) || !take(from, pages, &source))
				break;
			add(dest, source, pages * PAGE - below(2) * below(PAGE), (uint64_t)(pages + tail) * PAGE);
			with_overlap += to[source];
		}
		with_circle += has_circle();
		check("plan", number);
	}
	printf("%u plans, %u with circles, 0 differences\n", PLANS, with_circle);
	assert_true(with_circle > PLANS / 20 && with_overlap > PLANS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_to_copy, fresh), cmocka_unit_test_setup(over_oneself, fresh),
		cmocka_unit_test_setup(out_of_a_segment_in_place, fresh),
		cmocka_unit_test_setup(tail_over_a_source, fresh), cmocka_unit_test_setup(circles, fresh),
		cmocka_unit_test_setup(random_plans, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
