// SPDX-License-Identifier: MIT
/*
 * A bundle made in memory: a newc cpio archive (boot/cpio.h reads it) whose files' data lie on pages, so that the
 * next start can use them where they are. Sizes first, then the headers in one go; the data are the caller's to fill
 * in. Pure; any context.
 */
#ifndef BOOT_CPIO_OUT_H
#define BOOT_CPIO_OUT_H

#include <stdint.h>

struct cpio_out {
	uint8_t *data;			/* page aligned; NULL: sizes are counted only */
	uint64_t used;			/* bytes so far */
};

/* Adds a plain file; path absolute, at most 255 bytes. Returns where its size bytes of data belong (NULL while
 * counting). Writes the header, the name and zeros up to the data. */
void *cpio_out_file(struct cpio_out *out, const char *path, uint32_t size);

/* Adds the trailer and zeros up to a whole page: used is then the archive's size. */
void cpio_out_end(struct cpio_out *out);

#endif
