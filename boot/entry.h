// SPDX-License-Identifier: MIT
/*
 * Boot entries, type #1 of the Boot Loader Specification (docs/entries.md has the keys). Pure: text in, struct
 * out, any context. Everything has a fixed capacity; what does not fit is an error with its line number.
 */
#ifndef BOOT_ENTRY_H
#define BOOT_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot/config.h"
#include "boot/segment.h"
#include "lib/status.h"

#define ENTRY_DIRECTORY		"/loader/entries"
#define ENTRY_NAME_MAX		256		/* NUL included, as everywhere below */
#define ENTRY_FILE_BYTES	65536		/* longest file taken */
#define ENTRY_LINE_BYTES	CMDLINE_MAX	/* longest line taken */
#define ENTRY_PATH_MAX		SEGMENT_PATH_MAX
#define ENTRY_INITRD_MAX	8
#define ENTRY_DIGEST_MAX	(ENTRY_INITRD_MAX + 2)
#define ENTRY_POLICY_BYTES	768

struct entry_digest {
	uint8_t sha256[32];
	char path[ENTRY_PATH_MAX];		/* normalised like the entry's own paths */
};

/* About 16 KiB: keep it in .bss or allocated memory, not on a stack. */
struct entry {
	char id[ENTRY_NAME_MAX];		/* file name without the counting suffix: "debian-6.1.conf" */
	char file[ENTRY_NAME_MAX];		/* file name as it is on the disk */
	bool counted;				/* the name has a +LEFT[-DONE] suffix */
	uint32_t tries_left, tries_done;	/* counted only; left 0: bad, sorted last */
	bool unusable;				/* who read it found that it cannot be started: likewise */
	char title[128], version[128], machine_id[64], sort_key[64], architecture[16];
	char linux_path[ENTRY_PATH_MAX];	/* one of these three is not "" */
	char efi_path[ENTRY_PATH_MAX];		/* an EFI program, or a unified kernel image */
	char uki_path[ENTRY_PATH_MAX];		/* a unified kernel image */
	uint32_t profile;			/* of the unified kernel image */
	unsigned initrd_count;
	char initrd[ENTRY_INITRD_MAX][ENTRY_PATH_MAX];
	char module_words[ENTRY_INITRD_MAX][MODULE_WORDS_MAX];	/* of a baton-module line; "" for an initrd line */
	char options[CMDLINE_MAX];		/* all options lines, joined by one blank */
	unsigned digest_count;
	struct entry_digest digests[ENTRY_DIGEST_MAX];
	char policy[ENTRY_POLICY_BYTES];	/* the baton-KEY lines as lines "KEY value" of baton.conf */
};

/* True if a file of ENTRY_DIRECTORY is an entry by its name: .conf, characters, length. */
bool entry_name_valid(const char *file_name);

/* The same of UKI_DIRECTORY: .efi. */
bool entry_uki_name_valid(const char *file_name);

/* Length of an entry's id or file name without ".conf" or ".efi". */
size_t entry_stem(const char *name);

/* Parses length bytes of text, the file called file_name, into *entry (zeroed first). E13: unusable, one line
 * "FILE:LINE: reason"; the entry's names are filled all the same, for a menu that shows it as broken. */
enum status entry_parse(struct entry *entry, const char *file_name, const char *text, uint64_t length,
			struct problem *problem) MUST_CHECK;

/* Names of a type #2 entry for the image file_name in directory; zeroes the rest. False: not a name for one. */
bool entry_begin_uki(struct entry *entry, const char *directory, const char *file_name);

/* The path of linux, uki or efi, whichever is given. */
const char *entry_image(const struct entry *entry);

/* E13 unless it names an image for this architecture. */
enum status entry_check_startable(const struct entry *entry, struct problem *problem) MUST_CHECK;

/* Applies the entry's baton-KEY lines over *config (they were checked by entry_parse). */
void entry_apply_policy(const struct entry *entry, struct config *config);

/* The digest that the entry gives for a path, NULL: none. */
const uint8_t *entry_find_digest(const struct entry *entry, const char *path);

/* Menu order: < 0 if a comes before b. Bad entries last, then as the specification sorts. */
int entry_compare(const struct entry *a, const struct entry *b);
void entry_sort(struct entry **list, unsigned count);

/* Version Format Specification: < 0 if a is older than b. */
int entry_version_compare(const char *a, const char *b);

/* The file's name after one more try (LEFT - 1, DONE + 1). False: not counted, or no try left. */
bool entry_name_after_try(const struct entry *entry, char *to, unsigned size);

#endif
