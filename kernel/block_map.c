// SPDX-License-Identifier: MIT
#include "kernel/block_build.h"

#include "mm/identity.h"
#include "mm/share.h"

#define LIST_MAX	(BLOCK_RAM_MAX + 3 * SEGMENT_MAX + 20)
#define FOUR_GIB	(4 * MM_1G_BYTES)

struct list {
	struct identity_range ranges[LIST_MAX];
	unsigned count;
};

/* A part of the address space of whole 2 MiB pages. */
struct window { uint64_t base, end; };

static uint64_t down_2m(uint64_t at) { return at & ~(MM_2M_BYTES - 1); }
static uint64_t up_2m(uint64_t at) { return down_2m(at + MM_2M_BYTES - 1); }

/* Rounded out to whole pages; later entries win (mm/identity.h). size 0: nothing. */
static void add(struct list *list, const char *what, uint64_t base, uint64_t size, mm_prot prot, enum mm_page_size max)
{
	uint64_t first = mm_page_down(base);

	if (!size || list->count == LIST_MAX)
		return;
	list->ranges[list->count++] = (struct identity_range){
		.base = first, .size = mm_page_up(base + size) - first, .prot = prot, .max_size = max, .what = what,
	};
}

static void add_inside(struct list *list, const struct window *w, const char *what, uint64_t base, uint64_t size,
		       mm_prot prot)
{
	uint64_t start = base > w->base ? base : w->base, end = base + size < w->end ? base + size : w->end;

	if (start < end)
		add(list, what, start, end - start, prot, MM_PAGE_4K);
}

static bool touches_ram(const struct block_config *c, uint64_t base, uint64_t end)
{
	unsigned i;

	for (i = 0; i < c->ram_count; i++)
		if (c->ram[i].base < end && base < c->ram[i].base + c->ram[i].size)
			return true;
	return false;
}

/* In 2 MiB pages, rounded out, unless RAM is near: uncached neighbours are never read by themselves, and saving
 * the 4 KiB tables is a third of the budget (protocol rule 19). */
static void add_device(struct list *list, const struct block_config *c, const char *what, uint64_t base, uint64_t size,
		       enum mm_cache cache)
{
	uint64_t first = down_2m(base), end = up_2m(base + size);

	if (!base || !size)
		return;
	if (touches_ram(c, first, end))
		add(list, what, base, size, MM_WRITE | MM_CACHE(cache), MM_PAGE_2M);
	else
		add(list, what, first, end - first, MM_WRITE | MM_CACHE(cache), MM_PAGE_2M);
}

static void add_devices(struct list *list, const struct block_config *c)
{
	add_device(list, c, "framebuffer", c->framebuffer.base, c->framebuffer.size, MM_UC_MINUS);
	if (!c->x2apic)
		add_device(list, c, "lapic", c->lapic_base, MM_PAGE_BYTES, MM_UC);
	if (c->uart.mmio)
		add_device(list, c, "uart", c->uart.base, 8ull * c->uart.stride, MM_UC);
	if (c->reset.space == 0)
		add_device(list, c, "reset register", c->reset.address, 8, MM_UC);
}

static void add_block(struct list *list, const struct block *b, const struct block_layout *l)
{
	add(list, "block", b->base, l->code, MM_READ, MM_PAGE_4K);
	add(list, "block code", b->base + l->code, l->data - l->code, MM_EXEC, MM_PAGE_4K);
	add(list, "block data", b->base + l->data, l->end - l->data, MM_WRITE, MM_PAGE_4K);
}

static uint64_t fallback_table_bytes(const struct block_config *c)
{
	return (uint64_t)c->fallback->digest_capacity * sizeof(struct chunk_digest);
}

static void add_near_plan(struct list *list, const struct window *w, const struct boot_plan *plan)
{
	unsigned i;

	for (i = 0; i < plan->segment_count && i < SEGMENT_MAX; i++)
		add_inside(list, w, "segment", plan->segments[i].dest, plan->segments[i].reserved_size, MM_READ);
}

/* What the verify root cannot borrow from the hand-over root, since it has 4 KiB tables of its own there. */
static void add_near(struct list *list, const struct window *w, const struct block_config *c)
{
	add_near_plan(list, w, c->segments);
	add_inside(list, w, "digest table", c->digest_table, c->digest_bytes, MM_READ);
	if (c->fallback) {
		add_near_plan(list, w, c->fallback);
		add_inside(list, w, "digest table", (uintptr_t)c->fallback->digest_table, fallback_table_bytes(c),
			   MM_READ);
	}
	add_inside(list, w, "trampoline", c->low_page, c->low_page ? MM_PAGE_BYTES : 0, MM_EXEC);
}

static void add_verify(struct list *list, const struct block *b, const struct block_layout *l,
		       const struct block_config *c)
{
	struct window block = { down_2m(b->base), up_2m(b->base + l->end) };
	struct window report = { down_2m(c->report), up_2m(c->report + c->report_bytes) };

	add_devices(list, c);
	add_near(list, &block, c);
	if (report.base < block.base || report.end > block.end)
		add_near(list, &report, c);
	add(list, "report", c->report, c->report_bytes, MM_WRITE, MM_PAGE_4K);
	add_block(list, b, l);
}

static void add_ram(struct list *list, const struct block_config *c, mm_prot prot)
{
	unsigned i;

	/* As such, with its hole: what lies there is known, and the fixed MTRRs say what may be cached. */
	add(list, "first MiB", 0, 1u << 20, prot, MM_PAGE_4K);
	for (i = 0; i < c->ram_count; i++)
		add(list, "RAM", c->ram[i].base, c->ram[i].size, prot, MM_PAGE_2M);
}

static void add_segments(struct list *list, const struct boot_plan *plan, mm_prot prot)
{
	unsigned i;

	for (i = 0; i < plan->segment_count && i < SEGMENT_MAX; i++)
		add(list, "segment", plan->segments[i].dest, plan->segments[i].reserved_size, prot, MM_PAGE_2M);
}

static void add_handover(struct list *list, const struct block *b, const struct block_layout *l,
			 const struct block_config *c)
{
	const mm_prot all = MM_WRITE | MM_EXEC | MM_HANDOVER_WX;

	add_ram(list, c, all);
	add_segments(list, c->segments, all);
	add(list, "digest table", c->digest_table, c->digest_bytes, all, MM_PAGE_2M);
	if (c->fallback) {
		add_segments(list, c->fallback, all);
		add(list, "digest table", (uintptr_t)c->fallback->digest_table, fallback_table_bytes(c), all,
		    MM_PAGE_2M);
	}
	add(list, "report", c->report, c->report_bytes, all, MM_PAGE_2M);
	add(list, "block", b->base, l->end, all, MM_PAGE_2M);
}

static enum status build(struct space *space, struct block *b, const struct block_config *c, const struct list *list,
			 struct problem *problem)
{
	enum status status = space_init(space, c->levels, c->features, &b->tables, problem);

	return status ? status : identity_map(space, list->ranges, list->count, problem);
}

enum status block_build_roots(struct block *b, const struct block_layout *l, const struct block_config *c,
			      struct problem *problem)
{
	static struct list list;		/* 8 KiB: too much for the stack */
	enum status status;

	if (c->ram_count > BLOCK_RAM_MAX || c->segments->segment_count > SEGMENT_MAX)
		return problem_set(problem, E_NOT_SUPPORTED, "block: %u RAM ranges, %u segments are too many",
				   c->ram_count, c->segments->segment_count);
	list.count = 0;
	add_block(&list, b, l);
	status = build(&b->park, b, c, &list, problem);
	if (status)
		return status;
	list.count = 0;
	add_handover(&list, b, l, c);
	status = build(&b->handover, b, c, &list, problem);
	if (status)
		return status;
	list.count = 0;
	add_verify(&list, b, l, c);
	status = build(&b->verify, b, c, &list, problem);
	if (!status)
		space_share_read_only(&b->verify, &b->handover, c->low_page);
	return status;
}

enum status block_tables_needed(const struct block_config *c, uint64_t ram_bytes, unsigned spans, unsigned *pages,
				struct problem *problem)
{
	static struct list list;
	uint64_t handover, verify;
	enum status status;

	if (c->ram_count > BLOCK_RAM_MAX)
		return problem_set(problem, E_NOT_SUPPORTED, "block: %u RAM ranges are too many", c->ram_count);
	list.count = 0;
	add_ram(&list, c, MM_READ);
	status = identity_count_tables(c->levels, c->features, list.ranges, list.count, &handover, problem);
	if (status)
		return status;
	list.count = 0;
	add_devices(&list, c);
	/* Wherever it will be: one path to it, that ends in no table of a device's (a VGA text mode is below 1 MiB). */
	add(&list, "block", 2ull << 20, MM_PAGE_BYTES, MM_READ, MM_PAGE_4K);
	status = identity_count_tables(c->levels, c->features, list.ranges, list.count, &verify, problem);
	*pages = (unsigned)(handover + verify + c->levels + 2 * (spans - 1));
	*pages += ram_bytes > FOUR_GIB ? BLOCK_TABLES_HIGH * (c->fallback ? 2 : 1) : 0;
	return status;
}
