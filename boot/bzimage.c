// SPDX-License-Identifier: MIT
#include "boot/bzimage.h"

#include <stddef.h>

#include "boot/field.h"
#include "lib/string.h"

/* Offsets in the file, Documentation/arch/x86/boot.rst. */
enum {
	AT_SETUP_SECTS = 0x1f1, AT_BOOT_FLAG = 0x1fe, AT_JUMP = 0x200, AT_MAGIC = BZIMAGE_MAGIC_AT, AT_VERSION = 0x206,
	AT_KERNEL_VERSION = 0x20e, AT_LOADFLAGS = 0x211, AT_INITRD_ADDR_MAX = 0x22c, AT_ALIGNMENT = 0x230,
	AT_RELOCATABLE = 0x234, AT_MIN_ALIGNMENT = 0x235, AT_XLOADFLAGS = 0x236, AT_CMDLINE_SIZE = 0x238,
	AT_PAYLOAD_OFFSET = 0x248, AT_PAYLOAD_LENGTH = 0x24c, AT_SETUP_DATA = 0x250, AT_PREF_ADDRESS = 0x258,
	AT_INIT_SIZE = 0x260, AT_HANDOVER_OFFSET = 0x264, AT_KERNEL_INFO_OFFSET = 0x268,
};

#define MAGIC_LTOP		0x506f544cu	/* "LToP" */
#define PROTOCOL_MIN		0x020c		/* first with a 64-bit entry */
#define PROTOCOL_KERNEL_INFO	0x020f
#define HEADER_END_MIN		0x268		/* end of what protocol 2.12 defines */
#define LOADED_HIGH		0x01
#define XLF_KERNEL_64		0x01
#define XLF_ABOVE_4G		0x02
#define XLF_5LEVEL		0x20
#define ALIGNMENT_MAX		(1u << 30)
#define SETUP_SECTS_MAX		64
#define FILE_BYTES_MAX		BZIMAGE_INIT_SIZE_MAX
#define KERNEL_INFO_BYTES	16

/* Is it a Linux kernel that can be entered in 64-bit mode? */
static enum status check_kind(const char *name, const uint8_t *f, uint64_t file_size, struct problem *problem)
{
	if (file_size < BZIMAGE_HEADER_BYTES)
		return problem_set(problem, E_NOT_A_KERNEL, "%s: %llu bytes are too short for a Linux kernel", name,
				   (unsigned long long)file_size);
	if (field16(f + AT_BOOT_FLAG) != 0xaa55)
		return field_refuse(problem, E_NOT_A_KERNEL, name, "boot_flag", field16(f + AT_BOOT_FLAG),
			            "not 0xaa55: no Linux kernel");
	if (field32(f + AT_MAGIC) != BZIMAGE_MAGIC)
		return field_refuse(problem, E_NOT_A_KERNEL, name, "header", field32(f + AT_MAGIC),
			            "not \"HdrS\": no Linux kernel");
	if (field16(f + AT_VERSION) < PROTOCOL_MIN)
		return field_refuse(problem, E_NOT_A_KERNEL, name, "version", field16(f + AT_VERSION),
			            "boot protocol 0x20c or later is needed");
	if (!(f[AT_LOADFLAGS] & LOADED_HIGH))
		return field_refuse(problem, E_NOT_A_KERNEL, name, "loadflags", f[AT_LOADFLAGS],
			            "LOADED_HIGH missing: a zImage is not supported");
	if (!(field16(f + AT_XLOADFLAGS) & XLF_KERNEL_64))
		return field_refuse(problem, E_NOT_A_KERNEL, name, "xloadflags", field16(f + AT_XLOADFLAGS),
			            "no 64-bit entry point");
	return OK;
}

static enum status check_sizes(struct bzimage *image, const char *name, const uint8_t *f, struct problem *problem)
{
	unsigned sectors = f[AT_SETUP_SECTS] ? f[AT_SETUP_SECTS] : 4;
	unsigned header_end = AT_MAGIC + f[AT_JUMP + 1];

	if (sectors > SETUP_SECTS_MAX)
		return field_refuse(problem, E_KERNEL_HEADER, name, "setup_sects", sectors, "more than 64");
	image->setup_bytes = (sectors + 1) * 512;
	if (image->setup_bytes >= image->file_size)
		return field_refuse(problem, E_KERNEL_TRUNCATED, name, "setup_sects", sectors,
			            "the file ends before the kernel");
	if (image->file_size > FILE_BYTES_MAX)
		return field_refuse(problem, E_FILE_SIZE, name, "file size", image->file_size, "more than 512 MiB");
	image->pm_bytes = image->file_size - image->setup_bytes;
	if (f[AT_JUMP] != 0xeb)
		return field_refuse(problem, E_KERNEL_HEADER, name, "jump", f[AT_JUMP], "not a short jump");
	if (header_end < HEADER_END_MIN || header_end > SETUP_HEADER_END)
		return field_refuse(problem, E_KERNEL_HEADER, name, "header end", header_end,
				    "not within 0x268..0x290");
	image->header_length = header_end - SETUP_HEADER_START;
	memcpy(image->header, f + SETUP_HEADER_START, image->header_length);
	return OK;
}

static enum status check_memory(struct bzimage *image, const char *name, const uint8_t *f, struct problem *problem)
{
	uint32_t alignment = field32(f + AT_ALIGNMENT);
	unsigned min_alignment = f[AT_MIN_ALIGNMENT];

	if (alignment < 4096 || alignment > ALIGNMENT_MAX || (alignment & (alignment - 1)))
		return field_refuse(problem, E_KERNEL_HEADER, name, "kernel_alignment", alignment,
			            "not a power of two from 4 KiB to 1 GiB");
	if (min_alignment > 30 || (1u << min_alignment) > alignment)
		return field_refuse(problem, E_KERNEL_HEADER, name, "min_alignment", min_alignment,
			            "above kernel_alignment");
	image->alignment = alignment;
	image->init_size = field32(f + AT_INIT_SIZE);
	image->pref_address = field64(f + AT_PREF_ADDRESS);
	if (image->init_size > BZIMAGE_INIT_SIZE_MAX)
		return field_refuse(problem, E_KERNEL_HEADER, name, "init_size", image->init_size, "more than 512 MiB");
	if (image->init_size < image->pm_bytes)
		return field_refuse(problem, E_KERNEL_HEADER, name, "init_size", image->init_size,
			            "less than the kernel's bytes");
	if (image->pref_address > (1ull << 46) - image->init_size)
		return field_refuse(problem, E_KERNEL_HEADER, name, "pref_address", image->pref_address,
				    "beyond 64 TiB");
	image->relocatable = f[AT_RELOCATABLE];
	if (!image->relocatable && (image->pref_address < 1u << 20 || image->pref_address & 4095))
		return field_refuse(problem, E_KERNEL_HEADER, name, "pref_address", image->pref_address,
			            "a kernel that cannot be relocated wants a page above 1 MiB");
	if (field64(f + AT_SETUP_DATA))
		return field_refuse(problem, E_KERNEL_HEADER, name, "setup_data", field64(f + AT_SETUP_DATA),
			            "not 0 in the file");
	return OK;
}

/* Offsets into the protected-mode part; one that points behind it means that bytes are missing. */
static enum status check_offsets(struct bzimage *image, const char *name, const uint8_t *f, struct problem *problem)
{
	uint64_t payload_end = (uint64_t)field32(f + AT_PAYLOAD_OFFSET) + field32(f + AT_PAYLOAD_LENGTH);
	uint32_t handover = field32(f + AT_HANDOVER_OFFSET);
	uint32_t version = field16(f + AT_KERNEL_VERSION);

	if (image->pm_bytes <= BZIMAGE_ENTRY64)
		return field_refuse(problem, E_KERNEL_TRUNCATED, name, "kernel size", image->pm_bytes,
			            "the file ends before the 64-bit entry point");
	if (payload_end > image->pm_bytes)
		return field_refuse(problem, E_KERNEL_TRUNCATED, name, "payload_offset + payload_length", payload_end,
			            "the file ends before it");
	if ((uint64_t)handover + 0x200 >= image->pm_bytes)
		return field_refuse(problem, E_KERNEL_TRUNCATED, name, "handover_offset", handover,
			            "the file ends before it");
	if (version && version + 0x200 >= image->setup_bytes)
		return field_refuse(problem, E_KERNEL_HEADER, name, "kernel_version", version,
				    "outside the setup part");
	image->kernel_version_offset = version ? version + 0x200 : 0;
	if (image->version < PROTOCOL_KERNEL_INFO ||
	    SETUP_HEADER_START + image->header_length < AT_KERNEL_INFO_OFFSET + 4)
		return OK;
	image->kernel_info_offset = field32(f + AT_KERNEL_INFO_OFFSET);
	if ((uint64_t)image->kernel_info_offset + KERNEL_INFO_BYTES > image->pm_bytes)
		return field_refuse(problem, E_KERNEL_TRUNCATED, name, "kernel_info_offset", image->kernel_info_offset,
			            "the file ends before it");
	return OK;
}

enum status bzimage_check_header(struct bzimage *image, const char *name, const void *first, uint64_t file_size,
				 struct problem *problem)
{
	const uint8_t *f = first;
	enum status status;

	memset(image, 0, sizeof(*image));
	image->file_size = file_size;
	status = check_kind(name, f, file_size, problem);
	if (status)
		return status;
	image->version = field16(f + AT_VERSION);
	status = check_sizes(image, name, f, problem);
	if (!status)
		status = check_memory(image, name, f, problem);
	if (!status)
		status = check_offsets(image, name, f, problem);
	if (status)
		return status;
	image->above_4g = field16(f + AT_XLOADFLAGS) & XLF_ABOVE_4G;
	image->five_level = field16(f + AT_XLOADFLAGS) & XLF_5LEVEL;
	image->initrd_max = image->above_4g ? 1ull << 46 : (uint64_t)field32(f + AT_INITRD_ADDR_MAX) + 1;
	image->cmdline_max = field32(f + AT_CMDLINE_SIZE);
	return OK;
}

enum status bzimage_check_setup(const struct bzimage *image, const char *name, const void *setup, char *version,
				unsigned version_size, struct problem *problem)
{
	const char *text = (const char *)setup + image->kernel_version_offset;
	size_t room = image->setup_bytes - image->kernel_version_offset, length;

	if (version && version_size)
		version[0] = '\0';
	if (!image->kernel_version_offset)
		return OK;
	length = strnlen(text, room);
	if (length == room)
		return problem_set(problem, E_KERNEL_HEADER, "%s: kernel_version has no end inside the setup part",
				   name);
	if (!version || !version_size)
		return OK;
	if (length > version_size - 1)
		length = version_size - 1;
	for (size_t i = 0; i < length; i++)
		version[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	version[length] = '\0';
	return OK;
}

enum status bzimage_check_kernel_info(struct bzimage *image, const char *name, const void *pm, struct problem *problem)
{
	const uint8_t *info = (const uint8_t *)pm + image->kernel_info_offset;
	uint64_t rest = image->pm_bytes - image->kernel_info_offset;
	uint32_t size, total;

	if (!image->kernel_info_offset)
		return OK;
	if (field32(info) != MAGIC_LTOP)
		return field_refuse(problem, E_KERNEL_HEADER, name, "kernel_info", field32(info), "not \"LToP\"");
	size = field32(info + 4);
	total = field32(info + 8);
	if (size < 12 || size > total)
		return field_refuse(problem, E_KERNEL_HEADER, name, "kernel_info.size", size,
				    "not within 12..size_total");
	if (total > rest)
		return field_refuse(problem, E_KERNEL_HEADER, name, "kernel_info.size_total", total, "beyond the file");
	if (size >= KERNEL_INFO_BYTES)
		image->setup_type_max = field32(info + 12);
	return OK;
}
