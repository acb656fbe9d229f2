// SPDX-License-Identifier: MIT
/* What kind of image an entry names: the kernel's file is opened and judged by its first bytes. */
#include <stddef.h>

#include "boot/field.h"
#include "boot/load_open.h"
#include "boot/multiboot.h"
#include "lib/string.h"

static uint32_t first_bytes(const struct load_file *file)
{
	return file->size < BZIMAGE_HEADER_BYTES ? (uint32_t)file->size : BZIMAGE_HEADER_BYTES;
}

/* Kernels may be PE files too: the boot protocol's mark goes first. */
static bool is_bzimage(const struct load_file *file, const uint8_t *first)
{
	return file->size >= BZIMAGE_HEADER_BYTES && field32(first + BZIMAGE_MAGIC_AT) == BZIMAGE_MAGIC;
}

/* What packed the file as a whole, NULL: nothing that is known. */
static const char *packer(const uint8_t *first)
{
	static const struct { const char *name; uint32_t mask, mark; } known[] = {
		{ "gzip", 0xffff, 0x8b1f }, { "xz", 0xffffffff, 0x587a37fd }, { "zstd", 0xffffffff, 0xfd2fb528 },
		{ "bzip2", 0xffffff, 0x685a42 }, { "lzma", 0xffffff, 0x5d }, { "lz4", 0xffffffff, 0x184d2204 },
		{ "lz4", 0xffffffff, 0x184c2102 },
	};

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if ((field32(first) & known[i].mask) == known[i].mark)
			return known[i].name;
	return NULL;
}

/* Something else, whose first bytes up to done are in work->setup; what nobody knows is left to be refused as a
 * kernel. */
static enum status open_other(struct load *load, const struct entry *entry)
{
	struct load_work *work = load->work;
	struct load_file *file = &work->files[0];
	uint32_t length = file->size < LOAD_FIRST_BYTES ? (uint32_t)file->size : LOAD_FIRST_BYTES;
	uint32_t done = (uint32_t)file->done;
	struct multiboot multiboot;
	enum status status = OK;

	/* Marks are looked for in a file of a few bytes, too. */
	memset(work->first, 0, BZIMAGE_HEADER_BYTES);
	memcpy(work->first, work->setup, done);
	if (done < length)
		status = load_read_next(load, file, work->first + done, length - done);
	if (status)
		return status;
	if (packer(work->first))
		return problem_set(load->problem, E_NOT_SUPPORTED,
				   "%s: packed with %s; Baton starts what is in it, unpacked", file->path,
				   packer(work->first));
	if ((work->first[0] == 'M' && work->first[1] == 'Z') || entry->uki_path[0]) {
		status = load_open_uki(load, entry);
		return status ? status : load_read_next(load, file, work->setup, first_bytes(file));
	}
	status = multiboot_check(&multiboot, file->path, work->first, file->size, load->problem);
	if (!status && multiboot.version)
		return load_open_multiboot(load, &multiboot);
	return !status && elf_recognise(work->first) ? load_open_elf(load) : status;
}

enum status load_refuse_profile(const struct entry *entry, struct problem *problem)
{
	if (!entry->profile)
		return OK;
	return problem_set(problem, E_ENTRY_INVALID, "%s: profile %u, but %s is no unified kernel image", entry->file,
			   entry->profile, entry_image(entry));
}

enum status load_open_kernel(struct load *load, const struct entry *entry)
{
	struct load_work *work = load->work;
	struct boot_plan *plan = load->plan;
	struct load_file *file = &load->work->files[0];
	struct bzimage *image = &work->image;
	enum status status = load_open_file(load, entry, entry_image(entry));

	if (!status)
		status = load_read_next(load, file, work->setup, first_bytes(file));
	if (!status && !is_bzimage(file, work->setup))
		status = open_other(load, entry);
	if (!status && !work->elf.load_count)
		status = bzimage_check_header(image, file->path, work->setup, file->size, load->problem);
	if (!status && !work->container.handle)
		status = load_refuse_profile(entry, load->problem);
	if (status)
		return status;
	memcpy(plan->setup_header, image->header, image->header_length);
	plan->setup_header_length = image->header_length;
	plan->kernel_init_size = image->init_size;
	plan->kernel_alignment = image->alignment;
	plan->kernel_5level = image->five_level;
	plan->kernel_above_4g = image->above_4g;
	return OK;
}
