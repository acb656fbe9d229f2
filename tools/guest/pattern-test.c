// SPDX-License-Identifier: MIT
/*
 * Writes two patterns over most of the memory that Linux has free, each all of it before the first word is read back,
 * and prints "ok" with the number of bytes, or the first word that is another. Usage: pattern-test [BYTES [DAMAGED]]
 * BYTES: so many instead of what is free. DAMAGED: the byte there is changed in between, to see that it is found.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PART_OF_FREE(kib) ((kib) / 8 * 7 * 1024)	/* the rest is Linux's, which else kills us */
#define NOT_DAMAGED SIZE_MAX
#define PAGE 4096u

static uint64_t available_kib(void)
{
	char line[128];
	uint64_t kib = 0;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && !kib && fgets(line, sizeof(line), f))
		sscanf(line, "MemAvailable: %" SCNu64, &kib);
	if (f)
		fclose(f);
	return kib;
}

/* Another one at each place, so that what lies elsewhere is found, too. */
static uint64_t word_at(size_t i, uint64_t flip)
{
	return (i * 0x9e3779b97f4a7c15ull) ^ flip;
}

static bool pass(uint64_t *memory, size_t words, uint64_t flip, size_t damaged)
{
	for (size_t i = 0; i < words; i++)
		memory[i] = word_at(i, flip);
	/* Else the compiler knows what it has just written. */
	__asm__ volatile("" : : "r"(memory) : "memory");
	if (damaged != NOT_DAMAGED)
		((uint8_t *)memory)[damaged] ^= 0x10;
	for (size_t i = 0; i < words; i++)
		if (memory[i] != word_at(i, flip)) {
			printf("fail:at:0x%zx:expected:%016" PRIx64 ":found:%016" PRIx64 "\n", i * sizeof(*memory),
			       word_at(i, flip), memory[i]);
			return false;
		}
	return true;
}

int main(int argc, char **argv)
{
	uint64_t wanted = argc > 1 ? strtoull(argv[1], NULL, 0) : PART_OF_FREE(available_kib());
	size_t damaged = argc > 2 ? strtoull(argv[2], NULL, 0) : NOT_DAMAGED, bytes = wanted / PAGE * PAGE;
	uint64_t *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (!bytes || memory == MAP_FAILED || (damaged != NOT_DAMAGED && damaged >= bytes)) {
		printf("fail:memory\n");
		return 1;
	}
	if (!pass(memory, bytes / sizeof(*memory), 0, damaged) ||
	    !pass(memory, bytes / sizeof(*memory), UINT64_MAX, damaged))
		return 1;
	printf("ok bytes=%zu\n", bytes);
	return 0;
}
