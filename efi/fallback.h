// SPDX-License-Identifier: MIT
/*
 * on-failure fallback: the entry that is started when the chosen one differs from what was read, loaded beside it.
 */
#ifndef EFI_FALLBACK_H
#define EFI_FALLBACK_H

#include "boot/load.h"
#include "efi/entries.h"

/* Fills info->fallback if the policy asks for it, once info->plan is loaded; work as in boot/load.h. What stands in the
 * way is one line, and the start goes on without: E14 no such entry, E15 nothing that can be loaded beside the first,
 * else as load_entry(); E50 when memory is short. Context: before ExitBootServices. */
void fallback_load(const struct entries *entries, const struct listed_entry *first, struct load_work *work,
		   struct boot_info *info);

/* Gives its memory back. */
void fallback_release(struct boot_info *info);

#endif
