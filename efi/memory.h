// SPDX-License-Identifier: MIT
/*
 * Pages from firmware, at addresses we choose: firmware's allocator knows neither alignment nor a lower bound, so
 * holes are looked for in the memory map and taken by address. Before ExitBootServices only.
 */
#ifndef EFI_MEMORY_H
#define EFI_MEMORY_H

#include "boot/source.h"
#include "efi/firmware.h"

/* source->place(): kernel at the preferred or lowest, others at the highest fitting address, below 4 GiB first.
 * E50 names what was asked for and the largest hole. */
enum status MUST_CHECK memory_place(const struct place_request *request, uint64_t *phys, struct problem *problem);
void memory_release(uint64_t phys, uint64_t size);

/* source->may_overwrite(): all conflicts but the last are printed. E50, E52. */
enum status MUST_CHECK memory_may_overwrite(uint64_t base, uint64_t size, const char *what, struct problem *problem);

/* Takes for good what LINUX_EFI_MEMRESERVE promises to others and firmware's allocator still calls free, so that
 * neither Baton nor the next system uses it. First. */
void memory_keep_promised(void);

/* Calls visit() for the free memory (type 7 without SP) between 1 MiB and 4 GiB that lies within reach bytes of an end
 * of its run, in the map's order. A run is what the system may use at all, types 1 to 4 and 7: what kernel/ reserves
 * touches an end of one (boot/efimap.h, efimap_find_hole()). It may be read and changed, being nobody's; visit() must
 * not allocate. E50. */
void memory_walk_borders(uint64_t reach, void (*visit)(void *ctx, uint64_t base, uint64_t end), void *ctx,
			 struct problem *problem);

/* One page below 640 KiB for CPUs that start in real mode; 0: there is none (kernel/ looks again). */
uint64_t memory_take_low_page(void);

/* Zeroed pool memory, E50. Not freed before exit: firmware's teardown makes it ordinary memory. */
enum status MUST_CHECK memory_new(uint64_t bytes, void **out, struct problem *problem);

#endif
