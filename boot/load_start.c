// SPDX-License-Identifier: MIT
/*
 * Images that are entered in 32-bit protected mode: Multiboot, Multiboot2, and ELF files with PVH's note. All are a few
 * segments to be put where they say, an entry, and modules (the entry's initrds) below 4 GiB. What they ask for beyond
 * that and cannot get is a reason to refuse, in one line.
 */
#include <stddef.h>

#include "boot/load_open.h"
#include "boot/place.h"
#include "lib/string.h"

#define FOUR_GIB	(1ull << 32)
#define HIGH_START	(1ull << 20)
#define CMDLINE_OF_START 4095u

/* Information that a Multiboot2 image may insist on, by type: what boot/start_info.c gives. */
#define INFORMATION_GIVEN (1ull << 0 | 1ull << 1 | 1ull << 2 | 1ull << 3 | 1ull << 4 | 1ull << 6 | 1ull << 8 | \
			   1ull << 12 | 1ull << 14 | 1ull << 15 | 1ull << 17 | 1ull << 21)

/* What the loop needs to know: one run from the first segment to the last. */
static enum status describe(struct load *load, enum next_protocol protocol, const char *entry_field)
{
	struct load_work *work = load->work;
	const struct load_file *file = &work->files[0];
	const struct elf *elf = &work->elf;
	struct bzimage *image = &work->image;
	uint64_t end = elf->start;

	for (unsigned i = 0; i < elf->load_count; i++)
		if (elf->loads[i].file_size)
			end = elf->loads[i].address + elf->loads[i].file_size;
	memset(image, 0, sizeof(*image));
	image->file_size = file->size;
	image->pref_address = elf->start & ~(PLACE_PAGE - 1);
	image->pm_bytes = end - image->pref_address;
	image->init_size = (elf->end - image->pref_address + PLACE_PAGE - 1) & ~(PLACE_PAGE - 1);
	image->alignment = PLACE_PAGE;
	image->initrd_max = FOUR_GIB;
	image->cmdline_max = CMDLINE_OF_START;
	load->plan->protocol = protocol;
	work->place = (struct place_request){
		.kind = PLACE_KERNEL, .size = image->init_size, .align = PLACE_PAGE, .min = image->pref_address,
		.preferred = image->pref_address, .max = image->pref_address + image->init_size,
	};
	if (elf->end > FOUR_GIB)
		return problem_set(load->problem, E_KERNEL_HEADER, "%s: memory up to 0x%llx: its entry has 32 bits",
				   file->path, (unsigned long long)elf->end);
	return elf_check_entry(elf, file->path, entry_field, elf->entry, load->problem);
}

enum status load_open_pvh(struct load *load)
{
	struct load_work *work = load->work;

	work->elf.entry = work->elf.pvh_entry;
	return describe(load, NEXT_PVH, "PVH entry");
}

/* The header says what goes where: one segment, as if ELF had said so. */
static void use_addresses(struct elf *elf, const struct multiboot *image)
{
	memset(elf, 0, sizeof(*elf));
	elf->load_count = 1;
	elf->loads[0] = (struct elf_segment){
		.offset = image->file_offset, .file_size = image->file_size, .address = image->load_address,
		.memory_size = image->memory_size,
	};
	elf->start = image->load_address;
	elf->end = image->load_address + image->memory_size;
}

static enum status check_wishes(struct load *load, const struct multiboot *image)
{
	const char *path = load->work->files[0].path;
	uint64_t missing = image->needs & ~INFORMATION_GIVEN;

	/* Xen says that this is optional, and halts when it finds EFI's tables without boot services. */
	if (image->boot_services_needed || (image->efi_entry && load->source->efi))
		return problem_set(load->problem, E_NOT_SUPPORTED, "%s: a Multiboot2 image that needs firmware's boot "
				   "services alive, which end before it starts: try efi", path);
	if (missing)
		return problem_set(load->problem, E_NOT_SUPPORTED, "%s: a Multiboot2 image that needs information of "
				   "type %u, which Baton does not have", path, (unsigned)__builtin_ctzll(missing));
	return OK;
}

/* Multiboot2's tag 10: anywhere in a range, as a whole. */
static enum status use_range(struct load *load, const struct multiboot *image)
{
	struct place_request *place = &load->work->place;

	if (!image->relocatable)
		return OK;
	place->min = (image->min_address + image->align - 1) & ~(uint64_t)(image->align - 1);
	place->max = (uint64_t)image->max_address + 1;
	place->align = image->align > PLACE_PAGE ? image->align : PLACE_PAGE;
	if (place->min < HIGH_START)
		place->min = HIGH_START;
	if (place->max < place->min || place->max - place->min < place->size)
		return problem_set(load->problem, E_KERNEL_HEADER, "%s: multiboot2 tag 10: 0x%x..0x%x does not hold "
				   "0x%llx bytes", load->work->files[0].path, image->min_address, image->max_address,
				   (unsigned long long)place->size);
	if (load->work->image.pref_address & (place->align - 1))
		place->preferred = 0;
	return OK;
}

enum status load_open_multiboot(struct load *load, const struct multiboot *image)
{
	struct load_work *work = load->work;
	const struct load_file *file = &work->files[0];
	enum status status = check_wishes(load, image);

	if (!status && image->addresses)
		use_addresses(&work->elf, image);
	else if (!status)
		status = elf_check(&work->elf, file->path, work->first, file->size, load->problem);
	if (status)
		return status;
	if (image->entry)
		work->elf.entry = image->entry;
	status = describe(load, image->version == 2 ? NEXT_MULTIBOOT2 : NEXT_MULTIBOOT1,
			  image->entry ? "entry_addr" : "e_entry");
	return status ? status : use_range(load, image);
}
