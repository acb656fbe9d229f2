// SPDX-License-Identifier: MIT
/*
 * A machine's e820 list in Baton's one form of a memory map (efimap.h), for a start without firmware's own map. Pure;
 * any context.
 */
#ifndef BOOT_E820_H
#define BOOT_E820_H

#include <stdint.h>

#include "boot/efimap.h"
#include "lib/status.h"

/*
 * Fills the buffer of *map (base, capacity) with descriptors of 40 bytes, sorted and apart, as efimap_prepare() leaves
 * them. The list may be in any order and overlap: the higher e820 type wins, as in Linux. RAM counts in whole pages
 * only, all else fills the pages that it touches. RAM becomes type 7: nothing says what of it a loader uses
 * (efimap_claim()). What e820 does not name stays a hole. E51: an entry wraps, there is no RAM. E50: no room.
 */
enum status e820_to_map(const struct e820_entry *list, unsigned count, struct efi_map *map, struct problem *problem)
	MUST_CHECK;

#endif
