// SPDX-License-Identifier: MIT
/*
 * Any page as boot_params, its e820 list as a memory map: what gets through is sorted and apart, and a screen fits its
 * lines.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "boot/e820.h"
#include "boot/params_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t page[PARAMS_BYTES] __attribute__((aligned(8)));
static uint8_t buffer[300 * sizeof(struct efi_descriptor)] __attribute__((aligned(8)));

static void want(bool so)
{
	if (!so)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct efi_map map = { .base = (uintptr_t)buffer, .capacity = sizeof(buffer) };
	struct params_in in;
	struct problem p = { 0 };

	memset(page, 0, sizeof(page));
	memcpy(page + 0x202, "HdrS", 4);
	page[0x207] = 2;
	page[0x206] = 0xf;
	/* Half of the inputs go to the e820 list alone. */
	if (size && data[0] & 1 && size < sizeof(page) - 0x2d0) {
		memcpy(page + 0x2d0, data + 1, size - 1);
		page[0x1e8] = (uint8_t)((size - 1) / 20 > 128 ? 128 : (size - 1) / 20);
	} else {
		memcpy(page, data, size < sizeof(page) ? size : sizeof(page));
	}
	if (params_parse(page, &in, &p)) {
		want(p.code == E_BOOT_PARAMS && p.text[0]);
		return 0;
	}
	want(in.e820_count <= PARAMS_E820_MAX && in.initrd + in.initrd_size >= in.initrd);
	if (in.framebuffer.base)
		want(in.framebuffer.stride >= in.framebuffer.width && in.framebuffer.size);
	if (e820_to_map(in.e820, in.e820_count, &map, &p)) {
		want(p.code == E_MEMORY_MAP || p.code == E_NO_MEMORY);
		return 0;
	}
	for (unsigned i = 1; i < efimap_count(&map); i++)
		want(efimap_at(&map, i - 1)->phys + (efimap_at(&map, i - 1)->pages << 12) <= efimap_at(&map, i)->phys);
	want(!efimap_prepare(&map, &p));
	return 0;
}
