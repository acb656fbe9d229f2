// SPDX-License-Identifier: MIT
#include "test/hostile/scenario/scenario.h"

unsigned page_at_va(unsigned space, uint64_t va, mm_prot prot)
{
	unsigned number = watch(va);

	world->note[number] = data_page();
	EXPECT(space_map(&world->space[space], va, world->note[number], 0x1000, prot, MM_PAGE_4K, NULL) == OK);
	return number;
}

void all_in(unsigned space)
{
	unsigned i;

	for (i = 0; i < parameters.cpus; i++)
		starts_in(i, space);
}

void three_pages(void)
{
	world_start(24);
	world_space(0, 4);
	page_at_va(0, VA, MM_WRITE);
	page_at_va(0, VA + 0x1000, MM_WRITE);
	page_at_va(0, VA + MM_2M_BYTES, MM_WRITE);
	all_in(0);
}

void unmap(unsigned space, uint64_t va, uint64_t bytes, unsigned mask)
{
	change_begin(mask);
	EXPECT(space_unmap_free(&world->space[space], va, bytes, &world->data, NULL) == OK);
	change_end(mask, true);
}

void protect(unsigned space, uint64_t va, uint64_t bytes, mm_prot prot, unsigned mask)
{
	change_begin(mask);
	EXPECT(space_protect(&world->space[space], va, bytes, prot, NULL) == OK);
	change_end(mask, false);
}

static uint64_t tables_of(const struct space *space)
{
	return space->tables ? space->table_pages + space->limbo_pages : 0;
}

void limbo_empties(unsigned space)
{
	EXPECT(space_unmap(&world->space[space], VA + 7 * MM_1G_BYTES, 0x1000, NULL) == OK);
	EXPECT(world->space[space].limbo_pages == 0);
}

void expect_pages(unsigned count)
{
	uint64_t used = world->phys.total_pages - world->phys.free_pages;

	if (used != count + tables_of(&world->space[0]) + tables_of(&world->space[1]))
		broken("leak", "%llu pages in use, %u of them data, tables %llu", (unsigned long long)used, count,
		       (unsigned long long)(tables_of(&world->space[0]) + tables_of(&world->space[1])));
}

bool maps_to(unsigned space, uint64_t va, uint64_t phys, mm_prot prot)
{
	struct mapping mapping;

	return space_query(&world->space[space], va, &mapping) && mapping.phys == phys && mapping.prot == prot;
}

bool maps_nothing(unsigned space, uint64_t va)
{
	struct mapping mapping;

	return !space_query(&world->space[space], va, &mapping);
}
