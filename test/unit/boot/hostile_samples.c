// SPDX-License-Identifier: MIT
#include "test/unit/boot/support.h"
#include "test/unit/boot/hostile_samples.h"
#include "test/unit/boot/pe_make.h"

#include <stdlib.h>
#include <string.h>

#include "boot/efimap.h"
#include "boot/setup_data.h"

/* The kernel: 2 KiB of setup part, 16 KiB behind it. */
#define BZ_PM		0x4000u
#define BZ_BYTES	(KERNEL_SETUP_BYTES + BZ_PM)

/* The unified kernel image: .text, .cmdline, .reloc, .linux. */
#define UKI_RELOC	0x1400u
#define UKI_LINUX_AT	0x1600u
#define DIRECTORY(i)	(PE_MADE_OPTIONAL + 112 + 8 * (i))

/* The ELF file: PT_LOAD, PT_LOAD with the entry, PT_NOTE with Linux's note. */
#define ELF_ROW(i)	(64 + 56 * (i))
#define ELF_NOTE	0x2000u
#define ELF_BYTES	0x2014u

/* The Multiboot2 image: header at 0x40 with addresses, entry, an optional tag, the end. */
#define MB		0x40u
#define MB_TAG(n)	(MB + 16 + (n))
#define MB_BYTES	0x9000u

#define NODE(n)		(32u * (n))

const struct sample samples[] = {
#include "test/unit/boot/hostile_rows.inc"
};

const unsigned sample_count = sizeof(samples) / sizeof(samples[0]);

static const struct { const char *name; enum image image; } checks[] = {
#define C5(name, image, check) { #name, image },
#include "test/unit/boot/c5.def"
#undef C5
};

enum image c5_image(enum c5 check)
{
	return checks[check].image;
}

const char *c5_name(enum c5 check)
{
	return checks[check].name;
}

static uint64_t make_kernel(uint8_t *file)
{
	uint8_t *whole = malloc(KERNEL_BYTES);

	kernel_make(whole);
	memcpy(file, whole, BZ_BYTES);
	free(whole);
	kernel_put(file, 0x24c, 4, 0x1000);
	return BZ_BYTES;
}

static uint64_t make_uki(uint8_t *file)
{
	uint8_t kernel[BZ_BYTES], block[12] = { 0 };
	struct pe_made made;

	make_kernel(kernel);
	pe_make(&made, file, SAMPLE_ROOM);
	pe_add(&made, ".cmdline", "root=x", 6);
	kernel_put(block, 0, 4, 0x1000);
	kernel_put(block, 4, 4, sizeof(block));
	kernel_put(block, 8, 2, 0xa010);
	pe_add(&made, ".reloc", block, sizeof(block));
	kernel_put(file, DIRECTORY(5), 4, 0x3000);
	kernel_put(file, DIRECTORY(5) + 4, 4, sizeof(block));
	pe_add(&made, ".linux", kernel, sizeof(kernel));
	return made.size;
}

static void elf_row(uint8_t *file, unsigned i, uint32_t type, uint64_t offset, uint64_t address, uint64_t bytes)
{
	kernel_put(file, ELF_ROW(i), 4, type);
	kernel_put(file, ELF_ROW(i) + 8, 8, offset);
	kernel_put(file, ELF_ROW(i) + 24, 8, address);
	kernel_put(file, ELF_ROW(i) + 32, 8, bytes);
	kernel_put(file, ELF_ROW(i) + 40, 8, bytes);
}

static uint64_t make_elf(uint8_t *file)
{
	memset(file, 0, ELF_BYTES);
	memcpy(file, "\177ELF\2\1\1", 7);
	kernel_put(file, 16, 2, 2);
	kernel_put(file, 18, 2, 62);
	kernel_put(file, 24, 8, 0x20200010);
	kernel_put(file, 32, 8, 64);
	kernel_put(file, 52, 2, 64);
	kernel_put(file, 54, 2, 56);
	kernel_put(file, 56, 2, 3);
	elf_row(file, 0, 1, 0x1800, 0x20400000, 0x800);
	elf_row(file, 1, 1, 0x1000, 0x20200000, 0x800);
	elf_row(file, 2, 4, ELF_NOTE, 0, 0x14);
	kernel_put(file, ELF_NOTE, 4, 6);
	memcpy(file + ELF_NOTE + 12, "Linux", 6);
	return ELF_BYTES;
}

static void sum_multiboot(uint8_t *file)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < 12; i++)
		sum -= (uint32_t)file[MB + i] << (8 * (i % 4));
	kernel_put(file, MB + 12, 4, sum);
}

static uint64_t make_multiboot(uint8_t *file)
{
	static const uint32_t tags[] = { 2, 24, 0x100000 + MB, 0x100000, 0x108000, 0x10c000, 3, 12, 0x101000, 0,
					 0x10063, 8, 0, 8 };

	memset(file, 0, MB_BYTES);
	kernel_put(file, MB, 4, 0xe85250d6);
	kernel_put(file, MB + 8, 4, 16 + sizeof(tags));
	memcpy(file + MB + 16, tags, sizeof(tags));
	sum_multiboot(file);
	return MB_BYTES;
}

/* Three nodes, the second points to 16 bytes elsewhere, the third holds two entries of e820. */
static uint64_t make_setup_data(uint8_t *file)
{
	uint64_t target[] = { 0x80000001, 16, SAMPLE_RAM + 0x3000 };

	memset(file, 0, SAMPLE_RAM_BYTES);
	kernel_put(file, NODE(0), 8, SAMPLE_RAM + NODE(1));
	kernel_put(file, NODE(0) + 8, 4, SETUP_DATA_RNG_SEED);
	kernel_put(file, NODE(1), 8, SAMPLE_RAM + NODE(3));
	kernel_put(file, NODE(1) + 8, 4, SETUP_DATA_INDIRECT);
	kernel_put(file, NODE(1) + 12, 4, sizeof(target));
	memcpy(file + NODE(1) + 16, target, sizeof(target));
	kernel_put(file, NODE(3) + 8, 4, SETUP_DATA_E820_EXT);
	kernel_put(file, NODE(3) + 12, 4, 40);
	/* A list of too many, for who starts there. */
	for (unsigned i = 8; i < 8 + SETUP_DATA_NODES_MAX + 1; i++)
		kernel_put(file, NODE(i), 8, i < 8 + SETUP_DATA_NODES_MAX ? SAMPLE_RAM + NODE(i + 1) : 0);
	return SAMPLE_RAM_BYTES;
}

/* Two descriptors in the wrong order. */
static uint64_t make_map(uint8_t *file)
{
	const struct efi_descriptor d[] = { { .type = EFI_TYPE_CONVENTIONAL, .phys = 0x200000, .pages = 16 },
					    { .type = EFI_TYPE_CONVENTIONAL, .phys = 0x100000, .pages = 16 } };

	memcpy(file, d, sizeof(d));
	return sizeof(d);
}

static uint64_t make_e820(uint8_t *file)
{
	const struct e820_entry e[] = { { 0, 0x9f000, E820_RAM }, { 0x100000, 0x10000000, E820_RAM } };

	memcpy(file, e, sizeof(e));
	return sizeof(e);
}

static uint64_t make_text(uint8_t *file)
{
	static const char text[] = "title Sample\nlinux /vmlinuz\noptions ";

	memset(file, ' ', SAMPLE_ROOM);
	memcpy(file, text, sizeof(text) - 1);
	file[100] = '\n';
	return 101;
}

static uint64_t make_initrd(uint8_t *file)
{
	*file = 1;
	return 1;
}

uint64_t sample_sound(enum image image, uint8_t *file)
{
	static uint64_t (*const make[IMAGE_COUNT])(uint8_t *file) = {
		make_kernel, make_uki, make_elf, make_multiboot, make_setup_data, make_map, make_e820, make_initrd,
		make_text,
	};

	return make[image](file);
}

uint64_t sample_make(const struct sample *sample, uint8_t *file)
{
	enum image image = c5_image(sample->check);
	uint64_t size = sample_sound(image, file);

	for (unsigned i = 0; i < 4; i++)
		kernel_put(file, sample->edits[i].offset, sample->edits[i].bytes, sample->edits[i].value);
	if (image == MULTIBOOT2)
		sum_multiboot(file);
	return sample->size ? sample->size : size;
}
