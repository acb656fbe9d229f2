// SPDX-License-Identifier: MIT
#include "test/unit/mm/two_cpus.h"

#include <string.h>

#include "x86/cpu.h"

struct space space;
struct problem problem;
struct mm_features features;
struct mm_cpu self, other;

static bool call_other(const struct flush_request *request)
{
	unsigned before;

	if (machine.deaf)
		return false;
	if (!flush_wanted(request, &other))
		return true;
	machine.flushes++;
	before = machine_on_cpu(1);
	flush_on_cpu(&other, request);
	machine_on_cpu(before);
	return true;
}

int start(void **state)
{
	(void)state;
	machine_start(1024);
	features = machine_features;
	features.lam = true;
	problem.code = OK;
	assert_int_equal(space_init(&space, 4, &features, &machine.tables, NULL), OK);
	machine_load(&space, VA, MM_1G_BYTES);
	memset(&self, 0, sizeof(self));
	memset(&other, 0, sizeof(other));
	other.index = 70;
	mm_set_flush_others(call_other);
	machine_on_cpu(1);
	space_load(&other, &space);
	machine_on_cpu(0);
	space_load(&self, &space);
	return 0;
}

int stop(void **state)
{
	(void)state;
	machine_stop();
	return 0;
}

void map(uint64_t va, uint64_t pa, uint64_t length, mm_prot prot, enum mm_page_size max)
{
	assert_int_equal(space_map(&space, va, pa, length, prot, max, NULL), OK);
	machine_check();
}

void expect(uint64_t va, enum mm_page_size size, uint64_t phys, mm_prot prot)
{
	struct mapping mapping;

	assert_true(space_query(&space, va, &mapping));
	assert_int_equal(mapping.size, size);
	assert_int_equal(mapping.phys, phys);
	assert_int_equal(mapping.prot, prot);
}

uint64_t cr3_of(unsigned cpu)
{
	unsigned before = machine_on_cpu(cpu);
	uint64_t cr3 = cpu_read_cr3();

	machine_on_cpu(before);
	return cr3;
}
