// SPDX-License-Identifier: MIT
/*
 * ELF files (System V ABI, i386 and AMD64 supplements), checked as hostile input: a vmlinux, as a Linux build leaves
 * it before it is packed into a bzImage, other kernels with PVH's entry, Multiboot images. Pure; any context. Two
 * steps: the file's first bytes hold the headers, the notes lie elsewhere and say what it is.
 */
#ifndef BOOT_ELF_H
#define BOOT_ELF_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"

#define ELF_HEADERS_MAX	32768u		/* program headers lie in a file's first bytes */
#define ELF_SEGMENTS_MAX 64u
#define ELF_NOTES_MAX	4096u		/* longest PT_NOTE taken */
#define ELF_SPAN_MAX	(1ull << 30)	/* from the first byte in memory to the last */

struct elf_segment {
	uint64_t offset, file_size;	/* in the file */
	uint64_t address, memory_size;	/* physical; the rest behind file_size is zero */
	uint64_t align;			/* p_align */
};

struct elf {
	unsigned load_count, note_count;
	struct elf_segment loads[ELF_SEGMENTS_MAX];	/* sorted by address, apart */
	struct elf_segment notes[ELF_SEGMENTS_MAX];
	unsigned bits;					/* 32 or 64 */
	uint64_t entry;					/* e_entry */
	bool is_linux;					/* elf_check_notes() found Linux's own, as every vmlinux since
							 * 4.19 has */
	bool has_pvh;
	uint64_t pvh_entry;				/* XEN_ELFNOTE_PHYS32_ENTRY */
	uint64_t start, end;				/* around all loads */
};

/* Whether a file that begins with these bytes (at least 4) says that it is ELF. */
bool elf_recognise(const void *first);

/* first: the file's first min(file_size, ELF_HEADERS_MAX) bytes. E23: not ELF for x86, or no program. E24: a field
 * out of bounds, segments that overlap. E25: shorter than its own fields say. */
enum status elf_check(struct elf *elf, const char *name, const void *first, uint64_t file_size,
		      struct problem *problem) MUST_CHECK;

/* entry, which field says, lies in what is loaded from the file. E24. */
enum status elf_check_entry(const struct elf *elf, const char *name, const char *field, uint64_t entry,
			    struct problem *problem) MUST_CHECK;

/* notes: the bytes of segment, a PT_NOTE: sets what elf says about notes. E24. */
enum status elf_check_notes(struct elf *elf, const char *name, const struct elf_segment *segment, const void *notes,
			    struct problem *problem) MUST_CHECK;

#endif
