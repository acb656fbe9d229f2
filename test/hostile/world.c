// SPDX-License-Identifier: MIT
/* What scenarios are made of: memory that is checked at each free, CPUs that load and leave spaces, changes that end. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "test/hostile/internal.h"
#include "x86/cpu.h"

#define ENTRY_ADDRESS 0x000ffffffffff000ull

struct parameters parameters;
const struct scenario *current_scenario;
const char *broken_check;
char broken_text[400];

static const struct mm_features features = {
	.pat = MM_PAT_RESET, .phys_bits = 40, .nx = true, .page_1g = true, .lam = true,
};

/* --- memory -------------------------------------------------------------------------------------------------------- */

static enum status alloc_checked(const struct page_source *source, uint64_t *page, struct problem *problem)
{
	enum status status;

	visible();
	M->atomic++;
	status = phys_alloc(&world->phys, page, problem);
	M->atomic--;
	if (status == E_POISON)
		broken("poison-damaged", "a free page was written to");
	if (status) {
		trace_event("allocation fails");
		return status;
	}
	M->page_state[page_of(*page)] = PAGE_OWNED;
	M->page_owner[page_of(*page)] = (uint8_t)M->current;
	M->page_source[page_of(*page)] = source;
	if (M->running)
		M->was_linked &= ~(1ull << page_of(*page));
	else
		M->was_linked |= 1ull << page_of(*page);
	trace_event("allocates %s", trace_phys(*page));
	return OK;
}

static enum status checked_alloc(void *context, uint64_t *page, struct problem *problem)
{
	(void)context;
	return alloc_checked(&world->tables, page, problem);
}

static enum status checked_alloc_data(void *context, uint64_t *page, struct problem *problem)
{
	(void)context;
	return alloc_checked(&world->data, page, problem);
}

static void free_checked(struct page_source source, const struct page_source *from, uint64_t phys)
{
	visible();
	if (!in_memory(phys) || M->page_state[page_of(phys)] == PAGE_FREE)
		broken("freed-twice", "0x%llx is not allocated", (unsigned long long)phys);
	if (M->page_source[page_of(phys)] != from)
		broken("wrong-source", "%s goes to where it was not allocated", trace_phys(phys));
	trace_event("frees %s", trace_phys(phys));
	tlb_check_free(page_of(phys));
	if (M->running)
		memory_freed(page_of(phys));
	memory_drain_page(M->current, page_of(phys));
	M->page_state[page_of(phys)] = PAGE_FREE;
	M->atomic++;
	source.free(source.context, phys);
	M->atomic--;
}

static void checked_free(void *context, uint64_t page)
{
	free_checked(page_source_phys(context), &world->tables, page);
}

static void checked_free_data(void *context, uint64_t page)
{
	free_checked(page_source_phys_data(context), &world->data, page);
}

void world_start(unsigned pages)
{
	phys_init(&world->phys, true);
	EXPECT(phys_add(&world->phys, HOSTILE_BASE, pages * 4096ull, NULL) == OK);
	world->tables = (struct page_source){ checked_alloc, checked_free, &world->phys };
	world->data = (struct page_source){ checked_alloc_data, checked_free_data, &world->phys };
	mm_set_flush_others(hostile_flush_others);
}

void world_space(unsigned which, unsigned levels)
{
	EXPECT(space_init(&world->space[which], levels, &features, &world->tables, NULL) == OK);
	if (parameters.capacity)
		world->space[which].gather_capacity = parameters.capacity;
	M->levels = levels;
	M->home[which].root = world->space[which].root;
	if (M->roots <= which)
		M->roots = which + 1;
}

unsigned watch(uint64_t va)
{
	EXPECT(M->watches < HOSTILE_WATCH);
	M->watch[M->watches] = va;
	return M->watches++;
}

uint64_t data_page(void)
{
	uint64_t page;

	EXPECT(world->data.alloc(world->data.context, &page, NULL) == OK);
	return page;
}

void device_word(uint64_t phys)
{
	struct device_word *d = &M->device[M->devices++];

	EXPECT(M->devices <= DEVICE_WORDS);
	d->at = page_at(page_of(phys)) + (uint32_t)(phys % 4096);
	d->done = arena_read(d->at, 8);
	d->started = UINT64_MAX;
}

static void nothing(void)
{
}

void world_prepare(const struct scenario *scenario, const struct parameters *with)
{
	unsigned i;

	current_scenario = scenario;
	parameters = *with;
	arena_start();
	for (i = 0; i < HOSTILE_CPUS; i++) {
		world->cpu[i].index = i < 2 ? i : 62 + i;	/* the third in another word of the mask, at the first one's bit */
		M->cpu[i].sets.root = HOSTILE_PARK;
		M->cpu[i].irq_on = true;
	}
	if (scenario->platform)
		platform_prepare();
	scenario->setup();
	tlb_home_refresh();
	for (i = 0; i < parameters.cpus; i++) {
		tlb_load(i, M->cpu[i].sets.root);
		cpu_start(i, scenario->program[i] ? scenario->program[i] : nothing);
	}
	M->current = 0;
	world->phys.allocations = 0;
	world->phys.fail_from = parameters.fail_from;
	world->phys.fail_count = parameters.fail_count;
	M->interrupts_left = INTERRUPTS_MAX;
	M->running = true;
}

/* What a CPU that uses a space may have for addresses that nobody changes now. A lost one is nobody's promise. */
static void check_using(unsigned cpu, uint64_t mask)
{
	unsigned i;

	if (!M->cpu[cpu].using || M->lost >> cpu & 1)
		return;
	tlb_check_fresh(cpu, mask & ~M->in_flight);
	for (i = 0; i < M->roots && !(M->in_flight & CHANGE_MODE); i++)
		if (M->home[i].root == (M->cpu[cpu].sets.root & ENTRY_ADDRESS) &&
		    (M->cpu[cpu].sets.root & ~ENTRY_ADDRESS) !=
		    memory_newest(arena_offset(&world->space[i].mode), 8))
			broken("old-mode", "CPU %u runs space %u with CR3 0x%llx", cpu, i,
			       (unsigned long long)M->cpu[cpu].sets.root);
}

void world_end(void)
{
	unsigned i;

	memory_drain_all();
	for (i = 0; i < parameters.cpus; i++)
		check_using(i, UINT64_MAX);
	M->running = false;
	M->current = 0;
	if (current_scenario->end)
		current_scenario->end();
}

/* --- what programs do -------------------------------------------------------------------------------------------------- */

void starts_in(unsigned cpu, unsigned space)
{
	M->current = cpu;
	space_load(&world->cpu[cpu], &world->space[space]);
	M->cpu[cpu].using = true;
	M->current = 0;
}

static void begins_to_use(void)
{
	const struct space *space = world->cpu[M->current].space;

	self()->using = true;
	if (space && (self()->sets.root & ENTRY_ADDRESS) != space->root)
		broken("other-root", "CPU %u is to run 0x%llx and has 0x%llx in CR3", M->current,
		       (unsigned long long)space->root, (unsigned long long)self()->sets.root);
	check_using(M->current, UINT64_MAX);
}

void cpu_load(unsigned space)
{
	self()->using = false;
	space_load(&world->cpu[M->current], &world->space[space]);
	EXPECT(self()->irq_on);
	begins_to_use();
}

void cpu_leave(void)
{
	self()->using = false;
	space_leave(&world->cpu[M->current], HOSTILE_PARK);
}

void cpu_parks(void)
{
	self()->using = false;
	cpu_write_cr3(HOSTILE_PARK);
}

void cpu_lazy(void)
{
	self()->using = false;
	mm_cpu_lazy(&world->cpu[M->current]);
	/* A lazy CPU is left out of flushes: nothing of its own may be under way. */
	if (self()->wc)
		broken("streaming-store-at-ack", "CPU %u is lazy with streaming stores under way", M->current);
}

void cpu_busy(void)
{
	mm_cpu_busy(&world->cpu[M->current]);
	EXPECT(self()->irq_on);
	begins_to_use();
}

void touch(unsigned watched)
{
	visible();
	trace_event("loads from 0x%llx", (unsigned long long)M->watch[watched]);
	check_using(M->current, 1ull << watched);
}

void stream(unsigned watched)
{
	unsigned pages[8], count;

	visible();
	trace_event("streaming store to 0x%llx", (unsigned long long)M->watch[watched]);
	EXPECT(self()->using);
	check_using(M->current, 1ull << watched);
	count = tlb_frames(M->current, watched, pages, true);
	while (count)
		self()->wc |= 1ull << pages[--count];
}

void change_begin(unsigned mask)
{
	struct answer answer;
	unsigned w;

	M->in_flight |= mask;
	for (w = 0; w < M->watches; w++) {
		if (!(mask >> w & 1))
			continue;
		M->frame[w] = 0;
		if (tlb_current(self()->sets.root, w, &answer) && in_memory(answer.pte & ENTRY_ADDRESS)) {
			M->frame[w] = (uint8_t)(page_of(answer.pte & ENTRY_ADDRESS) + 1);
			M->old_type[w] = tlb_type(&answer);
			M->clean_started[M->frame[w] - 1] = M->clean_done[M->frame[w] - 1] = 0;
		}
	}
}

/* Streaming stores through the old translation of an address that does not lead to that frame any more. */
static void check_streams(unsigned cpu, unsigned mask)
{
	struct answer answer;
	unsigned w;

	for (w = 0; w < M->watches; w++) {
		if (!(mask >> w & 1) || !M->frame[w] || !(M->cpu[cpu].wc >> (M->frame[w] - 1) & 1))
			continue;
		if (!tlb_current(M->cpu[cpu].sets.root, w, &answer) || !(answer.pte & 2) ||
		    page_of(answer.pte & ENTRY_ADDRESS) != M->frame[w] - 1u)
			broken("streaming-store-at-ack", "CPU %u has streaming stores to 0x%llx under way after the flush", cpu,
			       (unsigned long long)M->watch[w]);
	}
}

static void changed(unsigned mask, bool everywhere, uint64_t but)
{
	unsigned cpu;

	M->in_flight &= ~(uint64_t)mask;
	for (cpu = 0; cpu < parameters.cpus; cpu++) {
		if (but >> cpu & 1 || (!everywhere && !M->cpu[cpu].using))
			continue;
		check_using(cpu, 0);
		tlb_check_fresh(cpu, mask);
		check_streams(cpu, mask);
	}
	trace_event("the change is over");
}

void change_end(unsigned mask, bool everywhere)
{
	changed(mask, everywhere, 0);
}

void change_end_lost(unsigned mask)
{
	changed(mask, true, M->lost);
}

void expect_written_back(unsigned watched)
{
	if (M->frame[watched] && ~M->clean_done[M->frame[watched] - 1])
		broken("not-written-back", "0x%llx: lines 0x%llx of its page may still be in a cache",
		       (unsigned long long)M->watch[watched], (unsigned long long)~M->clean_done[M->frame[watched] - 1]);
}

void expect_tables_written_back(unsigned space)
{
	unsigned page;

	tlb_home_refresh();
	for (page = 0; page < HOSTILE_PAGES; page++)
		if (M->home[space].pages >> page & 1 && ~M->clean_done[page])
			broken("not-written-back", "lines 0x%llx of table %u may still be in a cache",
			       (unsigned long long)~M->clean_done[page], page);
}

static bool flag_has(const void *argument)
{
	const uint64_t *wanted = argument;

	return memory_newest((uint32_t)wanted[0], 4) == wanted[1];
}

void flag_wait(shared_u32 *flag, uint32_t value)
{
	const uint64_t wanted[2] = { arena_offset(flag), value };

	for (;;) {
		cpu_wait_for(flag_has, wanted);
		/* order: this load before what the flag tells of; the machine keeps loads in order. */
		if (shared_load_acquire_u32(flag) == value)
			return;
		cpu_relax();	/* not visible yet */
	}
}

void lock_take(void)
{
	const uint64_t wanted[2] = { arena_offset(&world->lock), 0 };

	for (;;) {
		cpu_wait_for(flag_has, wanted);
		if (!shared_exchange_seq_cst_u32(&world->lock, 1))
			return;
		cpu_relax();	/* somebody was faster, or the release is not visible yet */
	}
}

void lock_give(void)
{
	shared_store_release_u32(&world->lock, 0);
}

void broken(const char *check, const char *format, ...)
{
	va_list arguments;

	broken_check = check;
	va_start(arguments, format);
	vsnprintf(broken_text, sizeof(broken_text), format, arguments);
	va_end(arguments);
	search_stopped();
}
