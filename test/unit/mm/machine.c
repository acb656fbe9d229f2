// SPDX-License-Identifier: MIT
#include "test/unit/mm/machine.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "x86/atomic.h"
#include "x86/cpu.h"

#define CPUS 2

struct tlb_entry { uint64_t pte; uint8_t level; bool mixed; };	/* level 0: none */
struct table_entry { uint64_t va; uint8_t level; };

struct machine machine;
const struct mm_features machine_features = { .pat = MM_PAT_RESET, .phys_bits = 40, .nx = true, .page_1g = true };

static uint8_t *arena;			/* mapped once: tests start a machine at every step of an operation */
static unsigned arena_pages;		/* of this machine */
static struct {
	struct tlb_entry *tlb;
	struct table_entry table[MACHINE_PAGES];
	bool wc_pending;
	uint64_t cr3;
} cpus[CPUS];
static uint64_t root;
static unsigned levels, current_cpu;
static uint64_t pending_store;		/* physical address of an entry, 0: none */

static uint64_t bytes_at(unsigned level) { return 1ull << (12 + 9 * (level - 1)); }

static uint64_t read_entry(uint64_t phys)
{
	uint64_t v;

	memcpy(&v, arena + (phys - MACHINE_BASE), 8);
	return v;
}

/* Without the mode bits. */
static uint64_t root_of(uint64_t cr3)
{
	return cr3 & 0x000ffffffffff000ull;
}

static bool in_arena(uint64_t phys)
{
	return phys >= MACHINE_BASE && phys < MACHINE_BASE + arena_pages * 4096ull;
}

void *twin_cpu_phys_pointer(uint64_t phys)
{
	if (!in_arena(phys))
		fail_msg("0x%llx is not memory", (unsigned long long)phys);
	return arena + (phys - MACHINE_BASE);
}

static void on_fault(int signal)
{
	(void)signal;
	fail_msg("memory was used that is not there");
}

void machine_faults_are_failures(void)
{
	sigaction(SIGSEGV, &(struct sigaction){ .sa_handler = on_fault, .sa_flags = SA_NODEFER }, NULL);
}

static uint64_t frame_of(uint64_t pte, unsigned level)
{
	return pte & 0x000ffffffffff000ull & ~(bytes_at(level) - 1);
}

static uint64_t type_of(uint64_t pte, unsigned level)
{
	return (pte & 0x18) | (level == 1 ? pte & 0x80 : (pte & 0x1000) >> 5);
}

static void tlb_add(unsigned cpu, uint64_t va, unsigned level, uint64_t pte)
{
	uint64_t at;

	for (at = va; at - va < bytes_at(level); at += 4096) {
		struct tlb_entry *e;

		if (at - machine.window >= machine.window_bytes)
			continue;
		e = &cpus[cpu].tlb[(at - machine.window) / 4096];
		if (!e->level) {
			*e = (struct tlb_entry){ pte, level, false };
		} else if (e->level != level || type_of(e->pte, level) != type_of(pte, level) ||
			   frame_of(e->pte, level) != frame_of(pte, level)) {
			fail_msg("CPU %u: two sizes, frames or types at 0x%llx: 0x%llx level %u, 0x%llx level %u", cpu,
				 (unsigned long long)at, (unsigned long long)e->pte, e->level,
				 (unsigned long long)pte, level);
		} else if (e->pte != pte) {
			e->mixed = true;
		}
	}
}

static void absorb_table(unsigned cpu, uint64_t phys, unsigned level, uint64_t va);

static void absorb_entry(unsigned cpu, uint64_t phys, unsigned level, uint64_t va)
{
	uint64_t pte = read_entry(phys);

	if (!(pte & 1))
		return;
	if (pte >> machine_features.phys_bits & 0xfff)
		fail_msg("CPU %u: walk at 0x%llx meets reserved bits 0x%llx", cpu, (unsigned long long)va,
			 (unsigned long long)pte);
	if (level > 1 && !(pte & 0x80))
		absorb_table(cpu, pte & 0x000ffffffffff000ull, level - 1, va);
	else
		tlb_add(cpu, va, level, pte);
}

static void absorb_table(unsigned cpu, uint64_t phys, unsigned level, uint64_t va)
{
	struct table_entry *t;
	unsigned i;

	if (!in_arena(phys))
		fail_msg("CPU %u: table 0x%llx is not memory", cpu, (unsigned long long)phys);
	t = &cpus[cpu].table[(phys - MACHINE_BASE) / 4096];
	if (t->level && (t->level != level || t->va != va))
		fail_msg("CPU %u: table 0x%llx in two places", cpu, (unsigned long long)phys);
	*t = (struct table_entry){ va, level };
	for (i = 0; i < 512; i++) {
		uint64_t child = va + i * bytes_at(level);

		if (level == levels && i >= 256)
			child |= ~(bytes_at(levels + 1) / 2 - 1);
		absorb_entry(cpu, phys + 8 * i, level, child);
	}
}

/* The store that the last access made takes effect for the walkers. */
static void settle(void)
{
	struct table_entry *t;
	uint64_t phys = pending_store, va;
	unsigned cpu, i = phys / 8 % 512;

	pending_store = 0;
	if (!phys || !machine.watch)
		return;
	for (cpu = 0; cpu < CPUS; cpu++) {
		t = &cpus[cpu].table[(phys - MACHINE_BASE) / 4096];
		if (!t->level)
			continue;
		va = t->va + i * bytes_at(t->level);
		if (t->level == levels && i >= 256)
			va |= ~(bytes_at(levels + 1) / 2 - 1);
		absorb_entry(cpu, phys & ~7ull, t->level, va);
	}
}

/* A point that another CPU may come in between. */
static void visible(void)
{
	void (*preempt)(void) = machine.preempt;

	settle();
	if (preempt && !machine.preempt_after--) {
		machine.preempt = NULL;
		preempt();
		settle();
	}
}

void twin_shared_access(enum twin_access access, const void *p, memory_order order)
{
	uint64_t phys = MACHINE_BASE + (uint64_t)((const uint8_t *)p - arena);


	(void)order;
	visible();
	if (access == TWIN_STORE && p && in_arena(phys))
		pending_store = phys;
}

unsigned machine_on_cpu(unsigned cpu)
{
	unsigned before = current_cpu;

	settle();
	current_cpu = cpu;
	return before;
}

static void drop_tables(unsigned cpu)
{
	memset(cpus[cpu].table, 0, arena_pages * sizeof(cpus[cpu].table[0]));
	if (root_of(cpus[cpu].cr3) == root)
		absorb_table(cpu, root, levels, 0);
}

void twin_cpu_invlpg(uint64_t va)
{
	struct tlb_entry *e;
	uint64_t at, base;

	visible();
	if (!current_cpu)
		machine.invlpgs++;
	if (!machine.watch)
		return;
	if (va - machine.window < machine.window_bytes) {
		e = &cpus[current_cpu].tlb[(va - machine.window) / 4096];
		base = e->level ? va & ~(bytes_at(e->level) - 1) : va;
		at = e->level ? base + bytes_at(e->level) : va;
		while (at > base) {
			at -= 4096;
			if (at - machine.window < machine.window_bytes)
				cpus[current_cpu].tlb[(at - machine.window) / 4096] = (struct tlb_entry){ 0 };
		}
	}
	drop_tables(current_cpu);
}

void twin_cpu_write_cr3(uint64_t v)
{
	visible();
	if (!current_cpu)
		machine.whole_flushes++;
	if (!machine.watch)
		return;
	/* Another root: nothing of this space is under way any more. The reload of a flush drains as well, but the
	 * contract wants the fence. */
	if (root_of(cpus[current_cpu].cr3) != root_of(v))
		cpus[current_cpu].wc_pending = false;
	cpus[current_cpu].cr3 = v;
	memset(cpus[current_cpu].tlb, 0, machine.window_bytes / 4096 * sizeof(struct tlb_entry));
	drop_tables(current_cpu);
}

uint64_t twin_cpu_read_cr3(void)
{
	return cpus[current_cpu].cr3;
}

void twin_cpu_sfence(void)
{
	twin.sfences++;
	cpus[current_cpu].wc_pending = false;
}

static bool flush_cpu_1(const struct flush_request *request)
{
	machine.flushes++;
	machine.last_request = *request;
	if (machine.watch && request->generation <= machine.last_generation)
		fail_msg("generation %llu after %llu", (unsigned long long)request->generation,
			 (unsigned long long)machine.last_generation);
	machine.last_generation = machine.watch ? request->generation : 0;
	if (machine.deaf)
		return false;
	current_cpu = 1;
	flush_here(request);
	current_cpu = 0;
	return true;
}

static void check_free(uint64_t page)
{
	unsigned cpu;
	uint64_t i;

	settle();
	machine.frees++;
	for (cpu = 0; machine.watch && cpu < CPUS; cpu++) {
		if (cpus[cpu].wc_pending && !machine.deaf)
			fail_msg("CPU %u: write-combining stores pending at the free of 0x%llx", cpu,
				 (unsigned long long)page);
		if (in_arena(page) && cpus[cpu].table[(page - MACHINE_BASE) / 4096].level)
			fail_msg("CPU %u: table 0x%llx freed while reachable", cpu, (unsigned long long)page);
		for (i = 0; i < machine.window_bytes / 4096; i++) {
			const struct tlb_entry *e = &cpus[cpu].tlb[i];

			if (e->level && page - frame_of(e->pte, e->level) < bytes_at(e->level))
				fail_msg("CPU %u: page 0x%llx freed while mapped at 0x%llx", cpu,
					 (unsigned long long)page, (unsigned long long)(machine.window + i * 4096));
		}
	}
}

static enum status checked_alloc(void *context, uint64_t *page, struct problem *problem)
{
	settle();
	return phys_alloc(context, page, problem);
}

static void checked_free(void *context, uint64_t page)
{
	struct page_source source = page_source_phys(context);

	check_free(page);
	source.free(source.context, page);
}

static void checked_free_data(void *context, uint64_t page)
{
	struct page_source source = page_source_phys_data(context);

	check_free(page);
	source.free(source.context, page);
}

void machine_start(unsigned pages)
{
	assert_true(pages <= MACHINE_PAGES);
	memset(&machine, 0, sizeof(machine));
	if (!arena)
		arena = mmap(NULL, MACHINE_PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(arena != MAP_FAILED);
	arena_pages = pages;
	memset(arena, 0x5d, pages * 4096);	/* memory is dirty; tables must be cleared by their user */
	phys_init(&machine.phys, true);
	assert_int_equal(phys_add(&machine.phys, MACHINE_BASE, pages * 4096, NULL), OK);
	machine.tables = (struct page_source){ checked_alloc, checked_free, &machine.phys };
	machine.data = (struct page_source){ checked_alloc, checked_free_data, &machine.phys };
	root = 0;
	pending_store = 0;
	current_cpu = 0;
	mm_set_flush_others(flush_cpu_1);
}

void machine_unload(void)
{
	unsigned cpu;

	settle();
	machine.watch = false;
	root = 0;
	current_cpu = 0;
	for (cpu = 0; cpu < CPUS; cpu++) {
		cpus[cpu].cr3 = 0;
		free(cpus[cpu].tlb);
		cpus[cpu].tlb = NULL;
		memset(cpus[cpu].table, 0, sizeof(cpus[cpu].table));
	}
}

void machine_stop(void)
{
	machine_unload();
	mm_set_flush_others(NULL);
}

void machine_load(const struct space *space, uint64_t window, uint64_t bytes)
{
	unsigned cpu;

	machine_unload();
	root = space_cr3(space);
	levels = space->levels;
	machine.window = window;
	machine.window_bytes = bytes;
	machine.watch = true;
	for (cpu = 0; cpu < CPUS; cpu++) {
		cpus[cpu].tlb = calloc(bytes / 4096, sizeof(struct tlb_entry));
		assert_non_null(cpus[cpu].tlb);
		cpus[cpu].wc_pending = true;
		cpus[cpu].cr3 = root;
		absorb_table(cpu, root, levels, 0);
	}
}

static void check_page(unsigned cpu, uint64_t va, const struct tlb_entry *e)
{
	struct parsed parsed;

	if (!e->level)
		return;
	if (e->mixed)
		fail_msg("CPU %u: two answers at 0x%llx after the flush returned", cpu, (unsigned long long)va);
	if (!machine_parse(root, levels, va, &parsed))
		fail_msg("CPU %u: translation of 0x%llx survived its flush", cpu, (unsigned long long)va);
	if (parsed.write != (bool)(e->pte & 2) || parsed.exec != !(e->pte >> 63))
		fail_msg("CPU %u: old rights at 0x%llx survived their flush", cpu, (unsigned long long)va);
}

void machine_check(void)
{
	unsigned cpu;
	uint64_t i;

	settle();
	for (cpu = 0; cpu < CPUS; cpu++) {
		for (i = 0; i < machine.window_bytes / 4096; i++)
			check_page(cpu, machine.window + i * 4096, &cpus[cpu].tlb[i]);
		cpus[cpu].wc_pending = root_of(cpus[cpu].cr3) == root;
	}
}

bool machine_parse(uint64_t top, unsigned depth, uint64_t va, struct parsed *parsed)
{
	uint64_t table = top, pte;
	unsigned level;

	*parsed = (struct parsed){ .write = true, .exec = true, .user = true, .accessed = true };
	for (level = depth;; level--) {
		pte = read_entry(table + 8 * (va >> (12 + 9 * (level - 1)) & 511));
		if (!(pte & 1))
			return false;
		parsed->write &= pte >> 1 & 1;
		parsed->user &= pte >> 2 & 1;
		parsed->accessed &= pte >> 5 & 1;
		parsed->exec &= !(pte >> 63);
		if (level == 1 || (level <= 3 && pte & 0x80))
			break;
		table = pte & 0x000ffffffffff000ull;
	}
	parsed->bytes = bytes_at(level);
	parsed->phys = frame_of(pte, level) + (va & (bytes_at(level) - 1));
	parsed->pat = type_of(pte, level) >> 3 & 3;
	parsed->pat |= type_of(pte, level) & 0x80 ? 4 : 0;
	parsed->dirty = pte >> 6 & 1;
	parsed->global = pte >> 8 & 1;
	return true;
}

unsigned machine_count_tables(uint64_t top, unsigned level)
{
	unsigned i, count = 1;

	for (i = 0; i < 512; i++) {
		uint64_t pte = read_entry(top + 8 * i);

		if (level > 1 && pte & 1 && !(pte & 0x80))
			count += machine_count_tables(pte & 0x000ffffffffff000ull, level - 1);
	}
	return count;
}

uint64_t machine_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}
