// SPDX-License-Identifier: MIT
/*
 * An ELF64 vmlinux (System V ABI, AMD64 supplement), checked as hostile input: what a Linux build leaves before it is
 * packed into a bzImage. Pure; any context. Two steps: the file's first bytes hold the headers, the notes lie elsewhere
 * and say that it is Linux at all.
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
};

struct elf {
	unsigned load_count, note_count;
	struct elf_segment loads[ELF_SEGMENTS_MAX];	/* sorted by address, apart */
	struct elf_segment notes[ELF_SEGMENTS_MAX];
	uint64_t entry;					/* physical */
	uint64_t start, end;				/* around all loads */
};

/* Whether a file that begins with these bytes (at least 4) says that it is ELF. */
bool elf_recognise(const void *first);

/* first: the file's first min(file_size, ELF_HEADERS_MAX) bytes. E23: not ELF64 for x86-64, or no program. E24: a field
 * out of bounds, segments that overlap. E25: shorter than its own fields say. */
enum status elf_check(struct elf *elf, const char *name, const void *first, uint64_t file_size,
		      struct problem *problem) MUST_CHECK;

/* notes: the bytes of one PT_NOTE. *is_linux is set if one of them is Linux's own, as every vmlinux since 4.19 has.
 * E24. */
enum status elf_check_notes(const char *name, const void *notes, uint64_t size, bool *is_linux,
			    struct problem *problem) MUST_CHECK;

#endif
