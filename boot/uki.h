// SPDX-License-Identifier: MIT
/*
 * Unified kernel images (UAPI.5): which sections of a PE file are kernel, initrds and texts, for one profile. Pure;
 * any context. What lies before the first .profile belongs to every profile, what follows one replaces it for that one.
 */
#ifndef BOOT_UKI_H
#define BOOT_UKI_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/entry.h"
#include "boot/pe.h"
#include "lib/status.h"

#define UKI_DIRECTORY	"/EFI/Linux"
#define UKI_TEXT_BYTES	4096u		/* longest .cmdline, .osrel, .uname, .profile taken */

enum uki_part { UKI_LINUX, UKI_INITRD, UKI_CMDLINE, UKI_UCODE, UKI_OSREL, UKI_UNAME, UKI_PROFILE, UKI_PARTS };

struct uki_range {
	uint64_t offset, size;		/* in the file; size 0: there is none */
};

struct uki {
	unsigned profile_count;		/* .profile sections: without any, profile 0 is the whole */
	struct uki_range parts[UKI_PARTS];
};

/* Fills *uki for a profile (the first is 0). E23: no .linux section. E24: a section twice in one profile, a text longer
 * than UKI_TEXT_BYTES. E13: there is no such profile. */
enum status uki_find(struct uki *uki, const char *name, const struct pe *pe, unsigned profile,
		     struct problem *problem) MUST_CHECK;

/* Whether a file that begins with these bytes says that it is a unified kernel image: a PE file, malformed or not, with
 * a .linux section. first: its first min(file_size, PE_HEADERS_MAX) bytes. */
bool uki_claimed(const void *first, uint64_t file_size);

/* The section's name with its dot, for messages. */
const char *uki_part_name(enum uki_part part);

/* The text of a .cmdline section: blanks and NULs around it go, line ends inside are blanks. to: CMDLINE_MAX bytes.
 * E24: other control bytes inside, or no UTF-8. */
enum status uki_cmdline(char *to, const char *name, const char *from, uint64_t length,
			struct problem *problem) MUST_CHECK;

/* Title, version and sort key of an entry from .osrel (os-release(5)); what is missing, malformed or too long is left
 * as it is. Values are UTF-8 without control characters. */
void uki_describe(struct entry *entry, const char *osrel, uint64_t length);

#endif
