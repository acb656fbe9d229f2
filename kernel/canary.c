// SPDX-License-Identifier: MIT
#include "kernel/canary.h"

#include "kernel/log.h"
#include "lib/random.h"

#define WORDS (MM_PAGE_BYTES / sizeof(uint64_t))

/* By this name test/campaign/ finds out which pages they are. */
static uint64_t canary_pages[CANARY_PAGES];
static unsigned page_count;

/* A different word at every address: a page copied over another one shows, too. */
static uint64_t expected(uint64_t address)
{
	uint64_t state = address;

	return random_splitmix64(&state);
}

unsigned canary_fill(struct phys *phys, const uint64_t *limits, unsigned count)
{
	struct problem none = { .code = OK };

	page_count = 0;
	for (unsigned i = 0; i < count && page_count < CANARY_PAGES; i++) {
		uint64_t limit = limits[i] & ~(MM_PAGE_BYTES - 1), page;

		/* Below a limit without free memory there is no page, and none is needed. */
		if (phys_alloc_run(phys, 1, MM_PAGE_BYTES, limit, &page, &none) != OK)
			continue;
		for (unsigned w = 0; w < WORDS; w++)
			((uint64_t *)page)[w] = expected(page + w * sizeof(uint64_t));
		canary_pages[page_count++] = page;
	}
	return page_count;
}

enum status canary_check(struct problem *problem)
{
	for (unsigned i = 0; i < page_count; i++)
		for (unsigned w = 0; w < WORDS; w++) {
			const uint64_t *word = (const uint64_t *)canary_pages[i] + w;

			if (*word != expected((uint64_t)word))
				return problem_set(problem, E_CANARY,
						   "free memory at 0x%lx was written: 0x%016lx instead of 0x%016lx",
						   (uint64_t)word, *word, expected((uint64_t)word));
		}
	return OK;
}

void canary_damage(void)
{
	if (!page_count)
		return;
	*((uint8_t *)canary_pages[page_count / 2] + 1234) ^= 0x01;
	log_event("fault", "flipped=canary address=0x%lx", canary_pages[page_count / 2] + 1234);
}
