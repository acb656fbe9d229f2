// SPDX-License-Identifier: MIT
/*
 * A source in memory for the tests of load.c: a few files, an arena at low addresses as a machine's RAM, and a
 * strict eye on the rules of source.h: reads in order and not too long, everything closed and released.
 */
#ifndef TEST_UNIT_BOOT_FAKE_SOURCE_H
#define TEST_UNIT_BOOT_FAKE_SOURCE_H

#include <stdbool.h>

#include "boot/config.h"
#include "boot/entry.h"
#include "boot/place.h"
#include "boot/source.h"

#define FAKE_BASE	0x20000000ull
#define FAKE_SIZE	(32u << 20)

struct fake_file {
	const char *path;
	const uint8_t *data;
	uint64_t size;
	uint64_t fail_at;		/* a read that reaches this byte fails, 0: none */
	uint64_t next;			/* where the next read must begin */
	unsigned open;
};

struct fake {
	struct source source;
	struct fake_file files[12];
	unsigned file_count;
	struct place_range placed[8];
	unsigned placed_count;
	int refuse_kind;		/* enum place_kind that gets E50 */
	uint64_t lie;			/* handed out instead of a fitting address, once */
	bool any_order;			/* files may be read in any order */
	void (*on_read)(struct fake *fake, uint64_t offset);	/* called before each read, NULL: nothing */
	bool busy;			/* somebody is hashing: nothing may be released */
	unsigned reads, progress_calls;
	uint64_t progress_done, progress_total;
};

/* Maps the arena once and fills it with 0xaa. */
void fake_start(struct fake *fake);
void fake_add(struct fake *fake, const char *path, const uint8_t *data, uint64_t size);

/* Starts a fake whose one file, /vmlinuz, is kernel (KERNEL_BYTES, made here), with the entry x.conf that starts it and a
 * fresh configuration. */
void fake_start_linux(struct fake *fake, uint8_t *kernel, struct entry *entry, struct config *config);

unsigned fake_open_files(const struct fake *fake);

#endif
