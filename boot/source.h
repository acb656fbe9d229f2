// SPDX-License-Identifier: MIT
/*
 * The transport: what a door gives to the code that decides what to boot. Door 1 fills it with firmware's file
 * systems and page allocator, door 2 with a newc cpio in memory. Owned by the door, used by the boss only, before
 * the door calls kernel_main(). Paths are absolute inside the source, with '/' ("/loader/entries/x.conf").
 */
#ifndef BOOT_SOURCE_H
#define BOOT_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"

#define SOURCE_READ_MAX	(1u << 20)	/* larger single reads fail on some firmware */

/* What the memory is for. Kernel and initrd are gone when the next kernel has booted; reserved memory (digest
 * table, maps, report) outlives the jump and is marked as such in both maps by kernel/. */
enum place_kind { PLACE_KERNEL = 1, PLACE_INITRD, PLACE_RESERVED };

/* One run of memory, already at its final address. It does not touch page 0 nor the first MiB unless min says so. */
struct place_request {
	enum place_kind kind;
	uint64_t size;			/* bytes, > 0; whole pages are taken */
	uint64_t align;			/* power of two, >= 4096 */
	uint64_t min;			/* lowest base */
	uint64_t max;			/* the run ends at or below */
	uint64_t preferred;		/* this base if it is free, 0: none */
	uint64_t kept_base, kept_size;	/* kept free for what is copied there in the end; size 0: nothing is */
};

typedef void source_list_fn(void *arg, const char *name, uint64_t size);

struct source {
	void *ctx;
	bool efi;			/* what is started will be told that the firmware is EFI */
	bool verified;			/* what an entry's image holds was verified by firmware, the entry was not */

	/* Calls each() for every plain file of a directory, names without path, in any order. E20: there is none. */
	enum status (*list)(void *ctx, const char *directory, source_list_fn *each, void *arg, struct problem *p);

	/* Opens a file for reading; *file is the source's own. E20: missing. E21: firmware failed. */
	enum status (*open)(void *ctx, const char *path, void **file, uint64_t *size, struct problem *p);

	/* Reads exactly length (<= SOURCE_READ_MAX) bytes at offset into to. Files are read once and in order, but for
	 * images that are taken apart. E21: firmware failed, or the file ended early. */
	enum status (*read)(void *ctx, void *file, uint64_t offset, void *to, uint32_t length, struct problem *p);

	/* May be NULL. Where the file's bytes already lie for good, if that meets the request; 0: read them elsewhere.
	 * They are then read onto themselves and the memory behind them belongs to others. */
	uint64_t (*in_place)(void *ctx, void *file, const struct place_request *request);

	/* May be NULL. Where the file's bytes lie in memory until the jump, 0: nowhere. What was read from there can be
	 * copied again when it is damaged. */
	uint64_t (*resident)(void *ctx, void *file);

	void (*close)(void *ctx, void *file);

	/* Finds memory; *phys is usable as a pointer (identity mapped). E50: none that fits. */
	enum status (*place)(void *ctx, const struct place_request *request, uint64_t *phys, struct problem *p);

	/* Gives a placed run back when loading fails after it; size as in the request. Also called for what stays in
	 * place: then there is nothing to do. */
	void (*release)(void *ctx, uint64_t phys, uint64_t size);

	/* May be NULL: nobody knows yet. E52 unless all of [base, base + size) is given up by the time that what is
	 * to be copied there is copied, after commit (boot/survive.h). */
	enum status (*may_overwrite)(void *ctx, uint64_t base, uint64_t size, const char *what, struct problem *p);

	/* May be NULL. Called after every chunk. name: the file's path. */
	void (*progress)(void *ctx, const char *name, uint64_t done, uint64_t total);
};

#endif
