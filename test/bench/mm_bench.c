// SPDX-License-Identifier: MIT
/*
 * One GiB in 4 KiB pages mapped, protected and unmapped in one gather, with four CPUs that run the space. Prints rounds and
 * IPIs; under callgrind the instructions are those of the functions bench_*() (mm_bench.py). bench_floor() is what no
 * page-table code can go below: one 8-byte store an entry.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "mm/load.h"
#include "mm/space.h"
#include "mm/table.h"

#define VA		0x40000000ull
#define FRAMES		0x200000000ull
#define OTHERS		3
#define TABLES_MAX	1024u

uint64_t seam_cr3, seam_invlpgs, seam_reloads, seam_fences;

static uint8_t *pool_memory;
static struct page_pool pool;
static struct page_source tables;
static struct space space;
static struct mm_cpu cpus[1 + OTHERS];
static uint64_t rounds, ipis, frames_freed;

#define NOINLINE __attribute__((noinline))

static bool count_flush(const struct flush_request *request)
{
	rounds++;
	for (unsigned i = 1; i <= OTHERS; i++)
		if (flush_wanted(request, &cpus[i])) {
			ipis++;
			cpus[i].generation = request->generation;
		}
	return true;
}

static void free_frame(void *context, uint64_t page)
{
	(void)context;
	(void)page;
	frames_freed++;
}

static void must(enum status s)
{
	if (s == OK)
		return;
	fprintf(stderr, "mm_bench: %s\n", status_text(s));
	exit(1);
}

static NOINLINE void bench_map(void)
{
	must(space_map(&space, VA, FRAMES, MM_1G_BYTES, MM_WRITE, MM_PAGE_4K, NULL));
}

static NOINLINE void bench_protect(void)
{
	must(space_protect(&space, VA, MM_1G_BYTES, MM_READ, NULL));
}

static NOINLINE void bench_unmap(void)
{
	struct page_source owner = { NULL, free_frame, NULL };

	must(space_unmap_free(&space, VA, MM_1G_BYTES, &owner, NULL));
}

static NOINLINE void bench_floor(void)
{
	for (uint64_t i = 0; i < MM_1G_BYTES / MM_PAGE_BYTES; i++)
		pte_store(table_at((uint64_t)(uintptr_t)pool_memory + (i / PTE_COUNT) * MM_PAGE_BYTES), i % PTE_COUNT, i);
}

static void report(const char *name)
{
	printf("%s rounds=%llu ipis=%llu invlpgs=%llu reloads=%llu frees=%llu\n", name, (unsigned long long)rounds,
	       (unsigned long long)ipis, (unsigned long long)seam_invlpgs, (unsigned long long)seam_reloads,
	       (unsigned long long)frames_freed);
	rounds = ipis = frames_freed = seam_invlpgs = seam_reloads = 0;
}

int main(void)
{
	const struct mm_features features = { .pat = MM_PAT_RESET, .phys_bits = 52, .nx = true, .page_1g = true };

	pool_memory = aligned_alloc(MM_PAGE_BYTES, TABLES_MAX * MM_PAGE_BYTES);
	if (!pool_memory)
		return 1;
	page_pool_init(&pool, (uint64_t)(uintptr_t)pool_memory, TABLES_MAX);
	tables = page_source_pool(&pool);
	must(space_init(&space, 4, &features, &tables, NULL));
	for (unsigned i = 0; i <= OTHERS; i++) {
		cpus[i].index = i;
		space_load(&cpus[i], &space);
	}
	mm_set_flush_others(count_flush);
	seam_reloads = 0;
	bench_map();
	report("map");
	bench_protect();
	report("protect");
	bench_unmap();
	report("unmap");
	bench_floor();
	report("floor");
	return 0;
}
