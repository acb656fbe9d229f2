// SPDX-License-Identifier: MIT
/*
 * The bundle that door 1 makes for a loop (boot/loop.h): Baton's own file, the settings, the entry and what it names,
 * as a cpio archive in memory, where every later generation reads it behind door 2. Before ExitBootServices.
 */
#ifndef EFI_BUNDLE_H
#define EFI_BUNDLE_H

#include "efi/entries.h"
#include "efi/file.h"

struct bundle {
	struct source source;		/* ctx is this struct: Baton's file and the bundle itself, nothing else */
	struct volume own;		/* where the running file was read from */
	char own_path[256];
	uint64_t base, size;		/* whole pages */
	bool given_back;
};

/* Reads all files into new memory. E2x as the files' reader, E22: a file of 4 GiB, E50. On error nothing is kept. */
enum status MUST_CHECK bundle_make(struct bundle *bundle, struct listed_entry *listed, struct problem *problem);

/* After a load that failed: gives the memory back unless the load did. */
void bundle_drop(struct bundle *bundle);

#endif
