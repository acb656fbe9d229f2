// SPDX-License-Identifier: MIT
/*
 * The one load loop: an entry in, a filled boot_plan out. Kernel and initrds are opened and checked, all memory is
 * placed, then every file is read once, in order, in chunks of at most 1 MiB straight to its final address, and
 * hashed chunk by chunk. Boss only, on a door, before kernel_main().
 */
#ifndef BOOT_LOAD_H
#define BOOT_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/bzimage.h"
#include "boot/config.h"
#include "boot/elf.h"
#include "boot/entry.h"
#include "boot/segment.h"
#include "boot/source.h"
#include "boot/uki.h"
#include "lib/sha256.h"
#include "lib/status.h"

#define LOAD_INITRD_BYTES_MAX	(16ull << 30)

/* Hashing apart from reading, so that a door may put it on other CPUs. data stays untouched until drain() returns;
 * submit() may block while its queue is full. The same memory is submitted once. */
struct hasher {
	void *ctx;
	/* Computes the digests of length (1..CHUNK_BYTES) bytes at data into *out, now or later. */
	void (*submit)(void *ctx, struct chunk_digest *out, const void *data, uint32_t length);
	/* Returns when everything submitted is in its *out. */
	void (*drain)(void *ctx);
};

/* Computes at once, on the calling CPU. */
extern const struct hasher hasher_inline;

#define LOAD_UKI_FILES		3			/* .linux, .ucode, .initrd */
#define LOAD_FILES_MAX		(LOAD_UKI_FILES + ENTRY_INITRD_MAX)
#define LOAD_FIRST_BYTES	PE_HEADERS_MAX		/* of a file, to see what it is */

/* A file on its way, or a section of one. */
struct load_file {
	const char *path;
	void *handle;
	const struct load_file *container;	/* the open file that this is a section of, NULL: a file */
	uint64_t base;				/* where it begins there */
	uint64_t size, done;			/* bytes; read so far */
	const uint8_t *wanted;			/* its SHA-256 as the entry gives it, NULL: none; a section's was taken
						 * when the container was compared */
	struct sha256_ctx sha256;		/* running, only if wanted */
};

/* Memory of one load: 80 KiB, contents of no interest to the caller but for version. */
struct load_work {
	const struct source *source;
	unsigned open_count;
	struct load_file files[LOAD_FILES_MAX];		/* the kernel is the first, the rest are initrds */
	struct load_file container;			/* handle NULL: the kernel is a file by itself */
	char section_paths[LOAD_UKI_FILES][ENTRY_PATH_MAX + 16];
	uint8_t section_sha256[LOAD_UKI_FILES][SHA256_BYTES];
	struct pe pe;
	struct uki uki;
	struct elf elf;					/* load_count 0: a bzImage, maybe out of an image */
	struct place_request place;			/* of the kernel, not NEXT_LINUX */
	char text[UKI_TEXT_BYTES];
	char cmdline[CMDLINE_MAX];			/* the image's own */
	uint8_t first[LOAD_FIRST_BYTES];
	uint8_t setup[BZIMAGE_SETUP_MAX];
	struct bzimage image;
	char version[128];		/* kernel's version string, valid after load_read() */
};

/*
 * In two steps, for a door that may not yet write to the places it found: load_place() opens, checks and finds memory
 * for everything and writes to the digest table only; load_read() reads and hashes. source, entry, work and plan must
 * stay until then. segments[0] is the kernel, segments[1] the initrd if there is one; config->append goes behind the
 * entry's options. On error everything placed is released and nothing remains open; the message names the file.
 * load_place(): E13/E15: entry not startable or with keys that its image has no use for, E20/E21: file missing or
 * unreadable, E22: size, E23-E25: kernel image, E28: command line, E50/E52: memory. load_read(): E21, E24, E26: digest
 * differs from the entry's.
 */
enum status load_place(const struct source *source, const struct entry *entry, const struct config *config,
		       struct load_work *work, struct boot_plan *plan, struct problem *problem) MUST_CHECK;
enum status load_read(const struct hasher *hasher, struct load_work *work, struct boot_plan *plan,
		      struct problem *problem) MUST_CHECK;

/* Both. */
enum status load_entry(const struct source *source, const struct hasher *hasher, const struct entry *entry,
		       const struct config *config, struct load_work *work, struct boot_plan *plan,
		       struct problem *problem) MUST_CHECK;

/* Whether the file at path says that it is a unified kernel image (uki_claimed()): load_place() takes it apart or says
 * what is wrong with it. False, too, if it cannot be read. Uses work. */
bool load_is_uki(const struct source *source, const char *path, struct load_work *work);

/* Fills an entry for the file of that name in UKI_DIRECTORY (type #2 of the Boot Loader Specification). E13, E20-E25:
 * unusable; the entry's names are filled all the same. Uses work. */
enum status load_uki_entry(const struct source *source, struct entry *entry, const char *file_name,
			   struct load_work *work, struct problem *problem) MUST_CHECK;

/* E13 if the entry names a profile: image has none, as it is no unified kernel image. */
enum status load_refuse_profile(const struct entry *entry, struct problem *problem) MUST_CHECK;

/* E26, with both digests. */
enum status load_refuse_digest(const char *path, const uint8_t *found, const uint8_t *wanted,
			       struct problem *problem) MUST_CHECK;

/* Gives the plan's memory back to the source: the user went back to the menu, or the start was refused. */
void load_release(const struct source *source, struct boot_plan *plan);

/* Reads a small text file whole into buffer (NUL added). E22: longer than size - 1. */
enum status load_text(const struct source *source, const char *path, char *buffer, uint32_t size, uint32_t *length,
		      struct problem *problem) MUST_CHECK;

#endif
