// SPDX-License-Identifier: MIT
#include "mm/identity.h"

#include "mm/plan.h"

/* Fixed MTRRs end at 1 MiB; a larger page there would span several memory types. */
#define SMALL_PAGES_BELOW MM_2M_BYTES

struct identity_list {
	const struct identity_range *ranges;
	unsigned count;
};

/* A stretch of addresses for which one entry of the list decides. */
struct piece {
	uint64_t base, end;
	const struct identity_range *range;
};

static const struct identity_range hole = { .prot = MM_NONE };

typedef enum status (*piece_fn)(void *context, uint64_t base, uint64_t size, mm_prot prot, enum mm_page_size max_size,
				struct problem *problem);

static enum status list_check(const struct identity_list *list, struct problem *problem)
{
	const struct identity_range *r = list->ranges;
	unsigned i;

	for (i = 0; i < list->count; i++, r++)
		if ((r->base | r->size) & (MM_PAGE_BYTES - 1) || r->base + r->size < r->base)
			return problem_set(problem, E_MAPPING, "%s 0x%llx+0x%llx: not whole pages, or it wraps",
					   r->what, (unsigned long long)r->base, (unsigned long long)r->size);
	return OK;
}

/* The piece that starts at base; its end is UINT64_MAX after the last range. */
static struct piece piece_at(const struct identity_list *list, uint64_t base)
{
	struct piece piece = { .base = base, .end = UINT64_MAX, .range = &hole };
	const struct identity_range *r = list->ranges;
	unsigned i;

	for (i = 0; i < list->count; i++, r++) {
		if (r->base <= base && base - r->base < r->size)
			piece.range = r;
		if (r->base > base && r->base < piece.end)
			piece.end = r->base;
		if (r->base + r->size > base && r->base + r->size < piece.end)
			piece.end = r->base + r->size;
	}
	return piece;
}

static bool is_mapped(const struct piece *piece)
{
	return !(piece->range->prot & MM_NONE);
}

/* a: mapped, so that b is, too, if its prot is the same. */
static bool can_join(const struct piece *a, const struct piece *b)
{
	return a->range->prot == b->range->prot && a->range->max_size == b->range->max_size;
}

static enum status piece_emit(const struct piece *piece, piece_fn fn, void *context, struct problem *problem)
{
	const struct identity_range *r = piece->range;
	uint64_t base = piece->base, end = piece->end;
	enum status status;

	if (base < SMALL_PAGES_BELOW && r->max_size != MM_PAGE_4K) {
		end = end < SMALL_PAGES_BELOW ? end : SMALL_PAGES_BELOW;
		status = fn(context, base, end - base, r->prot, MM_PAGE_4K, problem);
		if (status || end == piece->end)
			return status;
		base = end;
	}
	return fn(context, base, piece->end - base, r->prot, r->max_size, problem);
}

static enum status list_walk(const struct identity_list *list, piece_fn fn, void *context, struct problem *problem)
{
	struct piece piece = piece_at(list, 0), next;
	enum status status = list_check(list, problem);

	while (!status && piece.end != UINT64_MAX) {
		next = piece_at(list, piece.end);
		while (is_mapped(&piece) && can_join(&piece, &next)) {
			piece.end = next.end;
			next = piece_at(list, piece.end);
		}
		if (is_mapped(&piece))
			status = piece_emit(&piece, fn, context, problem);
		piece = next;
	}
	return status;
}

static enum status map_piece(void *context, uint64_t base, uint64_t size, mm_prot prot, enum mm_page_size max_size,
			     struct problem *problem)
{
	return space_map(context, base, base, size, prot, max_size, problem);
}

static enum status count_piece(void *context, uint64_t base, uint64_t size, mm_prot prot, enum mm_page_size max_size,
			       struct problem *problem)
{
	(void)prot;
	return table_plan_add(context, base, base, size, max_size, problem);
}

enum status identity_map(struct space *space, const struct identity_range *ranges, unsigned count,
			 struct problem *problem)
{
	struct identity_list list = { ranges, count };

	return list_walk(&list, map_piece, space, problem);
}

enum status identity_count_tables(unsigned levels, const struct mm_features *features,
				  const struct identity_range *ranges, unsigned count, uint64_t *tables,
				  struct problem *problem)
{
	struct identity_list list = { ranges, count };
	struct table_plan plan;
	enum status status;

	table_plan_begin(&plan, levels, features);
	status = list_walk(&list, count_piece, &plan, problem);
	*tables = plan.tables;
	return status;
}
