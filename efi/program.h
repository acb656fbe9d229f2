// SPDX-License-Identifier: MIT
/*
 * EFI programs (an entry's efi key): firmware loads, verifies and starts them, and they may come back. Before
 * ExitBootServices only.
 */
#ifndef EFI_PROGRAM_H
#define EFI_PROGRAM_H

#include "boot/entry.h"
#include "efi/file.h"

struct program {
	EFI_HANDLE handle;		/* of the loaded image */
	const char *path;
	CHAR16 *options;		/* pool memory, firmware's to read until the program ends */
};

/* Reads the entry's program, compares it with the entry's digest and has firmware load it, with the entry's options and
 * what follows them. E20-E22, E26, E27: refused by Secure Boot, E31: by firmware, E50. */
enum status MUST_CHECK program_load(struct volume *volume, const struct entry *entry, const char *append,
				    struct program *program, struct problem *problem);

/* Runs it until it ends and gives everything back. E31: it ended with an error. */
enum status MUST_CHECK program_start(struct program *program, struct problem *problem);

#endif
