// SPDX-License-Identifier: MIT
/*
 * One block of memory at a fixed address holds everything that a run changes. A snapshot copies the state, the world
 * and the live part of each stack, and shares the pages that did not change since another snapshot.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "test/hostile/internal.h"

#define WORLD_AT STATE_BYTES
#define ENTRY_IGNORED 0xe00ull			/* of a table entry: walkers do not care whether these were written back */

struct world *const world = (struct world *)(ARENA + WORLD_AT);

/* Variables of smp/ and of the block, gathered by the link (hostile.mk). */
#define STATICS_MAX 0x2000u
extern uint8_t __start_kernel_state[], __stop_kernel_state[], __start_block_state[], __stop_block_state[];

static size_t kernel_bytes(void) { return (size_t)(__stop_kernel_state - __start_kernel_state); }
static size_t block_bytes(void) { return (size_t)(__stop_block_state - __start_block_state); }

/* A copy of one page, shared by snapshots. */
struct copy { struct copy *next; unsigned users; uint64_t hash; uint8_t bytes[4096]; };

struct snapshot {
	struct snapshot *next;
	struct copy *page[HOSTILE_PAGES];
	uint32_t stack_used[HOSTILE_CPUS * STACKS];
	uint8_t bytes[sizeof(struct state) + sizeof(struct world) + STATICS_MAX + HOSTILE_CPUS * STACKS * STACK_BYTES];
};

static struct copy *current[HOSTILE_PAGES], *free_copies;	/* current: equal to the page; NULL: it changed */
static struct snapshot *free_snapshots;
_Static_assert(sizeof(struct state) <= STATE_BYTES && sizeof(struct world) <= WORLD_BYTES, "the arena's layout");

static void *page_bytes(unsigned page)
{
	return (void *)(ARENA + page_at(page));
}

static void copy_release(struct copy *copy)
{
	if (copy && !--copy->users) {
		copy->next = free_copies;
		free_copies = copy;
	}
}

static void map_at(uint64_t at, uint64_t bytes, int rights)
{
	void *p = mmap((void *)at, bytes, rights, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);

	if (p != (void *)at) {
		perror("hostile: no memory at the arena's address");
		exit(2);
	}
}

void arena_start(void)
{
	unsigned page;

	if (kernel_bytes() + block_bytes() > STATICS_MAX)
		abort();
	memset(__start_kernel_state, 0, kernel_bytes());
	memset(__start_block_state, 0, block_bytes());
	munmap((void *)ARENA, ARENA_BYTES);
	munmap((void *)WINDOW, HOSTILE_PAGES * 4096);
	map_at(ARENA, ARENA_BYTES, PROT_READ | PROT_WRITE);
	map_at(WINDOW, HOSTILE_PAGES * 4096, PROT_NONE);
	for (page = 0; page < HOSTILE_PAGES; page++) {
		memset(page_bytes(page), 0x5d, 4096);	/* memory is dirty; tables must be cleared by their user */
		copy_release(current[page]);
		current[page] = NULL;
	}
}

uint32_t arena_offset(const void *p)
{
	uint64_t at = (uint64_t)p;

	if (at - WINDOW < HOSTILE_PAGES * 4096ull)
		return PAGES_AT + (uint32_t)(at - WINDOW);
	if (at - ARENA < ARENA_BYTES)
		return (uint32_t)(at - ARENA);
	broken("outside-the-arena", "shared object at %p: a snapshot would not hold it", p);
}

uint64_t arena_read(uint32_t at, unsigned bytes)
{
	const void *p = (const void *)(ARENA + at);

	return bytes == 8 ? *(const uint64_t *)p : *(const uint32_t *)p;
}

void arena_changes(unsigned page)
{
	if (current[page]) {
		copy_release(current[page]);
		current[page] = NULL;
	}
}

void arena_writes(const void *p, size_t bytes)
{
	uint64_t at = (uint64_t)p - ARENA, last = at + bytes - 1;

	for (at &= ~4095ull; at <= last; at += 4096)
		if (at < ARENA_BYTES && in_pages((uint32_t)at))
			arena_changes(page_of_at((uint32_t)at));
}

void arena_write(uint32_t at, uint64_t value, unsigned bytes)
{
	void *p = (void *)(ARENA + at);
	unsigned page;

	if (in_pages(at)) {
		page = page_of_at(at);
		arena_changes(page);
		if ((arena_read(at, bytes) ^ value) & ~ENTRY_IGNORED) {
			M->clean_started[page] &= ~(1ull << at / 64 % 64);
			M->clean_done[page] &= ~(1ull << at / 64 % 64);
		}
		if (bytes == 8)
			stale_stored(at, arena_read(at, 8), value);
	}
	if (bytes == 8)
		*(uint64_t *)p = value;
	else
		*(uint32_t *)p = (uint32_t)value;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)(a ^ 0x9e3779b97f4a7c15ull) * (b ^ 0xe7037ed1a0b428dbull);

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_bytes(uint64_t hash, const void *p, size_t bytes)
{
	const uint64_t *words = p;
	uint64_t other = hash ^ 0xa0761d6478bd642full;
	size_t i, count = bytes / 8;

	for (i = 0; i + 4 <= count; i += 4) {
		hash = mix(hash ^ words[i], words[i + 1]);
		other = mix(other ^ words[i + 2], words[i + 3]);
	}
	for (; i < count; i++)
		hash = mix(hash ^ words[i], i + 1);
	return mix(hash, other);
}

/* mm/ writes struct mm_cpu where smp/ has it, past the seam and untold. */
static void look_for_changes(unsigned page)
{
	if (M->page_kind[page] == REGION_KERNEL && current[page] && memcmp(current[page]->bytes, page_bytes(page), 4096))
		arena_changes(page);
}

/* The page as a copy that can be shared. */
static struct copy *page_copy(unsigned page)
{
	struct copy *copy;

	look_for_changes(page);
	copy = current[page];
	if (copy)
		return copy;
	copy = free_copies;
	if (copy)
		free_copies = copy->next;
	else
		copy = malloc(sizeof(*copy));
	if (!copy)
		abort();
	copy->users = 1;
	memcpy(copy->bytes, page_bytes(page), 4096);
	copy->hash = hash_bytes(page, copy->bytes, 4096);
	current[page] = copy;
	return copy;
}

static uint8_t *stack_top(unsigned stack)
{
	return (uint8_t *)(ARENA + STACKS_AT + (stack + 1) * STACK_BYTES);
}

static uint32_t used_from(unsigned stack, const void *sp)
{
	uint64_t used = (uint64_t)(stack_top(stack) - (const uint8_t *)sp);

	return used <= STACK_BYTES ? (uint32_t)used : 0;
}

static uint32_t stack_used(unsigned stack)
{
	const struct vcpu *c = &M->cpu[stack / STACKS];
	uint32_t used = used_from(stack, c->sp);

	return used ? used : used_from(stack, c->other_sp);
}

/* Of struct phys only what is in use: the ranges never handed out, and the rest. */
static size_t phys_head(void)
{
	return offsetof(struct world, phys) + world->phys.range_count * sizeof(struct mm_range);
}

static const size_t phys_tail = offsetof(struct world, phys) + offsetof(struct phys, range_count);

struct snapshot *snapshot_take(void)
{
	struct snapshot *s = free_snapshots;
	uint8_t *to;
	unsigned i;

	if (s)
		free_snapshots = s->next;
	else
		s = malloc(sizeof(*s));
	if (!s)
		abort();
	for (i = 0; i < HOSTILE_PAGES; i++) {
		s->page[i] = page_copy(i);
		s->page[i]->users++;
	}
	to = s->bytes;
	memcpy(to, M, sizeof(*M));
	to += sizeof(*M);
	memcpy(to, world, phys_head());
	memcpy(to + phys_tail, (uint8_t *)world + phys_tail, sizeof(*world) - phys_tail);
	to += sizeof(*world);
	memcpy(to, __start_kernel_state, kernel_bytes());
	memcpy(to + kernel_bytes(), __start_block_state, block_bytes());
	to += STATICS_MAX;
	for (i = 0; i < HOSTILE_CPUS * STACKS; i++) {
		s->stack_used[i] = stack_used(i);
		memcpy(to, stack_top(i) - s->stack_used[i], s->stack_used[i]);
		to += s->stack_used[i];
	}
	return s;
}

void snapshot_restore(const struct snapshot *s)
{
	const uint8_t *from = s->bytes;
	unsigned i;

	for (i = 0; i < HOSTILE_PAGES; i++) {
		look_for_changes(i);
		if (current[i] == s->page[i])
			continue;
		copy_release(current[i]);
		memcpy(page_bytes(i), s->page[i]->bytes, 4096);
		current[i] = s->page[i];
		current[i]->users++;
	}
	memcpy(M, from, sizeof(*M));
	from += sizeof(*M);
	memcpy((uint8_t *)world + phys_tail, from + phys_tail, sizeof(*world) - phys_tail);
	memcpy(world, from, phys_head());
	from += sizeof(*world);
	memcpy(__start_kernel_state, from, kernel_bytes());
	memcpy(__start_block_state, from + kernel_bytes(), block_bytes());
	from += STATICS_MAX;
	for (i = 0; i < HOSTILE_CPUS * STACKS; i++) {
		memcpy(stack_top(i) - s->stack_used[i], from, s->stack_used[i]);
		from += s->stack_used[i];
	}
}

void snapshot_free(struct snapshot *s)
{
	unsigned i;

	for (i = 0; i < HOSTILE_PAGES; i++)
		copy_release(s->page[i]);
	s->next = free_snapshots;
	free_snapshots = s;
}

uint64_t arena_hash(void)
{
	uint64_t hash = hash_bytes(1, M, offsetof(struct state, time));
	unsigned i;

	hash = hash_bytes(hash, world, phys_head());
	hash = hash_bytes(hash, (uint8_t *)world + phys_tail, sizeof(*world) - phys_tail);
	for (i = 0; i < HOSTILE_PAGES; i++)
		hash += page_copy(i)->hash;
	if (current_scenario->platform) {
		hash = hash_bytes(hash, __start_kernel_state, kernel_bytes());
		hash = hash_bytes(hash, __start_block_state, block_bytes());
	}
	for (i = 0; i < HOSTILE_CPUS * STACKS; i++)
		hash = hash_bytes(hash ^ i, stack_top(i) - stack_used(i), stack_used(i));
	return hash;
}
