// SPDX-License-Identifier: MIT
/*
 * 100,000 random placement plans against a model: the map as pages, each request answered by trying every page. Maps with
 * many holes, everything above 4 GiB, tiny ones, one that ends at the last address; the places of a plan are taken one after
 * another, as a load takes them.
 */
#include "test/unit/boot/support.h"

#include <stdio.h>
#include <string.h>

#include "boot/place.h"

#define PLANS		100000u
#define PAGES		192u
#define RANGES_MAX	96u
#define REQUESTS	4u

static uint64_t seed;
static uint64_t base_of_map;
static bool is_free[PAGES], is_avoided[PAGES];
static struct place_range free_list[RANGES_MAX], avoid_list[RANGES_MAX];
static unsigned free_count, avoid_count;

static uint64_t below(uint64_t limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % limit;
}

static unsigned list_runs(const bool *pages, struct place_range *out)
{
	unsigned count = 0;

	for (unsigned i = 0; i < PAGES; i++) {
		if (!pages[i])
			continue;
		if (i && pages[i - 1])
			out[count - 1].size += PLACE_PAGE;
		else
			out[count++] = (struct place_range){ base_of_map + i * PLACE_PAGE, PLACE_PAGE };
	}
	return count;
}

/* In any order: nobody promises sorted lists. */
static void shuffle(struct place_range *list, unsigned count)
{
	for (unsigned i = count; i > 1; i--) {
		unsigned k = (unsigned)below(i);
		struct place_range swap = list[i - 1];

		list[i - 1] = list[k];
		list[k] = swap;
	}
}

static void make_map(void)
{
	static const uint64_t bases[] = { 0, 0x100000, 0xfff80000, 0x100000000, 0x3fffffff0000, 0ull - PAGES * PLACE_PAGE };
	unsigned mean = (unsigned)below(20) + 1, kind = (unsigned)below(4);

	base_of_map = bases[below(6)];
	for (unsigned i = 0; i < PAGES; i++) {
		/* Runs of a mean length; kind 0: few pages are free at all, kind 1: every other one. */
		is_free[i] = kind == 1 ? i & 1 : i && below(mean) ? is_free[i - 1] : kind ? below(3) : !below(12);
		is_avoided[i] = i && below(6) ? is_avoided[i - 1] : !below(8);
	}
	free_count = list_runs(is_free, free_list);
	avoid_count = list_runs(is_avoided, avoid_list);
	shuffle(free_list, free_count);
	shuffle(avoid_list, avoid_count);
}

static struct place_request make_request(void)
{
	struct place_request r = { .kind = PLACE_KERNEL, .align = PLACE_PAGE << (below(3) ? 0 : below(6)),
				   .size = below(40) ? below(20 * PLACE_PAGE) + 1 : below(3 * PAGES * PLACE_PAGE) + 1,
				   .min = 0, .max = ~0ull };

	r.size = (r.size + PLACE_PAGE - 1) & ~(PLACE_PAGE - 1);
	if (below(2))
		r.min = base_of_map + below(PAGES) * PLACE_PAGE;
	if (below(2))
		r.max = base_of_map + below(PAGES) * PLACE_PAGE + 1;
	if (below(3) == 0)
		r.preferred = base_of_map + below(PAGES) * PLACE_PAGE + (below(8) ? 0 : 1);
	if (below(4) == 0) {
		uint64_t page = below(PAGES);

		r.kept_base = base_of_map + page * PLACE_PAGE;
		r.kept_size = below(PAGES - page + 1) * PLACE_PAGE;
	}
	/* A place of its own and no other, as of images that cannot be moved. */
	if (below(5) == 0) {
		r.align = PLACE_PAGE;
		r.preferred = r.min = base_of_map + below(PAGES) * PLACE_PAGE;
		r.max = r.min + r.size;
	}
	return r;
}

static bool model_fits(const struct place_request *r, unsigned page, uint64_t base)
{
	unsigned pages = (unsigned)(r->size / PLACE_PAGE);

	if (base < r->min || base & (r->align - 1) || r->max < r->size || base > r->max - r->size ||
	    pages > PAGES || page > PAGES - pages)
		return false;
	for (unsigned i = page; i < page + pages; i++)
		if (!is_free[i] || is_avoided[i] ||
		    base_of_map + i * PLACE_PAGE - r->kept_base < r->kept_size)
			return false;
	return true;
}

static bool model(const struct place_request *r, uint64_t *base)
{
	uint64_t offset = r->preferred - base_of_map;

	if (r->preferred && offset < PAGES * PLACE_PAGE && !(offset % PLACE_PAGE) &&
	    model_fits(r, (unsigned)(offset / PLACE_PAGE), r->preferred)) {
		*base = r->preferred;
		return true;
	}
	for (unsigned page = PAGES; page-- > 0; ) {
		*base = base_of_map + page * PLACE_PAGE;
		if (model_fits(r, page, *base))
			return true;
	}
	return false;
}

static void random_plans(void **state)
{
	unsigned placed = 0, refused = 0;

	(void)state;
	seed = 0x6a09e667f3bcc908;
	for (unsigned plan = 0; plan < PLANS; plan++) {
		make_map();
		for (unsigned n = 0; n < REQUESTS; n++) {
			struct place_request r = make_request();
			struct problem p = { 0 };
			uint64_t found = 1, expected = 0;
			enum status status = place_find(free_list, free_count, avoid_list, avoid_count, &r, &found, &p);
			bool there = model(&r, &expected);

			if (there != !status || (there && found != expected))
				fail_msg("plan %u, request %u: 0x%llx (E%02u), the model says 0x%llx (%d)", plan, n,
					 (unsigned long long)found, status, (unsigned long long)expected, there);
			if (!there) {
				assert_true(status == E_PLACEMENT && p.text[0]);
				refused++;
				continue;
			}
			assert_int_equal(place_check(&r, found, &p), OK);
			placed++;
			for (unsigned i = 0; i < r.size / PLACE_PAGE; i++)
				is_free[(found - base_of_map) / PLACE_PAGE + i] = false;
			free_count = list_runs(is_free, free_list);
			shuffle(free_list, free_count);
		}
	}
	printf("%u plans, %u places, %u refusals, 0 differences\n", PLANS, placed, refused);
	assert_true(placed > PLANS && refused > PLANS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(random_plans) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
