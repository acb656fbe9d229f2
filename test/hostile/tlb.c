// SPDX-License-Identifier: MIT
/*
 * For each CPU the set of all translations and table pointers that it may hold: closed under walks from CR3 and from
 * cached pointers, in every state of memory that the pending stores allow, in their order. Only what a flush removes
 * by the manual (SDM 3A 4.10.4) leaves a set, and what memory still allows comes back at once. The parser of entries is
 * written from the manual, apart from mm/table.h.
 */
#include <string.h>

#include "test/hostile/internal.h"
#include "x86/cpu.h"

#define ENTRY_PRESENT	1ull
#define ENTRY_LARGE	0x80ull
#define ENTRY_ADDRESS	0x000ffffffffff000ull
#define RESERVED(pte)	((pte) & 0x000fff0000000000ull)	/* of a CPU with 40 bits of physical address, as world.c says */

static uint64_t bytes_at(unsigned level) { return 1ull << (12 + 9 * (level - 1)); }
static unsigned index_at(uint64_t va, unsigned level) { return (unsigned)(va >> (12 + 9 * (level - 1)) & 511); }

static uint64_t frame_of(const struct answer *a)
{
	return a->pte & ENTRY_ADDRESS & ~(bytes_at((unsigned)a->level) - 1);
}

static uint64_t type_of(const struct answer *a)
{
	return (a->pte & 0x18) | (a->level == 1 ? a->pte & 0x80 : (a->pte & 0x1000) >> 5);
}

/* What can be reached now, no CPU's: nothing is broken by it. */
static bool is_home(const struct sets *s)
{
	return s >= M->home && s <= M->home + ROOTS;
}

static unsigned cpu_of(const struct sets *s)
{
	return (unsigned)((const struct vcpu *)((const char *)s - offsetof(struct vcpu, sets)) - M->cpu);
}

static void add_answer(struct sets *s, unsigned w, unsigned level, uint64_t pte)
{
	struct answer new = { pte, level };
	struct answer *a;

	for (a = s->tlb[w]; a < s->tlb[w] + ANSWERS; a++) {
		if (!a->level) {
			*a = new;
			return;
		}
		if (a->pte == pte && a->level == level)
			return;
		if (!is_home(s) && (a->level != level || type_of(a) != type_of(&new) || frame_of(a) != frame_of(&new)))
			broken("two-sizes-or-types", "CPU %u: 0x%llx translates by 0x%llx at level %u and by 0x%llx at level %u",
			       cpu_of(s), (unsigned long long)M->watch[w], (unsigned long long)a->pte, (unsigned)a->level,
			       (unsigned long long)pte, level);
	}
	if (!is_home(s))
		broken("machine-limit", "more than %u translations for one address", ANSWERS);
}

static void add_table(struct sets *s, unsigned w, unsigned level, unsigned page)
{
	uint8_t *t;

	s->pages |= 1ull << page;
	for (t = s->table[w][level]; t < s->table[w][level] + POINTERS; t++) {
		if (!*t)
			*t = (uint8_t)(page + 1);
		if (*t == page + 1)
			return;
	}
	if (!is_home(s))
		broken("machine-limit", "more than %u tables for one address and level", POINTERS);
}

static void follow(struct sets *s, unsigned w, unsigned level, uint64_t pte, uint32_t at)
{
	uint64_t next = pte & ENTRY_ADDRESS;

	if (!(pte & ENTRY_PRESENT))
		return;
	if (is_home(s) && (RESERVED(pte) || (level > 1 && !(pte & ENTRY_LARGE) &&
					     (!in_memory(next) || M->page_state[page_of(next)] == PAGE_FREE))))
		return;
	if (RESERVED(pte))
		broken("poison-in-a-set", "CPU %u walks 0x%llx and meets 0x%llx at %s", cpu_of(s),
		       (unsigned long long)M->watch[w], (unsigned long long)pte, trace_word(at));
	if (level == 1 || pte & ENTRY_LARGE) {
		add_answer(s, w, level, pte);
		return;
	}
	if (!in_memory(next) || M->page_state[page_of(next)] == PAGE_FREE)
		broken("walk-into-freed", "CPU %u walks 0x%llx and follows %s to 0x%llx, which is %s", cpu_of(s),
		       (unsigned long long)M->watch[w], trace_word(at), (unsigned long long)next,
		       in_memory(next) ? "free" : "no memory");
	add_table(s, w, level - 1, page_of(next));
}

static void close_address(struct sets *s, unsigned w, unsigned view)
{
	uint64_t va = M->watch[w], top = s->root & ENTRY_ADDRESS, old[STALE_MAX];
	unsigned level, i, page, stale;
	uint32_t at;

	if (in_memory(top))
		add_table(s, w, M->levels, page_of(top));
	for (level = M->levels; level; level--) {
		for (i = 0; i < POINTERS && s->table[w][level][i]; i++) {
			page = s->table[w][level][i] - 1u;
			at = page_at(page) + 8 * index_at(va, level);
			follow(s, w, level, memory_view(at, view), at);
			for (stale = is_home(s) ? 0 : stale_values(at, old); stale; stale--)
				follow(s, w, level, old[stale - 1], at);
		}
	}
}

static void close_views(struct sets *s, unsigned from)
{
	unsigned w, view;

	for (view = from; view <= M->pending_count; view++)
		for (w = 0; w < M->watches; w++)
			close_address(s, w, view);
}

void tlb_home_refresh(void)
{
	unsigned i;

	for (i = 0; i < M->roots; i++) {
		uint64_t root = M->home[i].root;

		memset(&M->home[i], 0, sizeof(M->home[i]));
		M->home[i].root = root;
		if (!in_memory(root) || M->page_state[page_of(root)] == PAGE_FREE)
			continue;
		close_views(&M->home[i], 0);
		M->was_linked |= M->home[i].pages;
	}
}

bool tlb_walkable(unsigned page)
{
	uint64_t pages = 0;
	unsigned i;

	for (i = 0; i < ROOTS; i++)
		pages |= M->home[i].pages;
	for (i = 0; i < parameters.cpus; i++)
		pages |= M->cpu[i].sets.pages;
	return pages >> page & 1;
}

void tlb_stored(void)
{
	unsigned i;

	for (i = 0; i < parameters.cpus; i++)
		close_views(&M->cpu[i].sets, M->pending_count);
	tlb_home_refresh();
}

void tlb_load(unsigned cpu, uint64_t cr3)
{
	struct sets *s = &M->cpu[cpu].sets;

	memory_drain(cpu);
	memset(s, 0, sizeof(*s));
	s->root = cr3;
	close_views(s, 0);
}

/* Table pointers go only on the way to the address: AMD's TCE. Other CPUs drop them all. */
void tlb_invalidate(unsigned cpu, uint64_t va)
{
	struct sets *s = &M->cpu[cpu].sets;
	unsigned w, from, to, i;

	memory_drain(cpu);
	for (w = 0; w < M->watches; w++) {
		for (from = to = 0; from < ANSWERS && s->tlb[w][from].level; from++) {
			uint64_t mask = ~(bytes_at((unsigned)s->tlb[w][from].level) - 1);

			if ((va & mask) != (M->watch[w] & mask))
				s->tlb[w][to++] = s->tlb[w][from];
		}
		if (to < from || va / 4096 == M->watch[w] / 4096)
			memset(s->table[w], 0, sizeof(s->table[w]));
		memset(&s->tlb[w][to], 0, (ANSWERS - to) * sizeof(s->tlb[w][0]));
	}
	s->pages = 0;
	for (i = 0; i < sizeof(s->table); i++)
		if (((uint8_t *)s->table)[i])
			s->pages |= 1ull << (((uint8_t *)s->table)[i] - 1);
	close_views(s, 0);
}

/* --- checks ------------------------------------------------------------------------------------------------------- */

void tlb_check_free(unsigned page)
{
	uint64_t phys = HOSTILE_BASE + page * 4096ull;
	unsigned cpu, w;
	const struct answer *a;

	for (cpu = 0; cpu < parameters.cpus; cpu++) {
		const struct vcpu *c = &M->cpu[cpu];

		if (c->sets.pages >> page & 1)
			broken("freed-while-reachable", "CPU %u may walk through table %s when it is freed", cpu,
			       trace_phys(phys));
		for (w = 0; w < M->watches; w++)
			for (a = c->sets.tlb[w]; a < c->sets.tlb[w] + ANSWERS && a->level; a++)
				if (phys - frame_of(a) < bytes_at((unsigned)a->level))
					broken("freed-while-reachable", "CPU %u may translate 0x%llx to %s when it is freed",
					       cpu, (unsigned long long)M->watch[w], trace_phys(phys));
	}
	for (cpu = 0; cpu < parameters.cpus; cpu++)
		if (M->cpu[cpu].wc >> page & 1)
			broken("streaming-store-at-free", "CPU %u has streaming stores to %s under way when it is freed", cpu,
			       trace_phys(phys));
	tlb_home_refresh();
	for (w = 0; w < M->roots; w++)
		if (M->home[w].pages >> page & 1 && (M->home[w].root & ENTRY_ADDRESS) != phys)
			broken("freed-while-reachable", "table %s is still linked when it is freed", trace_phys(phys));
}

/* What the tables say once every store is visible. */
static void walk_newest(uint64_t root, struct sets *s)
{
	unsigned w;

	memset(s, 0, sizeof(*s));
	s->root = root;
	for (w = 0; w < M->watches; w++)
		close_address(s, w, M->pending_count);
}

static bool holds(const struct sets *s, unsigned w, const struct answer *answer)
{
	const struct answer *a;

	for (a = s->tlb[w]; a < s->tlb[w] + ANSWERS && a->level; a++)
		if (a->pte == answer->pte && a->level == answer->level)
			return true;
	return false;
}

/* What the CPU may have for these addresses is what the tables say. */
void tlb_check_fresh(unsigned cpu, uint64_t mask)
{
	const struct sets *s = &M->cpu[cpu].sets;
	const struct answer *a;
	struct sets *now = &M->home[ROOTS];
	unsigned w;

	if (!in_memory(s->root & ENTRY_ADDRESS))
		return;
	walk_newest(s->root, now);
	for (w = 0; w < M->watches; w++) {
		if (!(mask >> w & 1))
			continue;
		for (a = s->tlb[w]; a < s->tlb[w] + ANSWERS && a->level; a++)
			if (!holds(now, w, a))
				broken("survived-its-flush", "CPU %u may still translate 0x%llx by 0x%llx", cpu,
				       (unsigned long long)M->watch[w], (unsigned long long)a->pte);
	}
}

/* May some CPU fill a line of the page again under the type that it had at change_begin()? */
bool tlb_may_refill(unsigned page)
{
	unsigned cpu, w;
	const struct answer *a;

	for (cpu = 0; cpu < parameters.cpus; cpu++)
		for (w = 0; w < M->watches; w++)
			for (a = M->cpu[cpu].sets.tlb[w]; a < M->cpu[cpu].sets.tlb[w] + ANSWERS && a->level; a++)
				if (M->in_flight >> w & 1 && M->frame[w] == page + 1 && type_of(a) == M->old_type[w])
					return true;
	return false;
}

uint64_t tlb_type(const struct answer *answer)
{
	return type_of(answer);
}

bool tlb_current(uint64_t root, unsigned w, struct answer *answer)
{
	struct sets *now = &M->home[ROOTS];

	if (!in_memory(root & ENTRY_ADDRESS))
		return false;
	walk_newest(root, now);
	*answer = now->tlb[w][0];
	return answer->level;
}

/* Frames in memory that an access to the address may reach. */
unsigned tlb_frames(unsigned cpu, unsigned w, unsigned *pages, bool write)
{
	const struct answer *a;
	unsigned count = 0;

	for (a = M->cpu[cpu].sets.tlb[w]; a < M->cpu[cpu].sets.tlb[w] + ANSWERS && a->level; a++) {
		uint64_t phys = frame_of(a) + (M->watch[w] & (bytes_at((unsigned)a->level) - 1));

		if (in_memory(phys) && (!write || a->pte & 2))
			pages[count++] = page_of(phys);
	}
	return count;
}
