// SPDX-License-Identifier: MIT
/*
 * Where segments go: pure arithmetic over lists of ranges. Door 1 asks firmware by source->place(); door 2 and the
 * kernel's own reservations use place_find(). Any context.
 */
#ifndef BOOT_PLACE_H
#define BOOT_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/bzimage.h"
#include "boot/source.h"
#include "lib/status.h"

#define PLACE_PAGE		4096ull
#define PLACE_KERNEL_MIN	(16ull << 20)	/* where kernels are linked to run, unless pref_address is higher */
#define PLACE_ADDRESS_END	(1ull << 46)	/* x86-64 boot protocol: kernel and initrd below 64 TiB */

struct place_range { uint64_t base, size; };

/* Ends are exclusive and may be 2^64 (base + size == 0 is no wrap). Empty ranges overlap nothing. */
bool place_overlap(uint64_t base_a, uint64_t size_a, uint64_t base_b, uint64_t size_b);

/* The first range of the list that [base, base + size) overlaps, NULL: none. */
const struct place_range *place_conflict(const struct place_range *list, unsigned count, uint64_t base, uint64_t size);

/* What a kernel asks for: all of [dest, dest + init_size) in whole pages, at pref_address if that is free, else aligned
 * above it and above 16 MiB: loaded lower, Linux's decompressor moves to the address it was linked for all the same
 * (arch/x86/boot/compressed/head_64.S, LOAD_PHYSICAL_ADDR), over whatever lies there. Exactly at pref_address if it
 * cannot be relocated; a vmlinux has no decompressor and may lie below its pref_address. */
void place_request_kernel(struct place_request *request, const struct bzimage *image);

/* What an initrd of size bytes asks for under this kernel's limits; outside the kernel's range by construction, since
 * that is placed first. */
void place_request_initrd(struct place_request *request, const struct bzimage *image, uint64_t size);

/* E52 unless the answer of a source meets the request. */
enum status place_check(const struct place_request *request, uint64_t base, struct problem *problem) MUST_CHECK;

/* Preferred base, else the highest fitting one, inside one of the free ranges (sorted or not) and outside all of
 * avoid. E52: none. */
enum status place_find(const struct place_range *free, unsigned free_count, const struct place_range *avoid,
		       unsigned avoid_count, const struct place_request *request, uint64_t *base,
		       struct problem *problem) MUST_CHECK;

#endif
