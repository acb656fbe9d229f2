// SPDX-License-Identifier: MIT
/*
 * Malformed samples, made when they are wanted: a sound image and at most four changed fields each.
 */
#ifndef TEST_UNIT_BOOT_HOSTILE_SAMPLES_H
#define TEST_UNIT_BOOT_HOSTILE_SAMPLES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"

enum c5 {
#define C5(name, image, check) name,
#include "test/unit/boot/c5.def"
#undef C5
	C5_COUNT
};

enum image { BZIMAGE, UKI, ELF, MULTIBOOT2, SETUP_LIST, EFI_MAP, E820_LIST, INITRD, ENTRY_TEXT, IMAGE_COUNT };

/* From here on a sample is no file that an entry could name as its kernel. */
#define FIRST_NO_FILE SETUP_LIST

struct edit { unsigned offset, bytes; uint64_t value; };

struct sample {
	enum c5 check;
	uint64_t size;			/* 0: as long as the sound one */
	struct edit edits[4];		/* bytes 0: none */
	enum status code;
	const char *text;		/* the whole line */
};

extern const struct sample samples[];
extern const unsigned sample_count;

#define SAMPLE_ROOM	0x20000u

/* Where the list of setup_data lies, and how much RAM there is. */
#define SAMPLE_RAM	0x20000000ull
#define SAMPLE_RAM_BYTES 0x4000u

enum image c5_image(enum c5 check);
const char *c5_name(enum c5 check);

/* The sound image of a kind; its size. */
uint64_t sample_sound(enum image image, uint8_t *file);

/* The sample; its size. */
uint64_t sample_make(const struct sample *sample, uint8_t *file);

#endif
