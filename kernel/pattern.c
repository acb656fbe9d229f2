// SPDX-License-Identifier: MIT
#include "kernel/pattern.h"

#include "lib/random.h"
#include "lib/string.h"

#define STEP		0x9e3779b97f4a7c15ull	/* odd: no two words within 2^64 addresses are equal */

uint64_t pattern_key(uint64_t seed, uint64_t generation)
{
	uint64_t state = seed ^ (generation * STEP);

	return random_splitmix64(&state);
}

uint64_t pattern_word(uint64_t key, uint64_t address)
{
	return key + address / sizeof(uint64_t) * STEP;
}

void pattern_fill(void *at, uint64_t address, uint64_t bytes, uint64_t key)
{
	uint64_t *to = at, *end = to + bytes / sizeof(*to), word = pattern_word(key, address);

	for (; to < end; to += 8, word += 8 * STEP) {
		to[0] = word;
		to[1] = word + STEP;
		to[2] = word + 2 * STEP;
		to[3] = word + 3 * STEP;
		to[4] = word + 4 * STEP;
		to[5] = word + 5 * STEP;
		to[6] = word + 6 * STEP;
		to[7] = word + 7 * STEP;
	}
}

static uint64_t tell(uint64_t address, uint64_t before, uint64_t after, pattern_fn *each, void *context)
{
	struct pattern_change change = { 0, 0, before, after };
	uint64_t differ = before ^ after, changed = 0;
	unsigned first = 8, last = 0;

	for (unsigned i = 0; i < 8; i++) {
		if (!(differ >> 8 * i & 0xff))
			continue;
		first = i < first ? i : first;
		last = i;
		changed++;
	}
	change.address = address + first;
	change.bytes = last - first + 1;
	if (each)
		each(context, &change);
	return changed;
}

uint64_t pattern_check(const void *at, uint64_t address, uint64_t bytes, uint64_t key, pattern_fn *each, void *context)
{
	const uint64_t *from = at, *end = from + bytes / sizeof(*from);
	uint64_t word = pattern_word(key, address), changed = 0;

	for (; from < end; from += 8, word += 8 * STEP, address += 64) {
		uint64_t differ = (from[0] ^ word) | (from[1] ^ (word + STEP)) | (from[2] ^ (word + 2 * STEP)) |
				  (from[3] ^ (word + 3 * STEP)) | (from[4] ^ (word + 4 * STEP)) |
				  (from[5] ^ (word + 5 * STEP)) | (from[6] ^ (word + 6 * STEP)) |
				  (from[7] ^ (word + 7 * STEP));

		if (!differ)
			continue;
		for (unsigned i = 0; i < 8; i++)
			if (from[i] != word + i * STEP)
				changed += tell(address + 8 * i, word + i * STEP, from[i], each, context);
	}
	return changed;
}

static uint64_t pages_of(const struct place_range *list, unsigned count)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < count; i++)
		bytes += list[i].size;
	return bytes / PLACE_PAGE;
}

static uint64_t window_pages(const struct pattern_choice *c)
{
	uint64_t pages = (pages_of(c->memory, c->memory_count) + PATTERN_WINDOWS - 1) / PATTERN_WINDOWS;

	return pages > PATTERN_SAMPLE_PAGES ? pages : PATTERN_SAMPLE_PAGES;
}

unsigned pattern_windows(const struct pattern_choice *c)
{
	uint64_t pages = pages_of(c->memory, c->memory_count), each = window_pages(c);

	return pages ? (unsigned)((pages + each - 1) / each) : 1;
}

static unsigned common_divisor(unsigned a, unsigned b)
{
	while (b) {
		unsigned rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

unsigned pattern_window(const struct pattern_choice *c)
{
	unsigned windows = pattern_windows(c), step;
	uint64_t state = c->seed, start = random_splitmix64(&state);

	/* A step without a common divisor comes past every window. */
	step = windows > 2 ? (unsigned)(random_splitmix64(&state) % (windows - 1)) + 1 : 1;
	while (common_divisor(windows, step) != 1)
		step = step % windows + 1;
	return (unsigned)((start % windows + c->generation % windows * step) % windows);
}

/* The parts of free that lie in [base, end). False: out is full. */
static bool add_free(struct range_list *out, const struct pattern_choice *c, uint64_t base, uint64_t end)
{
	bool all = true;

	for (unsigned i = 0; i < c->free_count; i++) {
		uint64_t from = c->free[i].base, to = from + c->free[i].size;

		from = from > base ? from : base;
		to = to < end ? to : end;
		if (from < to)
			all &= range_add(out, from, to);
	}
	return all;
}

/* From page number first of c->memory on, count pages, around its end. */
static bool add_window(struct range_list *out, const struct pattern_choice *c, uint64_t first, uint64_t count)
{
	uint64_t at = 0;
	bool all = true;

	for (unsigned i = 0; i < c->memory_count; i++) {
		uint64_t pages = c->memory[i].size / PLACE_PAGE;
		uint64_t from = first > at ? first - at : 0, to = first + count > at ? first + count - at : 0;

		from = from < pages ? from : pages;
		to = to < pages ? to : pages;
		if (from < to)
			all &= add_free(out, c, c->memory[i].base + from * PLACE_PAGE,
					c->memory[i].base + to * PLACE_PAGE);
		at += pages;
	}
	return all;
}

static void add_near(struct range_list *out, const struct pattern_choice *c)
{
	const uint64_t wide = PATTERN_NEAR_PAGES * PLACE_PAGE;

	add_free(out, c, 0, PATTERN_LOW_END);
	for (unsigned i = 0; i < c->near_count; i++) {
		uint64_t base = c->near[i].base, end = base + c->near[i].size;

		add_free(out, c, base > wide ? base - wide : 0, base);
		add_free(out, c, end, end + wide);
	}
}

bool pattern_choose(const struct pattern_choice *c, struct range_list *out)
{
	uint64_t pages = pages_of(c->memory, c->memory_count), each = window_pages(c), first = pattern_window(c) * each;
	bool whole;

	if (c->all)
		return add_free(out, c, 0, ~0ull);
	whole = add_window(out, c, first, each);
	/* Where much of the window is in use, those behind it help out. */
	for (uint64_t taken = each; range_total(out) / PLACE_PAGE < PATTERN_SAMPLE_PAGES && taken < pages;
	     taken += each) {
		first = first + each < pages ? first + each : 0;
		add_window(out, c, first, each);
	}
	add_near(out, c);
	return whole;
}
