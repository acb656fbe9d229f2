// SPDX-License-Identifier: MIT
/*
 * From a chosen entry to the end of firmware: approve, load, count the try, leave.
 */
#ifndef EFI_START_H
#define EFI_START_H

#include "boot/boot_info.h"
#include "efi/entries.h"
#include "efi/settings.h"

/* Returns only with everything given back, so that the menu may go on: on failure with problem worded, or OK if an EFI
 * program ended or a key came before watch_until_ms (firmware_now_ms(); the menu had stayed hidden, 0: it had not).
 * options: replaces the entry's (edited), NULL: as they are. entries: where on-failure fallback looks. */
enum status start_entry(const struct entries *entries, struct listed_entry *listed, const struct settings *settings,
			const char *options, uint64_t watch_until_ms, struct problem *problem);

#endif
