// SPDX-License-Identifier: MIT
/*
 * Sources may lie in destinations, their own and others', in any number and in circles. Everything starts on a page, so
 * the copies together are a map from pages to pages in which each destination has one source and each source one
 * destination: it falls apart into chains, copied from the end that nobody needs any more, and circles, turned with a
 * piece of a page aside at a time. Nothing is kept but where we are, so it needs no memory that grows with the plan,
 * and next to none of the block's (protocol rule 19); chains beside a circle are walked once a page to find their end.
 */
#include "purgatory/copy.h"

#include "lib/string.h"
#include "purgatory/verify.h"
#include "x86/cpu.h"

#define PAGE	4096ull
#define NOWHERE	1ull		/* no page starts there; below every page but 0, which is nobody's destination */
#define PIECE	256u		/* of a circle's pages, on the stack while all of them are turned */

static uint32_t segment_count(const struct plan *plan)
{
	return plan->segment_count < PLAN_SEGMENTS ? plan->segment_count : PLAN_SEGMENTS;
}

static uint64_t copied_bytes(const struct plan_segment *s)
{
	return (s->size + PAGE - 1) & ~(PAGE - 1);
}

bool copy_needed(const struct plan *plan)
{
	uint32_t i;

	for (i = 0; i < segment_count(plan); i++) {
		if (plan->segments[i].source)
			return true;
	}
	return false;
}

/* The page that is to be copied to this one, NOWHERE: none is. */
static uint64_t source_of(const struct plan *plan, uint64_t page)
{
	uint32_t i;

	for (i = 0; i < segment_count(plan); i++) {
		const struct plan_segment *s = &plan->segments[i];

		if (s->source && page - s->dest < copied_bytes(s))	/* of a page below, the difference is huge */
			return s->source + (page - s->dest);
	}
	return NOWHERE;
}

/* Somebody still needs what is in this page. */
static bool is_source(const struct plan *plan, uint64_t page)
{
	uint32_t i;

	for (i = 0; i < segment_count(plan); i++) {
		const struct plan_segment *s = &plan->segments[i];

		if (s->source && page - s->source < copied_bytes(s))	/* likewise */
			return true;
	}
	return false;
}

static void copy_page(uint64_t to, uint64_t from)
{
	if (to != from)
		memcpy(cpu_phys_pointer(to), cpu_phys_pointer(from), PAGE);
}

/* From a page whose content nobody needs: once it is copied, its source is such a page. Pages copied. */
static uint64_t copy_chain(const struct plan *plan, uint64_t page)
{
	uint64_t from = source_of(plan, page), pages = 0;

	for (; from != NOWHERE; page = from, from = source_of(plan, page), pages++)
		copy_page(page, from);
	return pages;
}

/* The lowest page of a circle turns it; for the others, and in a chain, this is not the moment. */
static void turn_circle(const struct plan *plan, uint64_t page)
{
	uint64_t at = source_of(plan, page), from, piece;
	uint8_t aside[PIECE];

	for (; at != page; at = source_of(plan, at))
		if (at < page)			/* or NOWHERE */
			return;
	for (piece = 0; piece < PAGE; piece += PIECE) {
		memcpy(aside, cpu_phys_pointer(page + piece), PIECE);
		for (at = page, from = source_of(plan, at); from != page; at = from, from = source_of(plan, at))
			memcpy(cpu_phys_pointer(at + piece), cpu_phys_pointer(from + piece), PIECE);
		memcpy(cpu_phys_pointer(at + piece), aside, PIECE);
	}
}

/* The chains, and how many pages they leave; or the circles: a page of a chain is never turned, since walking that ends
 * at a page without a source. */
static uint64_t each_page(const struct plan *plan, bool circles)
{
	uint64_t left = 0, at;
	uint32_t i;

	for (i = 0; i < segment_count(plan); i++) {
		const struct plan_segment *s = &plan->segments[i];

		for (at = 0; s->source && at < copied_bytes(s); at += PAGE, left++) {
			if (circles)
				turn_circle(plan, s->dest + at);
			else if (!is_source(plan, s->dest + at))
				left -= copy_chain(plan, s->dest + at);
		}
	}
	return left;
}

void copy_segments(const struct plan *plan)
{
	uint32_t i;

	if (each_page(plan, false))
		each_page(plan, true);
	/* Only now: a tail may have been somebody's source. */
	for (i = 0; i < segment_count(plan); i++) {
		const struct plan_segment *s = &plan->segments[i];

		if (s->source && s->memory_size > s->size)
			memset(cpu_phys_pointer(s->dest + s->size), 0, s->memory_size - s->size);
	}
}

bool copy_chunk(const struct plan *plan, uint32_t index)
{
	const struct plan_segment *s;
	struct verify_chunk chunk;

	if (!verify_locate(plan, index, &chunk))
		return false;
	s = &plan->segments[chunk.segment];
	if (!s->backup)
		return false;
	memmove(cpu_phys_pointer(chunk.address), cpu_phys_pointer(s->backup + (chunk.address - s->dest)), chunk.bytes);
	return true;
}
