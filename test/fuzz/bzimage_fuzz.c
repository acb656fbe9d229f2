// SPDX-License-Identifier: MIT
/*
 * A good header with the input laid over it, in a file of the size that the input says: what passes keeps every
 * access of the later steps inside the buffers, and a place can be asked for.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "boot/bzimage.h"
#include "boot/place.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct { unsigned offset, bytes; uint64_t value; } good[] = {
	{ 0x1f1, 1, 1 }, { 0x1fe, 2, 0xaa55 }, { 0x200, 2, 0x6aeb }, { 0x202, 4, 0x53726448 }, { 0x206, 2, 0x20f },
	{ 0x20e, 2, 0x100 }, { 0x211, 1, 1 }, { 0x22c, 4, 0x7fffffff }, { 0x230, 4, 0x200000 }, { 0x234, 1, 1 },
	{ 0x235, 1, 21 }, { 0x236, 2, 0x3f }, { 0x238, 4, 2047 }, { 0x258, 8, 0x1000000 }, { 0x260, 4, 0x200000 },
	{ 0x268, 4, 0x300 }, { 0x700, 4, 0x506f544c }, { 0x704, 4, 16 }, { 0x708, 4, 16 },
};

static void want(bool so)
{
	if (!so)
		__builtin_trap();
}

static void check_good(struct bzimage *image, const uint8_t *file)
{
	uint8_t *setup = malloc(image->setup_bytes), *pm = malloc(image->pm_bytes);
	struct place_request request;
	struct problem p = { 0 };
	char version[32];

	memcpy(setup, file, image->setup_bytes);
	memcpy(pm, file + image->setup_bytes, image->pm_bytes);
	(void)bzimage_check_setup(image, "k", setup, version, sizeof(version), &p);
	(void)bzimage_check_kernel_info(image, "k", pm, &p);
	free(setup);
	free(pm);
	place_request_kernel(&request, image);
	want(request.size >= image->init_size && request.size >= image->pm_bytes);
	want(request.align && !(request.align & (request.align - 1)));
	if (request.preferred)
		want(!place_check(&request, request.preferred, &p) || request.preferred + request.size > request.max);
	place_request_initrd(&request, image, 1);
	want(request.size == 4096);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t file[80 << 10];
	struct problem p = { 0 };
	struct bzimage image;
	uint64_t length;
	uint8_t *first;

	if (size < 3)
		return 0;
	/* Changes are triples: where in the header, two bytes of it. */
	length = (uint64_t)(data[0] | data[1] << 8) % sizeof(file) + (data[2] & 1 ? 0x400 : 0);
	length = length > sizeof(file) ? sizeof(file) : length;
	memset(file, 0, sizeof(file));
	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		for (unsigned k = 0; k < good[i].bytes; k++)
			file[good[i].offset + k] = (uint8_t)(good[i].value >> (8 * k));
	for (data += 3, size -= 3; size >= 3; data += 3, size -= 3) {
		unsigned at = data[0] < 0xf0 ? 0x1f1 + data[0] : 0x700 + (data[0] - 0xf0) * 2;

		file[at] = data[1];
		file[at + 1] = data[2];
	}
	first = malloc(length ? length : 1);
	memcpy(first, file, length < BZIMAGE_HEADER_BYTES ? length : BZIMAGE_HEADER_BYTES);
	if (bzimage_check_header(&image, "k", first, length, &p))
		want(p.code && p.text[0]);
	else
		check_good(&image, file);
	free(first);
	return 0;
}
