// SPDX-License-Identifier: MIT
#include "test/unit/boot/support.h"

#include <string.h>

#include "boot/place.h"

#define PAGES 96u

static void overlap_at_the_edges(void **state)
{
	(void)state;
	assert_true(place_overlap(0x1000, 0x1000, 0x1fff, 1));
	assert_true(place_overlap(0x1fff, 1, 0x1000, 0x1000));
	assert_true(place_overlap(0x1000, 1, 0x1000, 1));
	assert_false(place_overlap(0x1000, 0x1000, 0x2000, 1));
	assert_false(place_overlap(0x2000, 1, 0x1000, 0x1000));
	assert_false(place_overlap(0x1000, 0, 0x1000, 0x1000));
	assert_false(place_overlap(0x1000, 0x1000, 0x1800, 0));
	assert_true(place_overlap(~0ull - 0xfff, 0x1000, ~0ull, 1));
	assert_true(place_overlap(0, ~0ull, 5, 1));
	assert_false(place_overlap(~0ull - 0xfff, 0x1000, 0, 0x1000));
}

static void kernel_requests(void **state)
{
	struct bzimage image = { .pref_address = 0x1000000, .init_size = 0x3f98001, .alignment = 0x200000,
				 .relocatable = true, .above_4g = true };
	struct place_request r;

	(void)state;
	place_request_kernel(&r, &image);
	assert_int_equal(r.size, 0x3f99000);
	assert_int_equal(r.preferred, 0x1000000);
	assert_int_equal(r.min, 0x1000000);
	assert_int_equal(r.align, 0x200000);
	assert_int_equal(r.max, 1ull << 46);

	/* A kernel that prefers 1 MiB runs at 16 MiB or above all the same. */
	image.pref_address = 0x100000;
	image.above_4g = false;
	place_request_kernel(&r, &image);
	assert_int_equal(r.preferred, 0x1000000);
	assert_int_equal(r.min, 0x1000000);
	assert_int_equal(r.max, 1ull << 32);

	/* One that was linked for 64 MiB moves there by itself if it is loaded lower. */
	image.pref_address = 0x4000000;
	place_request_kernel(&r, &image);
	assert_int_equal(r.preferred, 0x4000000);
	assert_int_equal(r.min, 0x4000000);
	image.pref_address = 0x100000;

	/* Big alignment: 16 MiB is not on it. */
	image.alignment = 1u << 30;
	place_request_kernel(&r, &image);
	assert_int_equal(r.min, 1u << 30);

	image.alignment = 0x200000;
	image.relocatable = false;
	place_request_kernel(&r, &image);
	assert_int_equal(r.min, 0x100000);
	assert_int_equal(r.size, 0x3f99000);
	assert_int_equal(r.max, r.min + r.size);
}

/* A machine whose free memory begins at 4 GiB: for a kernel that says it can run there, and for nothing else. */
static void above_four_gib(void **state)
{
	struct bzimage image = { .pref_address = 0x1000000, .init_size = 0x3f98001, .alignment = 0x200000,
				 .relocatable = true, .above_4g = true, .initrd_max = 1ull << 46 };
	const struct place_range free[] = { { 0x100000, 0x2000000 }, { 1ull << 32, 0x8000000 } };
	struct place_request r;
	struct problem p = { 0 };
	uint64_t base;

	(void)state;
	place_request_kernel(&r, &image);
	assert_problem(&p, place_find(free, 2, NULL, 0, &r, &base, &p), OK, "");
	assert_int_equal(base, 0x104000000);
	assert_int_equal(place_check(&r, base, &p), OK);
	place_request_initrd(&r, &image, 0x4000000);
	assert_problem(&p, place_find(free, 2, &(struct place_range){ base, 0x3f99000 }, 1, &r, &base, &p), OK, "");
	assert_int_equal(base, 1ull << 32);
	/* And an initrd of a kernel that can reach no further than 4 GiB. */
	image.initrd_max = 0xffffffff;
	place_request_initrd(&r, &image, 0x4000000);
	assert_problem(&p, place_find(free, 2, NULL, 0, &r, &base, &p), E_PLACEMENT, "no free run of 0x4000000 bytes");
	image.above_4g = false;
	place_request_kernel(&r, &image);
	p.code = OK;
	assert_problem(&p, place_find(free, 2, NULL, 0, &r, &base, &p), E_PLACEMENT,
		       "no free run of 0x3f99000 bytes in 0x1000000..0x100000000 aligned to 0x200000");
	assert_int_equal(place_check(&r, 1ull << 32, NULL), E_PLACEMENT);
	/* One that was linked for a place up there goes there. */
	image.above_4g = true;
	image.pref_address = 0x102000000;
	place_request_kernel(&r, &image);
	assert_int_equal(place_find(free, 2, NULL, 0, &r, &base, &p), OK);
	assert_int_equal(base, 0x102000000);
}

static void initrd_requests(void **state)
{
	struct bzimage image = { .initrd_max = 0x80000000ull };
	struct place_request r;

	(void)state;
	place_request_initrd(&r, &image, 5000);
	assert_int_equal(r.size, 8192);
	assert_int_equal(r.max, 0x80000000ull);
	image.initrd_max = 0x37ffffff;
	place_request_initrd(&r, &image, 1);
	assert_int_equal(r.max, 0x37fff000);
}

static void answers_are_checked(void **state)
{
	struct place_request r = { PLACE_KERNEL, 0x3000, 0x2000, 0x10000, 0x20000, 0, 0, 0 };
	struct problem p = { 0 };

	(void)state;
	assert_int_equal(place_check(&r, 0x10000, &p), OK);
	assert_int_equal(place_check(&r, 0x1c000, &p), OK);
	assert_problem(&p, place_check(&r, 0x1e000, &p), E_PLACEMENT, "0x1e000");
	assert_int_equal(place_check(&r, 0x11000, NULL), E_PLACEMENT);
	assert_int_equal(place_check(&r, 0xe000, NULL), E_PLACEMENT);
	assert_int_equal(place_check(&r, ~0ull & ~0x1fffull, NULL), E_PLACEMENT);
	r.size = 0x20001;
	r.min = 0;
	assert_int_equal(place_check(&r, 0, NULL), E_PLACEMENT);
}

static void preferred_or_highest(void **state)
{
	struct place_range free[] = { { 0x100000, 0x100000 }, { 0x400000, 0x100000 } };
	struct place_range avoid[] = { { 0x4f0000, 0x1000 } };
	struct place_request r = { PLACE_KERNEL, 0x10000, 0x1000, 0x1000, 1ull << 32, 0x110000, 0, 0 };
	struct problem p = { 0 };
	uint64_t base;

	(void)state;
	assert_int_equal(place_find(free, 2, avoid, 1, &r, &base, &p), OK);
	assert_int_equal(base, 0x110000);
	r.preferred = 0x4f0000;
	assert_int_equal(place_find(free, 2, avoid, 1, &r, &base, &p), OK);
	assert_int_equal(base, 0x4e0000);
	r.size = 0x100001;
	assert_problem(&p, place_find(free, 2, avoid, 1, &r, &base, &p), E_PLACEMENT, "no free run");
}

/* One byte per page says what is so; the answer must be right, and there must be one if the model has one. */
static void against_a_model(void **state)
{
	struct rng rng = { 0x706c616365 };
	unsigned found = 0, none = 0;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		struct place_range free[4], avoid[4];
		unsigned nfree = 0, navoid = (unsigned)rng_below(&rng, 5);
		uint8_t is_free[PAGES] = { 0 };
		uint64_t best = 0, base = 0;
		enum status status;

		for (uint64_t at = rng_below(&rng, 10); at < PAGES && nfree < 4;) {
			uint64_t pages = 1 + rng_below(&rng, 20);

			if (at + pages > PAGES)
				break;
			free[nfree++] = (struct place_range){ at << 12, pages << 12 };
			memset(is_free + at, 1, pages);
			at += pages + 1 + rng_below(&rng, 10);
		}
		for (unsigned i = 0; i < navoid; i++) {
			uint64_t at = rng_below(&rng, PAGES), pages = rng_below(&rng, PAGES - at);

			pages = pages > 6 ? 6 : pages;
			avoid[i] = (struct place_range){ at << 12, pages << 12 };
			memset(is_free + at, 0, pages);
		}

		struct place_request r = { .kind = PLACE_RESERVED, .size = (1 + rng_below(&rng, 8)) << 12,
					   .align = 4096ull << rng_below(&rng, 4),
					   .min = (1 + rng_below(&rng, 30)) << 12,
					   .max = (PAGES - rng_below(&rng, 30)) << 12 };

		r.preferred = rng_below(&rng, 2) ? rng_below(&rng, PAGES) << 12 : 0;
		for (uint64_t at = r.min; at + r.size <= r.max; at += 4096) {
			bool all = !(at & (r.align - 1));

			for (uint64_t i = 0; i < r.size >> 12; i++)
				all = all && is_free[(at >> 12) + i];
			if (all && !(best && best == r.preferred))
				best = at;
		}
		status = place_find(free, nfree, avoid, navoid, &r, &base, NULL);
		assert_int_equal(status, best ? OK : E_PLACEMENT);
		if (status) {
			none++;
			continue;
		}
		found++;
		assert_int_equal(base, best);
		assert_int_equal(place_check(&r, base, NULL), OK);
		assert_null(place_conflict(avoid, navoid, base, r.size));
	}
	assert_true(found > 1000 && none > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overlap_at_the_edges), cmocka_unit_test(kernel_requests), cmocka_unit_test(above_four_gib),
		cmocka_unit_test(initrd_requests), cmocka_unit_test(answers_are_checked),
		cmocka_unit_test(preferred_or_highest), cmocka_unit_test(against_a_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
