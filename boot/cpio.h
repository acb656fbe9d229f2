// SPDX-License-Identifier: MIT
/*
 * The bundle's format: a newc cpio archive (Linux's Documentation/driver-api/early-userspace/buffer-format.rst) in
 * memory, read as hostile input. Pure over (pointer, length), no state; any context.
 *
 * Plain files and directories only, one copy of each path. Several archives one behind the other count as one, zeros
 * between them. Paths compare without regard to case, as on the FAT partition that holds the same tree.
 */
#ifndef BOOT_CPIO_H
#define BOOT_CPIO_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/source.h"
#include "lib/status.h"

#define CPIO_NAME_MAX	8192u	/* of the name's field: zeros behind a name may align the data to a page */
#define CPIO_PATH_MAX	512u	/* of the name itself, NUL included */
#define CPIO_ENTRIES_MAX 4096u

struct cpio {
	const uint8_t *data;
	uint64_t size;			/* bytes */
};

struct cpio_entry {
	char path[CPIO_PATH_MAX];	/* without "./" and "/" in front; "" for the root directory */
	bool directory;
	uint64_t offset, size;		/* the file's bytes, from the start of the archive */
};

/* Where a walk stands. Starts as zeros. */
struct cpio_walk {
	uint64_t offset;		/* of the next header */
	unsigned count;			/* entries seen */
};

/* The next file or directory; *more false: the end. E29 names the header's offset, the file and the field. */
enum status cpio_next(const struct cpio *archive, struct cpio_walk *walk, struct cpio_entry *entry, bool *more,
		      struct problem *problem) MUST_CHECK;

/* Walks all of it. E29: malformed, or no file in it. */
enum status cpio_check(const struct cpio *archive, struct problem *problem) MUST_CHECK;

/* The file at an absolute path ("/loader/loader.conf"). E20: none. E29: malformed, or there twice. */
enum status cpio_find(const struct cpio *archive, const char *path, struct cpio_entry *entry, struct problem *problem)
	MUST_CHECK;

/* The file's name if the entry is a plain file of that directory itself, else NULL. directory: absolute, no '/' at its
 * end. */
const char *cpio_name_in(const struct cpio_entry *entry, const char *directory);

/* Calls each() for every plain file of that directory, as source->list() does. E20: there is none. E29. */
enum status cpio_list(const struct cpio *archive, const char *directory, source_list_fn *each, void *arg,
		      struct problem *problem) MUST_CHECK;

#endif
