// SPDX-License-Identifier: MIT
/* Any bytes as something with a Multiboot header, their checksum mended: what passes lies inside the file and below 4 GiB. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "boot/field.h"
#include "boot/multiboot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t file[4096];

static void want(bool so)
{
	if (!so)
		__builtin_trap();
}

/* The sum that an intended header lacks; a fuzzer would look for it for long. */
static void mend(size_t size)
{
	for (size_t at = 0; at + 16 <= size; at += 4) {
		unsigned words = field32(file + at) == 0x1badb002 ? 2 : field32(file + at) == 0xe85250d6 ? 3 : 0;
		uint32_t sum = 0;

		for (unsigned i = 0; i < words; i++)
			sum -= field32(file + at + 4 * i);
		if (words)
			memcpy(file + at + 4 * words, &sum, 4);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problem p = { 0 };
	struct multiboot image;

	size = size < sizeof(file) ? size : sizeof(file);
	memcpy(file, data, size);
	mend(size);
	if (multiboot_check(&image, "x", file, size, &p)) {
		want(p.code && p.text[0]);
		return 0;
	}
	want(image.version <= 2);
	if (image.relocatable)
		want(image.align && !(image.align & (image.align - 1)) && image.min_address <= image.max_address);
	if (!image.version || !image.addresses)
		return 0;
	want(image.file_size <= size && image.file_offset <= size - image.file_size);
	want(image.memory_size >= image.file_size && image.load_address + image.memory_size <= 1ull << 32);
	want(image.entry >= image.load_address && image.entry < image.load_address + image.file_size);
	return 0;
}
