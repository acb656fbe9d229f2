// SPDX-License-Identifier: MIT
/*
 * The boot entries of our partition and of XBOOTLDR, sorted for the menu. Before ExitBootServices only.
 */
#ifndef EFI_ENTRIES_H
#define EFI_ENTRIES_H

#include "boot/entry.h"
#include "efi/file.h"

#define ENTRIES_MAX 64

/* entry is first: the list that boot/ sorts and selects from is one of struct entry pointers. */
struct listed_entry {
	struct entry entry;
	struct volume *volume;		/* paths are relative to it */
	const char *directory;		/* of the file that the entry is or is described in */
	struct problem problem;		/* code OK: it can be started */
};

struct entries {
	struct entry *list[ENTRIES_MAX];
	unsigned count;
};

static inline struct listed_entry *entries_listed(const struct entries *entries, unsigned index)
{
	return (struct listed_entry *)entries->list[index];
}

/* Reads every entry of one volume, unusable ones included. E13, E21, E50: the first thing that was left out; the
 * rest is there. A volume without the directory has none. */
enum status MUST_CHECK entries_read(struct entries *entries, struct volume *volume, struct problem *problem);

/* Sorts, and tells the operating system about them (LoaderEntries). After the last entries_read(). */
void entries_finish(struct entries *entries);

/* Boot counting: takes one try off the name on the disk, tells the system where. OK if it is not counted. E21. */
enum status MUST_CHECK entries_count_try(struct listed_entry *listed, struct problem *problem);

#endif
