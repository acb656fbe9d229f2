// SPDX-License-Identifier: MIT
/*
 * The seam's memory: store buffers (TSO), and who touched what. A location is shared once two CPUs have touched it and
 * one of them wrote; only accesses to shared locations, and stores that a walker could see, are visible operations.
 * What turns out to be shared during a search restarts the search.
 */
#include <string.h>

#include "test/hostile/internal.h"
#include "x86/atomic.h"
#include "x86/cpu.h"

#define WORDS (ARENA_BYTES / 8)
#define ACCESSES_MAX 2000000u		/* in one run */

static uint8_t touched[WORDS];		/* bit cpu: read, bit 4 + cpu: written; for a whole search */
static bool shared[WORDS + HOSTILE_PAGES];
static unsigned shared_count;
static uint8_t page_touched[HOSTILE_PAGES], page_freed[HOSTILE_PAGES];	/* bit cpu */

void memory_forget(void)
{
	memset(touched, 0, sizeof(touched));
	memset(shared, 0, sizeof(shared));
	memset(page_touched, 0, sizeof(page_touched));
	memset(page_freed, 0, sizeof(page_freed));
	shared_count = 0;
}

unsigned memory_shared_count(void)
{
	return shared_count;
}

unsigned memory_shared(uint32_t *words, unsigned room)
{
	unsigned word, count = 0;

	for (word = 0; word < WORDS + HOSTILE_PAGES && count < room; word++)
		if (shared[word])
			words[count++] = word;
	return count;
}

void memory_share(uint32_t word)
{
	if (word < WORDS + HOSTILE_PAGES && !shared[word]) {
		shared[word] = true;
		shared_count++;
	}
}

static void note_touch(uint32_t at, bool write)
{
	uint8_t *t = &touched[at / 8], others;

	*t |= (uint8_t)((write ? 0x10 : 1) << M->current);
	if (shared[at / 8])
		return;
	others = (uint8_t)((*t | *t >> 4) & 0xf & ~(1 << M->current));
	if (others && *t >> 4) {
		memory_share(at / 8);
		restart_search();
	}
}

/* Freed by one CPU, reached into by another: a word beyond the page's own stands for it. */
static bool page_is_shared(unsigned page)
{
	return shared[WORDS + page];
}

static void note_page(unsigned page)
{
	if (!page_is_shared(page) && page_freed[page] && (page_freed[page] | page_touched[page]) != (1u << M->current)) {
		memory_share(WORDS + page);
		restart_search();
	}
}

void memory_freed(unsigned page)
{
	page_freed[page] |= (uint8_t)(1 << M->current);
	note_page(page);
}

/* Not seen by anybody else yet: allocated here and never linked. */
static bool is_private(uint32_t at)
{
	unsigned page = page_of_at(at);

	return in_pages(at) && M->page_owner[page] == M->current && !(M->was_linked >> page & 1);
}

static void check_page(uint32_t at)
{
	unsigned page = page_of_at(at);

	if (!in_pages(at))
		return;
	if (M->page_state[page] == PAGE_FREE)
		broken("use-after-free", "CPU %u reaches into %s, which is free", M->current, trace_word(at));
	if (M->page_owner[page] != M->current && !(M->was_linked >> page & 1))
		broken("use-after-free", "CPU %u reaches into %s, which CPU %u has just allocated", M->current,
		       trace_word(at), M->page_owner[page]);
}

/*
 * A visible operation stops here first. Where another CPU frees the page, the first access since this CPU's last visible
 * operation is one: a free that could come between two such accesses could come before the first as well.
 */
static void access(uint32_t at, bool write)
{
	bool now = false;

	fence_settle();
	if (current_scenario->platform) {
		platform_access(at, write);
		next_access(at, write);
	}
	check_page(at);
	if (is_private(at))
		return;
	note_touch(at, write);
	if (in_pages(at)) {
		page_touched[page_of_at(at)] |= (uint8_t)(1 << M->current);
		note_page(page_of_at(at));
		now = page_is_shared(page_of_at(at)) && !(self()->looked >> page_of_at(at) & 1);
	}
	if (!now && !shared[at / 8] && !(write && in_pages(at) && tlb_walkable(page_of_at(at)))) {
		cpu_stop_private();
		self()->seat.dirty |= write;
		return;
	}
	if (write)
		visible();
	else
		looks();
	self()->seat.dirty = write;
	if (in_pages(at))
		self()->looked |= 1ull << page_of_at(at);
	check_page(at);
}

/* --- store buffers -------------------------------------------------------------------------------------------- */

static void pending_remove(unsigned i)
{
	M->pending_count--;
	memmove(&M->pending[i], &M->pending[i + 1], (M->pending_count - i) * sizeof(M->pending[0]));
	memset(&M->pending[M->pending_count], 0, sizeof(M->pending[0]));
}

/* Whoever spins may see something new now. */
static void wake_spinners(unsigned but)
{
	unsigned i;

	for (i = 0; i < parameters.cpus; i++)
		if (i != but)
			M->cpu[i].spins = false;
}

/* The oldest count stores of the CPU reach memory. */
static void drain(unsigned cpu, unsigned count)
{
	unsigned i = 0;

	while (count && i < M->pending_count) {
		struct pending p = M->pending[i];

		if (p.cpu != cpu) {
			i++;
			continue;
		}
		pending_remove(i);
		arena_write(p.at, p.value, p.bytes);
		platform_stored(p.at);
		if (current_scenario->platform)
			wake_spinners(p.cpu);
		count--;
	}
}

void memory_drain(unsigned cpu)
{
	drain(cpu, BUFFER_DEPTH);
}

void memory_drain_all(void)
{
	unsigned cpu;

	for (cpu = 0; cpu < HOSTILE_CPUS; cpu++)
		memory_drain(cpu);
}

/* Stores of the CPU up to and with the last one that matches; how: its number among the matching ones, 0: none. */
static unsigned pending_to(unsigned cpu, uint32_t at, unsigned matches)
{
	unsigned i, own = 0;

	for (i = 0; i < M->pending_count && matches; i++) {
		if (M->pending[i].cpu != cpu)
			continue;
		own++;
		if (M->pending[i].at == at)
			matches--;
	}
	return own;
}

static unsigned pending_matches(unsigned cpu, uint32_t at)
{
	unsigned i, matches = 0;

	for (i = 0; i < M->pending_count; i++)
		matches += M->pending[i].cpu == cpu && M->pending[i].at == at;
	return matches;
}

void memory_drain_page(unsigned cpu, unsigned page)
{
	unsigned i, own = 0, last = 0;

	for (i = 0; i < M->pending_count; i++) {
		if (M->pending[i].cpu != cpu)
			continue;
		own++;
		if (in_pages(M->pending[i].at) && page_of_at(M->pending[i].at) == page)
			last = own;
	}
	drain(cpu, last);
}

/* "Visible yet?", asked for each other CPU that has stores to this address under way. */
void memory_ask_visible(uint32_t at)
{
	unsigned cpu, matches, seen;

	for (cpu = 0; cpu < HOSTILE_CPUS; cpu++) {
		matches = cpu == M->current ? 0 : pending_matches(cpu, at);
		if (!matches)
			continue;
		seen = choose(matches + 1);
		if (seen)
			trace_event("store buffer of CPU %u: visible up to its store to %s", cpu, trace_word(at));
		else
			trace_event("store buffer of CPU %u: its store to %s is not visible yet", cpu, trace_word(at));
		drain(cpu, pending_to(cpu, at, seen));
	}
}

uint64_t memory_view(uint32_t at, unsigned view)
{
	uint64_t value = arena_read(at, 8);
	unsigned i;

	for (i = 0; i < view; i++)
		if (M->pending[i].at == at)
			value = M->pending[i].value;
	return value;
}

uint64_t memory_newest(uint32_t at, unsigned bytes)
{
	uint64_t value = arena_read(at, bytes);
	unsigned i;

	for (i = 0; i < M->pending_count; i++)
		if (M->pending[i].at == at)
			value = M->pending[i].value;
	return value;
}

static bool own_pending(uint32_t at, uint64_t *value)
{
	unsigned i;
	bool found = false;

	for (i = 0; i < M->pending_count; i++) {
		if (M->pending[i].cpu == M->current && M->pending[i].at == at) {
			*value = M->pending[i].value;
			found = true;
		}
	}
	return found;
}

static void device_stored(uint32_t at)
{
	unsigned i;

	for (i = 0; i < M->devices; i++)
		if (M->device[i].at == at)
			M->device[i].dirty = true;
}

static void buffer_add(uint32_t at, uint64_t value, unsigned bytes)
{
	unsigned i, own = 0;

	for (i = 0; i < M->pending_count; i++)
		own += M->pending[i].cpu == M->current;
	if (own == BUFFER_DEPTH)
		drain(M->current, 1);
	M->pending[M->pending_count++] = (struct pending){ at, (uint8_t)bytes, (uint8_t)M->current, value };
}

/* --- the seam ------------------------------------------------------------------------------------------------- */

static bool direct(void)
{
	M->steps += M->counting && M->running && !M->current;
	if (++M->accesses > ACCESSES_MAX)
		broken("never-ends", "%u accesses", ACCESSES_MAX);
	return !M->running || M->atomic;
}

uint64_t hostile_load(const void *p, unsigned bytes)
{
	uint32_t at = arena_offset(p);
	uint64_t value;

	if (direct())
		return arena_read(at, bytes);
	access(at, false);
	if (!own_pending(at, &value)) {
		memory_ask_visible(at);
		value = arena_read(at, bytes);
	}
	platform_loads(at, value);
	if (tracing && shared[at / 8])
		trace_event("reads %s: 0x%llx", trace_word(at), (unsigned long long)value);
	return value;
}

void hostile_store(void *p, uint64_t v, unsigned bytes)
{
	uint32_t at = arena_offset(p);
	bool walkable;

	if (direct()) {
		arena_write(at, v, bytes);
		return;
	}
	access(at, true);
	platform_stores(at, v);
	walkable = in_pages(at) && tlb_walkable(page_of_at(at));
	device_stored(at);
	if (!shared[at / 8] && !walkable) {
		if (M->pending_count)
			drain(M->current, pending_to(M->current, at, pending_matches(M->current, at)));
		arena_write(at, v, bytes);
		platform_stored(at);
		return;
	}
	if (tracing)
		trace_event("stores %s := 0x%llx", trace_word(at), (unsigned long long)v);
	buffer_add(at, v, bytes);
	if (walkable)
		tlb_stored();
}

/* A locked operation: everything that this CPU stored is visible before it, streaming stores too. */
static uint64_t locked_begin(uint32_t at, unsigned bytes)
{
	if (direct())
		return arena_read(at, bytes);
	access(at, true);
	memory_drain(M->current);
	self()->wc = 0;
	memory_ask_visible(at);
	return arena_read(at, bytes);
}

uint64_t hostile_update(enum hostile_update update, void *p, uint64_t v, unsigned bytes)
{
	static const char *const name[] = { "locked add", "locked or", "locked and", "exchange" };
	uint32_t at = arena_offset(p);
	uint64_t old = locked_begin(at, bytes), value = v;

	switch (update) {
	case HOSTILE_ADD: value = old + v; break;
	case HOSTILE_OR: value = old | v; break;
	case HOSTILE_AND: value = old & v; break;
	case HOSTILE_EXCHANGE: break;
	}
	if (bytes == 4)
		value = (uint32_t)value;
	arena_write(at, value, bytes);
	platform_stored(at);
	if (!direct() && in_pages(at) && tlb_walkable(page_of_at(at)))
		tlb_stored();
	if (tracing && !direct())
		trace_event("%s %s: 0x%llx -> 0x%llx", name[update], trace_word(at), (unsigned long long)old,
			    (unsigned long long)value);
	return old;
}

bool hostile_cas(void *p, uint64_t from, uint64_t to, unsigned bytes)
{
	uint32_t at = arena_offset(p);
	bool same = locked_begin(at, bytes) == from;

	if (same) {
		arena_write(at, to, bytes);
		platform_stored(at);
		promise_moves(at, from, to);
	}
	if (tracing && !direct())
		trace_event("compare and exchange %s: %s", trace_word(at), same ? "done" : "no");
	return same;
}

/*
 * An access of smp/ or the block that does not pass the seam, told just before it happens. A plain store takes effect at
 * once, so what its CPU stored before is made visible first.
 */
bool memory_plain(uint32_t at, unsigned bytes, bool write)
{
	uint32_t word;

	if (direct())
		return false;
	for (word = at & ~7u; word < at + bytes; word += 8) {
		access(word, write);
		if (write && shared[word / 8])
			memory_drain(M->current);
		if (write)
			platform_stored(word);
	}
	return true;
}

void read_past_caches(uint64_t phys, uint64_t expected)
{
	uint32_t at = page_at(page_of(phys)) + (uint32_t)(phys % 4096);
	unsigned i;

	access(at, false);
	for (i = 0; i < M->devices; i++) {
		struct device_word *d = &M->device[i];

		if (d->at == at && (d->dirty || d->done != expected))
			broken("stale-behind-caches", "a reader past the caches may see 0x%llx at %s, told 0x%llx",
			       (unsigned long long)d->done, trace_word(at), (unsigned long long)expected);
	}
}
