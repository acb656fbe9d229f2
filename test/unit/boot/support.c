// SPDX-License-Identifier: MIT
#include "test/unit/boot/support.h"

#include <string.h>

uint64_t rng_next(struct rng *rng)
{
	rng->state ^= rng->state << 13;
	rng->state ^= rng->state >> 7;
	rng->state ^= rng->state << 17;
	return rng->state;
}

uint64_t rng_below(struct rng *rng, uint64_t limit)
{
	return rng_next(rng) % limit;
}

void check_problem(const struct problem *p, enum status got, enum status want, const char *piece, const char *file,
		   int line)
{
	if (got == want && (!want || (p->code == want && strstr(p->text, piece))))
		return;
	print_error("E%d \"%s\", expected E%d with \"%s\"\n", (int)got, p->text, (int)want, piece);
	_fail(file, line);
}

void kernel_put(uint8_t *file, unsigned offset, unsigned bytes, uint64_t value)
{
	for (unsigned i = 0; i < bytes; i++)
		file[offset + i] = (uint8_t)(value >> (8 * i));
}

void map_add(struct efi_map *map, uint32_t type, uint64_t phys, uint64_t pages, uint64_t attribute)
{
	struct efi_descriptor *d = (struct efi_descriptor *)(uintptr_t)(map->base + map->size);

	*d = (struct efi_descriptor){ type, 0, phys, 0, pages, attribute };
	map->size += map->descriptor_size;
}

void kernel_make(uint8_t *file)
{
	uint8_t *pm = file + KERNEL_SETUP_BYTES;

	memset(file, 0xcc, KERNEL_SETUP_BYTES);
	memset(file + 0x1f1, 0, 0x290 - 0x1f1);
	kernel_put(file, 0x1f1, 1, 3);
	kernel_put(file, 0x1fe, 2, 0xaa55);
	kernel_put(file, 0x200, 2, 0x6aeb);
	kernel_put(file, 0x202, 4, 0x53726448);
	kernel_put(file, 0x206, 2, 0x20f);
	kernel_put(file, 0x20e, 2, 0x300);
	kernel_put(file, 0x211, 1, 1);
	kernel_put(file, 0x22c, 4, 0x7fffffff);
	kernel_put(file, 0x230, 4, 0x200000);
	kernel_put(file, 0x234, 1, 1);
	kernel_put(file, 0x235, 1, 21);
	kernel_put(file, 0x236, 2, 0x3f);
	kernel_put(file, 0x238, 4, 2047);
	kernel_put(file, 0x248, 4, 0x1000);
	kernel_put(file, 0x24c, 4, KERNEL_PM_BYTES - 0x2000);
	kernel_put(file, 0x258, 8, 0x1000000);
	kernel_put(file, 0x260, 4, KERNEL_INIT_SIZE);
	kernel_put(file, 0x264, 4, 0x190);
	kernel_put(file, 0x268, 4, 0x800);
	strcpy((char *)file + 0x500, "6.1.0-test (made) #1");
	for (unsigned i = 0; i < KERNEL_PM_BYTES; i++)
		pm[i] = (uint8_t)(i * 131 + (i >> 8) * 17);
	kernel_put(pm, 0x800, 4, 0x506f544c);
	kernel_put(pm, 0x804, 4, 16);
	kernel_put(pm, 0x808, 4, 16);
	kernel_put(pm, 0x80c, 4, 0x80000009);
}
