// SPDX-License-Identifier: MIT
/*
 * A loop of generations, seen by who decides what to boot: while generations are left, Baton starts itself out of the
 * bundle, with the bundle as initrd, instead of the entry's kernel. Pure; any context.
 */
#ifndef BOOT_LOOP_H
#define BOOT_LOOP_H

#include "boot/config.h"
#include "boot/entry.h"
#include "boot/place.h"
#include "lib/status.h"

#define LOOP_BATON	"/baton.efi"	/* in the bundle */
#define LOOP_BUNDLE	"/."		/* the bundle itself, as a path that no file can have */

/*
 * Fills out with the entry that starts the next generation instead of entry: LOOP_BATON with LOOP_BUNDLE as initrd, no
 * digests. Its options are Baton's own command line as it was given, with one generation less, the seed, and entry
 * pinned as the default; what stood behind " -- " stays there. config->append must not be appended again. out and entry
 * differ. E28: longer than options may be.
 */
enum status loop_entry(struct entry *out, const struct entry *entry, const struct config *config, const char *cmdline,
		       struct problem *problem) MUST_CHECK;

/* Where the next generation's image is to lie, drawn from all places that meet the request and keep away from the ends
 * of the free runs, below 4 GiB; 0: there is none. The same seed and turn give the same place in the same memory. */
uint64_t loop_place(const struct place_range *free, unsigned count, const struct place_request *request, uint64_t seed,
		    uint64_t turn);

#endif
