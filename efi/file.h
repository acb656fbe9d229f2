// SPDX-License-Identifier: MIT
/*
 * Door 1's transport: a FAT (or other) file system of firmware behind boot/source.h. Paths have '/', firmware's
 * have '\'. A failed Read breaks the handle on some firmware, and so does a single large one: every read is at
 * most SOURCE_READ_MAX and nothing is retried on the same handle. Or a bundle in memory (efi/initrd.h) in its place.
 * Before ExitBootServices only.
 */
#ifndef EFI_FILE_H
#define EFI_FILE_H

#include "boot/cpio.h"
#include "boot/source.h"
#include "efi/firmware.h"

#define FILE_OPEN_MAX 12		/* kernel, initrds, text */
#define FILE_LOAD_BYTES_MAX (2ull << 30)	/* unified images hold initrds */

struct volume;

struct open_file {
	EFI_FILE_HANDLE handle;
	const uint8_t *memory;		/* the file is read from here: approved (file_approve), or in a bundle */
	uint64_t size;
	char path[256];
	bool used;
};

/* One file system, or a bundle. Lives as long as the menu; root is closed by nobody, firmware's teardown does. */
struct volume {
	struct source source;		/* ctx is this struct */
	EFI_HANDLE device;
	EFI_FILE_HANDLE root;
	struct cpio archive;		/* data NULL: a file system; else device and root are NULL */
	struct open_file files[FILE_OPEN_MAX];
	void *approved;			/* pages with a whole file that Secure Boot accepted, NULL: none */
	uint64_t approved_bytes;
	char approved_path[256];
};

/* Opens the file system on device. E2 if firmware has none there. */
enum status MUST_CHECK volume_open(struct volume *volume, EFI_HANDLE device, struct problem *problem);

/* The files of an archive in memory, which outlives the volume. */
void volume_open_archive(struct volume *volume, const struct cpio *archive);

/* Renames a file within its directory. E21. */
enum status MUST_CHECK file_rename(struct volume *volume, const char *path, const char *new_name,
				   struct problem *problem);

/* Reads a file whole into pages of its own, which the caller gives back with memory_release(). E20-E22, E50. */
enum status MUST_CHECK file_load(struct volume *volume, const char *path, uint64_t *phys, uint64_t *bytes,
				 struct problem *problem);

/*
 * Secure Boot: reads path whole into memory, has firmware judge those bytes, and keeps them: until
 * file_forget_approved() the source reads that file from memory, so that the bytes used are the bytes judged.
 * Nothing to do (OK) while Secure Boot is off. E27: refused, others as open, read and place.
 */
enum status MUST_CHECK file_approve(struct volume *volume, const char *path, struct problem *problem);
void file_forget_approved(struct volume *volume);

#endif
