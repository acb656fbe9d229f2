// SPDX-License-Identifier: MIT
/*
 * What the tests of boot/ share: random numbers with a printed seed, memory maps, and a kernel file made of nothing.
 */
#ifndef TEST_UNIT_BOOT_SUPPORT_H
#define TEST_UNIT_BOOT_SUPPORT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include "boot/efimap.h"
#include "lib/status.h"

/* xorshift; the same seed at every run, so that a failure repeats. */
struct rng { uint64_t state; };
uint64_t rng_next(struct rng *rng);
uint64_t rng_below(struct rng *rng, uint64_t limit);

/* The call gave this status, worded with this piece of text. */
#define assert_problem(p, got, want, piece) check_problem(p, got, want, piece, __FILE__, __LINE__)
void check_problem(const struct problem *p, enum status got, enum status want, const char *piece, const char *file,
		   int line);

/* One descriptor more; the map's buffer has room. */
void map_add(struct efi_map *map, uint32_t type, uint64_t phys, uint64_t pages, uint64_t attribute);

/* A well-formed bzImage64 of KERNEL_BYTES: 3 setup sectors, version string, kernel_info, init_size 2 MiB,
 * kernel_alignment 2 MiB, pref_address 16 MiB; the protected-mode part holds a pattern. */
#define KERNEL_SETUP_BYTES	(4u * 512)
#define KERNEL_PM_BYTES		(1500000u)
#define KERNEL_BYTES		(KERNEL_SETUP_BYTES + KERNEL_PM_BYTES)
#define KERNEL_INIT_SIZE	(2u << 20)
void kernel_make(uint8_t *file);
void kernel_put(uint8_t *file, unsigned offset, unsigned bytes, uint64_t value);

#endif
