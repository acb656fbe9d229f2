// SPDX-License-Identifier: MIT
/*
 * A Linux x86-64 bzImage, checked as hostile input (Documentation/arch/x86/boot.rst is the format). Pure; any context.
 * Three steps, as a file is read in order: the first BZIMAGE_HEADER_BYTES decide the placement, the setup part holds
 * the version string, the protected-mode part (loaded at its final address) holds kernel_info.
 */
#ifndef BOOT_BZIMAGE_H
#define BOOT_BZIMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/segment.h"
#include "lib/status.h"

#define BZIMAGE_HEADER_BYTES	1024u		/* shortest setup part there is: boot sector and one more */
#define BZIMAGE_SETUP_MAX	(65u * 512)	/* longest setup part taken */
#define BZIMAGE_INIT_SIZE_MAX	(512ull << 20)
#define BZIMAGE_MAGIC_AT	0x202u
#define BZIMAGE_MAGIC		0x53726448u	/* "HdrS" */
#define BZIMAGE_ENTRY64		0x200u		/* from the start of the protected-mode part */

struct bzimage {
	uint16_t version;			/* boot protocol, 0x020f */
	uint64_t file_size;
	uint32_t setup_bytes;			/* boot sector and setup part; the protected-mode part follows */
	uint64_t pm_bytes;
	uint8_t header[SETUP_HEADER_END - SETUP_HEADER_START];
	uint32_t header_length;			/* bytes of header that the file has, for boot_params */
	uint64_t pref_address;
	uint64_t init_size;			/* memory needed from the load address on */
	uint32_t alignment;
	bool relocatable, above_4g, five_level;
	bool runs_where_loaded;		/* no decompressor that moves it: false for a bzImage */
	uint64_t initrd_max;			/* an initrd ends at or below */
	uint32_t cmdline_max;			/* bytes without the NUL */
	uint32_t kernel_version_offset;		/* in the setup part, 0: none */
	uint32_t kernel_info_offset;		/* in the protected-mode part, 0: none */
	uint32_t setup_type_max;		/* from kernel_info, 0: not known */
};

/* first: the file's first min(file_size, BZIMAGE_HEADER_BYTES) bytes. Each message names file and field. E23: no
 * Linux kernel for 64-bit entry. E24: a field out of bounds. E25: shorter than its own fields say. E22: absurd size. */
enum status bzimage_check_header(struct bzimage *image, const char *name, const void *first, uint64_t file_size,
				 struct problem *problem) MUST_CHECK;

/* setup: the first image->setup_bytes of the file. version (may be NULL) gets the kernel's version string. E24. */
enum status bzimage_check_setup(const struct bzimage *image, const char *name, const void *setup, char *version,
				unsigned version_size, struct problem *problem) MUST_CHECK;

/* pm: the protected-mode part, image->pm_bytes. Fills setup_type_max. E24. */
enum status bzimage_check_kernel_info(struct bzimage *image, const char *name, const void *pm,
				      struct problem *problem) MUST_CHECK;

#endif
