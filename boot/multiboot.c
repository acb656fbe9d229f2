// SPDX-License-Identifier: MIT
#include "boot/multiboot.h"

#include <stddef.h>

#include "boot/field.h"
#include "lib/string.h"

#define MAGIC_1		0x1badb002u
#define MAGIC_2		0xe85250d6u
#define SEARCH_1	8192u
#define HEADER_1_BYTES	12u
#define HEADER_2_BYTES	16u
#define LOW_END		(1u << 20)

/* Version 1: bits that an image may set so that it must be refused by who does not know them. */
#define FLAGS_1_NEEDED	0x0000ffffu
#define FLAGS_1_KNOWN	0x00000007u	/* page alignment, memory map, video mode */
#define FLAG_1_ADDRESSES 0x00010000u

enum { AT_FLAGS_1 = 4, AT_HEADER_ADDRESS_1 = 12, ADDRESSES_1_END = 32 };
enum { AT_ARCHITECTURE = 4, AT_LENGTH = 8, AT_TAG_TYPE = 0, AT_TAG_FLAGS = 2, AT_TAG_SIZE = 4, TAG_BYTES = 8 };

enum tag {
	TAG_END, TAG_INFORMATION, TAG_ADDRESS, TAG_ENTRY, TAG_CONSOLE, TAG_FRAMEBUFFER, TAG_MODULE_ALIGN,
	TAG_BOOT_SERVICES, TAG_ENTRY_EFI32, TAG_ENTRY_EFI64, TAG_RELOCATABLE, TAG_COUNT,
};

#define TAG_OPTIONAL 1u

/* Of each known tag; an information request has four bytes more for each item. */
static const uint8_t tag_bytes[TAG_COUNT] = { 8, 8, 24, 12, 12, 20, 8, 8, 12, 12, 24 };

/* The four fields that both versions have. */
struct addresses {
	uint64_t header, load, load_end, bss_end;
};

/* Where the header is tells where the rest of the image is in the file. */
static enum status check_addresses(struct multiboot *image, const char *name, const struct addresses *a,
				   uint64_t file_size, struct problem *problem)
{
	uint64_t before = a->header - a->load, bytes;

	if (a->load < LOW_END)
		return field_refuse(problem, E_KERNEL_HEADER, name, "load_addr", a->load, "below 1 MiB");
	if (a->header < a->load || before > image->offset)
		return field_refuse(problem, E_KERNEL_HEADER, name, "header_addr", a->header,
				    "not where the header is, seen from load_addr");
	if (a->load_end && a->load_end < a->header)
		return field_refuse(problem, E_KERNEL_HEADER, name, "load_end_addr", a->load_end, "below header_addr");
	image->file_offset = image->offset - before;
	bytes = a->load_end ? a->load_end - a->load : file_size - image->file_offset;
	if (bytes > file_size - image->file_offset)
		return field_refuse(problem, E_KERNEL_TRUNCATED, name, "load_end_addr", a->load_end,
				    "the file ends before it");
	if (a->load + bytes > 1ull << 32)
		return field_refuse(problem, E_KERNEL_HEADER, name, "end of the image", a->load + bytes,
				    "beyond 4 GiB");
	if (a->bss_end && a->bss_end < a->load + bytes)
		return field_refuse(problem, E_KERNEL_HEADER, name, "bss_end_addr", a->bss_end,
				    "below the image's end");
	image->addresses = true;
	image->load_address = a->load;
	image->file_size = bytes;
	image->memory_size = a->bss_end ? a->bss_end - a->load : bytes;
	return OK;
}

static enum status check_entry(const struct multiboot *image, const char *name, struct problem *problem)
{
	if (image->entry < image->load_address || image->entry - image->load_address >= image->file_size)
		return field_refuse(problem, E_KERNEL_HEADER, name, "entry_addr", image->entry,
				    "outside the loaded bytes");
	return OK;
}

static enum status check_version_1(struct multiboot *image, const char *name, const uint8_t *header, uint64_t rest,
				   uint64_t file_size, struct problem *problem)
{
	uint32_t unknown = image->requests & FLAGS_1_NEEDED & ~FLAGS_1_KNOWN;
	struct addresses a;
	enum status status;

	if (unknown)
		return field_refuse(problem, E_KERNEL_HEADER, name, "multiboot flags", image->requests,
				    "it needs something unknown");
	if (!(image->requests & FLAG_1_ADDRESSES))
		return OK;
	if (rest < ADDRESSES_1_END)
		return field_refuse(problem, E_KERNEL_TRUNCATED, name, "multiboot header's offset", image->offset,
				    "it ends beyond what may hold it");
	header += AT_HEADER_ADDRESS_1;
	a = (struct addresses){ field32(header), field32(header + 4), field32(header + 8), field32(header + 12) };
	status = check_addresses(image, name, &a, file_size, problem);
	image->entry = field32(header + 16);
	return status ? status : check_entry(image, name, problem);
}

static enum status refuse_tag(const char *name, unsigned type, uint64_t size, const char *reason,
			      struct problem *problem)
{
	return problem_set(problem, E_KERNEL_HEADER, "%s: multiboot2 tag %u: size is %llu, %s", name, type,
			   (unsigned long long)size, reason);
}

static enum status take_needs(struct multiboot *image, const char *name, const uint8_t *tag, uint32_t size,
			      struct problem *problem)
{
	for (uint32_t at = TAG_BYTES; at < size && !(field16(tag + AT_TAG_FLAGS) & TAG_OPTIONAL); at += 4) {
		uint32_t type = field32(tag + at);

		if (type > 63)
			return field_refuse(problem, E_KERNEL_HEADER, name, "multiboot2 information request", type,
					    "unknown and not optional");
		image->needs |= 1ull << type;
	}
	return OK;
}

static enum status take_range(struct multiboot *image, const char *name, const uint8_t *body, struct problem *problem)
{
	image->relocatable = true;
	image->min_address = field32(body);
	image->max_address = field32(body + 4);
	image->align = field32(body + 8);
	if (!image->align || image->align & (image->align - 1) || image->align > 1u << 30)
		return field_refuse(problem, E_KERNEL_HEADER, name, "multiboot2 tag 10: align", image->align,
				    "not a power of two up to 1 GiB");
	if (image->max_address < image->min_address)
		return field_refuse(problem, E_KERNEL_HEADER, name, "multiboot2 tag 10: max_addr", image->max_address,
				    "below min_addr");
	return OK;
}

/* One tag, whose size keeps it inside the header. */
static enum status check_tag(struct multiboot *image, const char *name, const uint8_t *tag, uint64_t file_size,
			     struct problem *problem)
{
	unsigned type = field16(tag + AT_TAG_TYPE);
	uint32_t size = field32(tag + AT_TAG_SIZE);
	struct addresses a;

	if (type >= TAG_COUNT) {
		if (field16(tag + AT_TAG_FLAGS) & TAG_OPTIONAL)
			return OK;
		return problem_set(problem, E_KERNEL_HEADER, "%s: multiboot2 tag %u is unknown and not optional", name,
				   type);
	}
	if (type == TAG_INFORMATION ? size % 4 : size != tag_bytes[type])
		return refuse_tag(name, type, size, "which that type does not have", problem);
	/* What is requested may be spread over several tags. */
	if (type != TAG_INFORMATION && image->requests >> type & 1)
		return problem_set(problem, E_KERNEL_HEADER, "%s: a second multiboot2 tag %u", name, type);
	image->requests |= 1u << type;
	image->efi_entry = !(~image->requests & (1u << TAG_BOOT_SERVICES | 1u << TAG_ENTRY_EFI64));
	if (type == TAG_BOOT_SERVICES)
		image->boot_services_needed = !(field16(tag + AT_TAG_FLAGS) & TAG_OPTIONAL);
	if (type == TAG_ENTRY)
		image->entry = field32(tag + TAG_BYTES);
	if (type == TAG_INFORMATION)
		return take_needs(image, name, tag, size, problem);
	if (type == TAG_RELOCATABLE)
		return take_range(image, name, tag + TAG_BYTES, problem);
	if (type != TAG_ADDRESS)
		return OK;
	tag += TAG_BYTES;
	a = (struct addresses){ field32(tag), field32(tag + 4), field32(tag + 8), field32(tag + 12) };
	return check_addresses(image, name, &a, file_size, problem);
}

static enum status check_version_2(struct multiboot *image, const char *name, const uint8_t *header, uint64_t rest,
				   uint64_t file_size, struct problem *problem)
{
	uint32_t length = field32(header + AT_LENGTH);
	enum status status = OK;

	if (field32(header + AT_ARCHITECTURE))
		return field_refuse(problem, E_KERNEL_HEADER, name, "multiboot2 architecture",
				    field32(header + AT_ARCHITECTURE), "not 0 (i386)");
	if (length < HEADER_2_BYTES || length > MULTIBOOT_SEARCH_MAX - image->offset)
		return field_refuse(problem, E_KERNEL_HEADER, name, "multiboot2 header_length", length,
				    "less than 16 or beyond 32 KiB of the file");
	if (length > rest)
		return field_refuse(problem, E_KERNEL_TRUNCATED, name, "multiboot2 header_length", length,
				    "the file ends before it");
	/* Each turn takes at least a tag's own bytes, so it ends. */
	for (uint64_t at = HEADER_2_BYTES, size; !status; at += (size + 7) & ~7ull) {
		if (at + TAG_BYTES > length)
			return problem_set(problem, E_KERNEL_HEADER, "%s: multiboot2 header without an end tag", name);
		size = field32(header + at + AT_TAG_SIZE);
		if (size < TAG_BYTES || size > length - at)
			return refuse_tag(name, field16(header + at + AT_TAG_TYPE), size,
					  "less than 8 or beyond the header", problem);
		if (field16(header + at + AT_TAG_TYPE) == TAG_END && size == TAG_BYTES)
			break;
		status = check_tag(image, name, header + at, file_size, problem);
	}
	if (!status && image->addresses)
		status = check_entry(image, name, problem);
	return status;
}

/* The first header of a version, or there bytes: none. */
static uint32_t find_header(const uint8_t *f, uint64_t there, unsigned version)
{
	uint64_t search = version == 1 && there > SEARCH_1 ? SEARCH_1 : there;
	unsigned step = version == 1 ? 4 : 8, bytes = version == 1 ? HEADER_1_BYTES : HEADER_2_BYTES;

	for (uint32_t at = 0; at + bytes <= search; at += step) {
		uint32_t sum = field32(f + at) + field32(f + at + 4) + field32(f + at + 8);

		if (version == 1 ? field32(f + at) == MAGIC_1 && !sum :
				   field32(f + at) == MAGIC_2 && !(sum + field32(f + at + 12)))
			return at;
	}
	return (uint32_t)there;
}

/* Version 2 first: it can be told more. */
enum status multiboot_check(struct multiboot *image, const char *name, const void *first, uint64_t file_size,
			    struct problem *problem)
{
	uint64_t there = file_size < MULTIBOOT_SEARCH_MAX ? file_size : MULTIBOOT_SEARCH_MAX;
	const uint8_t *f = first;

	memset(image, 0, sizeof(*image));
	image->offset = find_header(f, there, 2);
	if (image->offset < there) {
		image->version = 2;
		return check_version_2(image, name, f + image->offset, there - image->offset, file_size, problem);
	}
	image->offset = find_header(f, there, 1);
	if (image->offset == there)
		return OK;
	image->version = 1;
	image->requests = field32(f + image->offset + AT_FLAGS_1);
	return check_version_1(image, name, f + image->offset, there - image->offset, file_size, problem);
}
