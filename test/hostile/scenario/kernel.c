// SPDX-License-Identifier: MIT
/* A space as Baton builds its own: by a list, 5 levels, a pool for the block's tables with a read-only view; then what is
 * placed is write-protected, a far page gets another type, and CPUs are parked. */
#include "mm/found.h"
#include "mm/identity.h"
#include "mm/share.h"
#include "test/hostile/scenario/scenario.h"
#include "x86/cpu.h"

#define FAR		0x2000000000ull
#define PLACED		0
#define STACK		1
#define POOL_PAGES	12u
#define LIST		7u

static enum status count_bytes(void *context, uint64_t base, uint64_t size, struct problem *problem)
{
	(void)base;
	(void)problem;
	*(uint64_t *)context += size;
	return OK;
}

/* The list with what the allocator gave out: where is known only now. */
static unsigned make_list(struct identity_range list[LIST])
{
	const struct identity_range ranges[] = {
		{ 0x1000, 2 * MM_2M_BYTES - 0x1000, MM_WRITE, MM_PAGE_2M, "low" },
		{ HOSTILE_BASE, HOSTILE_PAGES * MM_PAGE_BYTES, MM_WRITE, MM_PAGE_4K, "memory" },
		{ world->note[STACK] - 0x1000, 0x1000, MM_NONE, MM_PAGE_4K, "guard" },
		{ FAR, MM_1G_BYTES, MM_WRITE, MM_PAGE_1G, "far" },
		{ FAR + MM_1G_BYTES, MM_1G_BYTES, MM_WRITE, MM_PAGE_1G, "far" },
		{ 0x5000, 0x1000, MM_EXEC, MM_PAGE_4K, "trampoline" },
		{ 0x6000, 0x1000, MM_WRITE | MM_EXEC | MM_HANDOVER_WX, MM_PAGE_4K, "handover" },
	};
	unsigned i;

	for (i = 0; i < LIST; i++)
		list[i] = ranges[i];
	return i;
}

/* The block's tables come from its own pages, and its view of ours allows no writing. */
static void build_block(const struct identity_range *list, unsigned count)
{
	struct mm_features small = world->space[0].features;
	struct page_pool pool;
	struct page_source pages;
	struct space block, view;
	uint64_t base = 0, tables, wanted = 0, bytes = 0;

	small.nx = small.page_1g = false;
	EXPECT(identity_count_tables(5, &small, list, 3, &wanted, NULL) == OK);
	for (tables = 0; tables < POOL_PAGES; tables++)
		EXPECT(world->tables.alloc(world->tables.context, &base, NULL) == OK);
	page_pool_init(&pool, base, POOL_PAGES);
	pages = page_source_pool(&pool);
	EXPECT(space_init(&block, 5, &small, &pages, NULL) == OK);
	EXPECT(identity_map(&block, list, 3, NULL) == OK);
	EXPECT(pool.used == wanted && block.table_pages == wanted);
	EXPECT(found_walk(block.root, 5, count_bytes, NULL, &bytes, NULL) == OK);
	EXPECT(bytes == 2 * MM_2M_BYTES - 0x1000 + (HOSTILE_PAGES - 1) * MM_PAGE_BYTES);
	EXPECT(space_init(&view, 5, &small, &pages, NULL) == OK);
	EXPECT(space_map(&view, 0x3000, 0x3000, 0x1000, MM_WRITE, MM_PAGE_1G, NULL) == OK);
	space_share_read_only(&view, &block, 0x1000);
	bytes = 0;
	EXPECT(found_walk(view.root, 5, NULL, count_bytes, &bytes, NULL) == OK && bytes);
	/* All of the pool is in use; what comes back is used again. */
	while (pages.alloc(pages.context, &base, NULL) == OK)
		tables = base;
	pages.free(pages.context, tables);
	EXPECT(pages.alloc(pages.context, &base, NULL) == OK && base == tables && pool.peak == POOL_PAGES);
	world->note[6] = count;
}

static void kernel_setup(void)
{
	struct identity_range list[LIST];
	unsigned count;
	uint64_t run;

	world_start(HOSTILE_PAGES - 4);
	world->note[PLACED] = data_page();
	world->note[STACK] = data_page();
	data_page();
	EXPECT(phys_alloc_run(&world->phys, 2, 2 * MM_PAGE_BYTES, 0, &run, NULL) == OK && !(run & MM_PAGE_BYTES));
	phys_free_run(&world->phys, run, 2);
	world_space(0, 5);
	count = make_list(list);
	EXPECT(identity_map(&world->space[0], list, count, NULL) == OK);
	build_block(list, count);
	watch(world->note[PLACED]);
	watch(world->note[STACK]);
	watch(world->note[STACK] - MM_PAGE_BYTES);
	watch(FAR);
	watch(FAR + MM_1G_BYTES);
	watch(0x5000);
	all_in(0);
}

/* Everybody is parked before the last change, which then calls nobody. */
static void protects_and_parks(void)
{
	struct space *space = &world->space[0];
	unsigned i;

	protect(0, world->note[PLACED], MM_PAGE_BYTES, MM_READ, 1);
	change_begin(8);
	EXPECT(space_protect(space, FAR, MM_2M_BYTES, MM_WRITE | MM_CACHE(MM_UC), NULL) == OK);
	change_end(8, true);
	/* Nothing is changed from the order to park up to the evidence. */
	shared_store_release_u32(&world->flag[3], 1);
	for (i = 1; i < parameters.cpus; i++) {
		flag_wait(&world->flag[i], 1);
		space_left(&world->cpu[i]);
	}
	change_begin(16);
	EXPECT(space_unmap(space, FAR + MM_1G_BYTES, MM_1G_BYTES, NULL) == OK);
	change_end(16, true);
	shared_store_release_u32(&world->flag[0], 1);
}

/* The park root, then the evidence; from there on interrupts stay off. */
static void works_and_is_parked(unsigned flag)
{
	stream(PLACED);
	touch(STACK);
	touch(3);
	touch(2);
	flag_wait(&world->flag[3], 1);
	cpu_irq_off();
	cpu_parks();
	shared_store_release_u32(&world->flag[flag], 1);
	flag_wait(&world->flag[0], 1);
}

static void first_parked(void) { works_and_is_parked(1); }
static void second_parked(void) { works_and_is_parked(2); }

static void kernel_end(void)
{
	expect_pages(3 + POOL_PAGES);
	EXPECT(maps_to(0, world->note[PLACED], world->note[PLACED], MM_READ));
	EXPECT(maps_nothing(0, world->note[STACK] - MM_PAGE_BYTES));
	EXPECT(maps_to(0, FAR, FAR, MM_WRITE | MM_CACHE(MM_UC)));
	EXPECT(maps_to(0, FAR + MM_2M_BYTES, FAR + MM_2M_BYTES, MM_WRITE));
	EXPECT(maps_nothing(0, FAR + MM_1G_BYTES));
	EXPECT(maps_to(0, 0x6000, 0x6000, MM_WRITE | MM_EXEC | MM_HANDOVER_WX));
}

const struct scenario kernel_scenario = {
	.name = "kernel-space", .what = "identity map by a list, the next image write-protected, CPUs parked by evidence",
	.setup = kernel_setup, .program = { protects_and_parks, first_parked, second_parked }, .end = kernel_end,
};
