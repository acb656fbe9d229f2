// SPDX-License-Identifier: MIT
/*
 * What the files of the load loop share among themselves: load.c (the loop), load_where.c (where to?), load_kind.c
 * (what is it?) and one for each kind that is not a bzImage.
 */
#ifndef BOOT_LOAD_OPEN_H
#define BOOT_LOAD_OPEN_H

#include "boot/load.h"
#include "boot/multiboot.h"

/* One step of a load on its way. */
struct load {
	const struct source *source;
	const struct hasher *hasher;	/* load_read() only */
	struct load_work *work;
	struct boot_plan *plan;
	struct problem *problem;
};

/* Opens a file that is not empty; only then the caller has to close it. E20-E22. */
enum status load_open_path(struct load *load, struct load_file *file, const char *path);

/* The same for a file of the entry, as the next of work->files, with its digest. */
enum status load_open_file(struct load *load, const struct entry *entry, const char *path);

/* Opens the entry's image, of whatever kind, and checks its headers: fills work->image and the plan's part of it. E13,
 * E15, E20-E26. */
enum status load_open_kernel(struct load *load, const struct entry *entry);

/* length bytes (at most SOURCE_READ_MAX) at offset of the file or section. E21 with its name. */
enum status load_read_at(struct load *load, const struct load_file *file, uint64_t offset, void *to, uint32_t length);

/* The next ones, with digest and progress. */
enum status load_read_next(struct load *load, struct load_file *file, void *to, uint32_t length);

/* The plan's command line: the image's own or the entry's, and what is to be appended. E28. */
enum status load_build_cmdline(struct load *load, const struct entry *entry, const struct config *config);

/* files[index + 1], offset bytes into their segment, for a system that tells its files apart. */
void load_describe_module(struct load *load, const struct entry *entry, unsigned index, uint64_t offset);

/* The whole of file has been read: E26 unless it is what was wanted. */
enum status load_check_digest(struct load *load, struct load_file *file);

/* files[0] is open and its first bytes are in work->first: makes it the container and its sections files[0] and, if
 * they are there, files[1] and files[2]; checks the container's digest; fills work->cmdline. */
enum status load_open_uki(struct load *load, const struct entry *entry);

/* The same for an ELF file: fills work->elf and, as of any kernel, work->image. A vmlinux, or load_open_pvh(). */
enum status load_open_elf(struct load *load);

/* The same for what is entered in protected mode: also work->place and the plan's protocol. E15: it needs something
 * that Baton has not. pvh: work->elf and its notes have been checked. */
enum status load_open_pvh(struct load *load);
enum status load_open_multiboot(struct load *load, const struct multiboot *image);

/* value up to a multiple of to. */
static inline uint64_t load_round_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) & ~(to - 1);
}

/* Places the kernel, initrd_bytes of initrds if there are any, and the digest table: fills the plan's segments. E50,
 * E52. */
enum status load_place_all(struct load *load, uint64_t initrd_bytes);

/* Reads it to its place: segment is the kernel, of one run. Its last chunk and the zeros behind it are the caller's. */
enum status load_read_elf(struct load *load, struct boot_segment *segment);

#endif
