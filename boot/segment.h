// SPDX-License-Identifier: MIT
/*
 * What is to be started, after boot/load.c placed, read and hashed it. Digests are computed in the one
 * pass that reads the file (protocol rule 20) and checked again in place by the block.
 */
#ifndef BOOT_SEGMENT_H
#define BOOT_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/digest.h"

#define SEGMENT_MAX 16
#define SEGMENT_PATH_MAX 256		/* NUL included */
#define CMDLINE_MAX 4096		/* NUL included */
#define SETUP_HEADER_START 0x1f1
#define SETUP_HEADER_END 0x290		/* nothing of the header lies beyond */

/* How the next system is entered, and what it is told. */
enum next_protocol { NEXT_LINUX, NEXT_PVH, NEXT_MULTIBOOT1, NEXT_MULTIBOOT2 };

#define MODULE_MAX 8
#define MODULE_WORDS_MAX 512		/* NUL included */
#define MODULE_TEXT_MAX (SEGMENT_PATH_MAX + MODULE_WORDS_MAX)

/* One of an entry's files behind the image, for systems that tell them apart: a part of the initrd's segment. */
struct boot_module {
	uint64_t offset, size;		/* bytes, from the segment's start */
	char words[MODULE_TEXT_MAX];	/* its command line */
};

/* Chunks that the digest table has room for beyond the loaded files: boot_params, command line, setup_data, block. */
#define DIGEST_SPARE_CHUNKS 24

struct boot_segment {
	enum segment_kind kind;		/* digest.h: kernel, initrd, ... */
	char path[SEGMENT_PATH_MAX];	/* (first) file it came from, for messages; "" if built by us */
	uint32_t file_count;		/* files that make it up: initrds are one segment, each padded to 4 bytes */
	uint64_t dest;			/* final physical address, page aligned */
	uint64_t source;		/* 0: loaded there; else loaded here, to be copied by the block after commit,
					 * when nothing runs in dest any more */
	uint64_t size;			/* bytes under digest at dest */
	uint64_t memory_size;		/* >= size, whole pages; the tail up to here is zero and verified by a scan */
	uint64_t reserved_size;		/* >= memory_size: the run placed at dest. A kernel's init_size: the rest is its
					 * scratch, which it initialises itself, so nothing is promised about it */
	uint64_t file_size;		/* the whole file(s): a bzImage's setup part is not in size */
	uint64_t backup;		/* the same size bytes, in memory until the jump; 0: nowhere else */
	struct chunk_digest *chunks;	/* one per started MiB of size, inside the plan's digest table */
	bool whole_known;		/* the entry gave every file's SHA-256 and they matched: expected=entry */
	uint8_t whole_sha256[32];	/* whole_known and file_count 1: that digest */
};

/* Where the segment's bytes are until commit. */
static inline uint64_t segment_loaded(const struct boot_segment *segment)
{
	return segment->source ? segment->source : segment->dest;
}

struct boot_plan {
	char entry_id[256], title[128];
	char cmdline[CMDLINE_MAX];		/* final, NUL terminated */
	unsigned segment_count;
	struct boot_segment segments[SEGMENT_MAX];
	struct chunk_digest *digest_table;	/* reserved memory, segments' chunks in order, no gaps */
	uint32_t digest_count;			/* used so far; who adds a segment takes the next ones */
	uint32_t digest_capacity;
	uint8_t setup_header[SETUP_HEADER_END - SETUP_HEADER_START];	/* bytes 0x1f1.. of the bzImage */
	uint32_t setup_header_length;
	enum next_protocol protocol;
	struct boot_module modules[MODULE_MAX];	/* not NEXT_LINUX, where initrds are one */
	unsigned module_count;
	uint64_t kernel_entry;			/* NEXT_LINUX: 64-bit entry point, kernel's dest + 0x200; else 32-bit */
	uint64_t kernel_init_size, kernel_alignment;
	bool kernel_5level;			/* xloadflags bit 5 */
	bool kernel_above_4g;			/* xloadflags bit 1 */
};

/* Nothing of it is copied to its place after commit: two such plans can be kept side by side. */
static inline bool plan_stays(const struct boot_plan *plan)
{
	for (unsigned i = 0; i < plan->segment_count; i++)
		if (plan->segments[i].source)
			return false;
	return true;
}

#endif
