// SPDX-License-Identifier: MIT
/*
 * Random map, unmap and protect against a model of one entry a page, read back by an independent parser, on a
 * machine that watches every CPU's caches. Every operation is also tried with each of its allocations failing.
 */
#include "test/unit/mm/machine.h"

#include <stdio.h>
#include <string.h>

#define WINDOW		(0x40000000ull - 0x400000)	/* crosses a 1 GiB boundary */
#define WINDOW_PAGES	2048u
#define FAR_MEMORY	0x200000000ull

struct model_page { bool mapped; uint64_t pa; mm_prot prot; };

static struct model_page model[WINDOW_PAGES];
static struct space space;
static uint64_t seed;
static unsigned succeeded;

static uint64_t pick(uint64_t n) { return machine_random(&seed) % n; }

static void check_model(void)
{
	struct parsed parsed;
	struct mapping mapping;
	unsigned i;

	machine_check();
	for (i = 0; i < WINDOW_PAGES; i++) {
		const struct model_page *m = &model[i];
		uint64_t va = WINDOW + i * 4096ull;

		if (machine_parse(space.root, space.levels, va, &parsed) != m->mapped)
			fail_msg("0x%llx: model says %d", (unsigned long long)va, m->mapped);
		assert_int_equal(space_query(&space, va, &mapping), m->mapped);
		if (!m->mapped)
			continue;
		assert_int_equal(parsed.phys, m->pa);
		assert_int_equal(parsed.write, m->prot & MM_WRITE);
		assert_int_equal(parsed.exec, m->prot & MM_EXEC ? 1 : 0);
		assert_int_equal(machine_features.pat >> 8 * parsed.pat & 7, mm_prot_cache(m->prot));
		assert_true(parsed.accessed && !parsed.user && !parsed.global);
		assert_true(parsed.dirty == parsed.write);
		assert_int_equal(mapping.phys, m->pa);
		assert_int_equal(mapping.prot, m->prot);
		assert_int_equal(mm_size_bytes(mapping.size), parsed.bytes);
	}
	assert_int_equal(space.table_pages, machine_count_tables(space.root, space.levels));
	assert_int_equal(machine.phys.free_pages + space.table_pages, machine.phys.total_pages);
	assert_int_equal(machine.phys.poison_damage, 0);
	assert_int_equal(space.quarantined, 0);
}

struct op { unsigned kind, first, count; uint64_t pa; mm_prot prot; enum mm_page_size max; };

static enum status run(const struct op *op, struct problem *problem)
{
	uint64_t va = WINDOW + op->first * 4096ull, length = op->count * 4096ull;

	switch (op->kind) {
	case 0: return space_map(&space, va, op->pa, length, op->prot, op->max, problem);
	case 1: return space_unmap(&space, va, length, problem);
	default: return space_protect(&space, va, length, op->prot, problem);
	}
}

static enum status predict(const struct op *op)
{
	unsigned i;

	for (i = op->first; i < op->first + op->count; i++)
		if ((op->kind == 0 && model[i].mapped) || (op->kind == 2 && !model[i].mapped))
			return E_MAPPING;
	return OK;
}

static void apply(const struct op *op)
{
	unsigned i;

	for (i = 0; i < op->count; i++) {
		struct model_page *m = &model[op->first + i];

		if (op->kind == 0)
			*m = (struct model_page){ true, op->pa + i * 4096ull, op->prot };
		else if (op->kind == 1)
			m->mapped = false;
		else
			m->prot = op->prot;
	}
}

/* Makes it likely to be possible: map a hole, change what is mapped. */
static void fit(struct op *op)
{
	bool mapped = model[op->first].mapped;
	unsigned n;

	if (op->kind != 1)
		op->kind = mapped ? 2 : 0;
	for (n = 1; n < op->count && model[op->first + n].mapped == mapped; n++)
		;
	if (op->kind != 1)
		op->count = n;
}

static struct op random_op(void)
{
	static const mm_prot rights[] = { MM_READ, MM_WRITE, MM_WRITE, MM_EXEC };
	static const mm_prot types[] = { MM_CACHE(MM_WB), MM_CACHE(MM_WB), MM_CACHE(MM_WB), MM_CACHE(MM_WT),
					 MM_CACHE(MM_UC_MINUS), MM_CACHE(MM_UC) };
	struct op op = { .kind = pick(3), .count = 1 + pick(pick(4) ? 700 : 4), .max = 1 + pick(3) };

	op.first = pick(WINDOW_PAGES);
	if (pick(3) == 0)
		op.first &= ~511u;
	if (op.first + op.count > WINDOW_PAGES)
		op.count = WINDOW_PAGES - op.first;
	if (pick(8))
		fit(&op);
	op.pa = FAR_MEMORY + op.first * 4096ull + (pick(2) ? 0 : pick(4096) * 4096);
	op.prot = rights[pick(4)] | types[pick(6)];
	return op;
}

/* Fails allocation 1, 2, ... of the operation until it needs no more; nothing may have changed each time. */
static void run_with_failures(const struct op *op)
{
	enum status expected = predict(op), status;
	struct problem problem;
	uint64_t k;

	for (k = 1;; k++) {
		machine.phys.fail_from = machine.phys.allocations + k;
		machine.phys.fail_count = pick(2) ? 1 : UINT64_MAX;
		problem.code = OK;
		status = run(op, &problem);
		machine.phys.fail_from = 0;
		assert_int_equal(problem.code, status);
		if (status != E_NO_MEMORY)
			break;
		assert_int_equal(expected, OK);
		check_model();
	}
	assert_int_equal(status, expected);
	if (status == OK) {
		apply(op);
		succeeded++;
	}
	check_model();
}

static void run_seed(unsigned levels, uint64_t first_seed, unsigned ops)
{
	struct op all = { .kind = 1, .count = WINDOW_PAGES };
	unsigned i;

	seed = first_seed;
	succeeded = 0;
	print_message("levels=%u seed=%llu\n", levels, (unsigned long long)seed);
	memset(model, 0, sizeof(model));
	machine_start(64);
	assert_int_equal(space_init(&space, levels, &machine_features, &machine.tables, NULL), OK);
	space.gather_capacity = 1 + pick(4);
	machine_load(&space, WINDOW, WINDOW_PAGES * 4096ull);
	for (i = 0; i < ops; i++) {
		struct op op = random_op();

		run_with_failures(&op);
	}
	run_with_failures(&all);
	assert_true(succeeded > ops / 2);
	assert_int_equal(space.table_pages, 1);
	machine_unload();
	assert_int_equal(space_destroy(&space, NULL), OK);
	assert_int_equal(machine.phys.free_pages, 64);
	machine_stop();
}

static void random_changes_match_the_model(void **state)
{
	uint64_t s;

	(void)state;
	for (s = 1; s <= 6; s++)
		run_seed(4, s, 200);
}

static void random_changes_match_the_model_at_5_levels(void **state)
{
	(void)state;
	run_seed(5, 100, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_changes_match_the_model),
		cmocka_unit_test(random_changes_match_the_model_at_5_levels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
