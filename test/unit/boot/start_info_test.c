// SPDX-License-Identifier: MIT
#include "test/unit/boot/support.h"

#include <stdlib.h>
#include <string.h>

#include "boot/field.h"
#include "boot/start_info.h"

#define PHYS	0x7f000000ull
#define ROOM	16384u

static const struct e820_entry e820[] = {
	{ 0, 0x9f000, E820_RAM }, { 0x9f000, 0x61000, E820_RESERVED }, { 0x100000, 0x7ff00000, E820_RAM },
	{ 0x80000000, 0x1000, E820_ACPI }, { 0x100000000, 0x40000000, E820_RAM },
};
static const struct boot_module modules[] = { { 0, 5000, "/one a=1" }, { 8192, 3, "/two" } };
static const struct framebuffer screen = { 0x180000000, 0x300000, 1024, 768, 1024, PIXEL_BGRX, 0, 0, 0, 0 };
static uint8_t efi_descriptors[96];
static struct efi_map efi_map;
static const uint8_t rsdp[36] = "RSD PTR ";
static struct start_info in;
static uint8_t *memory;
static struct problem p;

static int fresh(void **state)
{
	(void)state;
	free(memory);
	memory = NULL;
	p = (struct problem){ 0 };
	efi_map = (struct efi_map){ (uintptr_t)efi_descriptors, sizeof(efi_descriptors), sizeof(efi_descriptors), 48, 1 };
	memset(efi_descriptors, 0x5e, sizeof(efi_descriptors));
	in = (struct start_info){
		.cmdline = "console=x", .load_base = 0x200000, .modules_base = 0x3000000, .modules = modules,
		.module_count = 2, .e820 = e820, .e820_count = 5, .efi_map = &efi_map, .efi_systab = 0x7fedc000,
		.framebuffer = &screen, .rsdp = 0x7fb7e014, .rsdp_copy = rsdp, .rsdp_bytes = 36,
	};
	return 0;
}

/* Memory of exactly that size, so that the sanitizer sees a byte too many. */
static enum status build(enum next_protocol protocol, uint64_t size)
{
	free(memory);
	memory = malloc(size ? size : 1);
	memset(memory, 0xee, size);
	in.protocol = protocol;
	p = (struct problem){ 0 };
	return start_info_build(memory, PHYS, size, &in, &p);
}

static const uint8_t *at(uint64_t phys)
{
	assert_true(phys >= PHYS && phys < PHYS + ROOM);
	return memory + (phys - PHYS);
}

static void multiboot1(void **state)
{
	const uint8_t *module, *map;

	(void)state;
	assert_problem(&p, build(NEXT_MULTIBOOT1, ROOM), OK, "");
	assert_int_equal(start_info_magic(NEXT_MULTIBOOT1), 0x2badb002);
	assert_int_equal(field32(memory), 1 | 4 | 8 | 0x40 | 0x200 | 0x1000);
	assert_int_equal(field32(memory + 4), 0x9f000 / 1024);
	assert_int_equal(field32(memory + 8), 0x7ff00000 / 1024);
	assert_string_equal((const char *)at(field32(memory + 16)), "console=x");
	assert_int_equal(field32(memory + 20), 2);
	module = at(field32(memory + 24));
	assert_int_equal(field32(module), 0x3000000);
	assert_int_equal(field32(module + 4), 0x3000000 + 5000);
	assert_string_equal((const char *)at(field32(module + 8)), "/one a=1");
	assert_int_equal(field32(module + 16), 0x3002000);
	assert_int_equal(field32(module + 20), 0x3002003);
	assert_int_equal(field32(memory + 44), 5 * 24);
	map = at(field32(memory + 48));
	for (unsigned i = 0; i < 5; i++, map += 24) {
		assert_int_equal(field32(map), 20);
		assert_int_equal(field64(map + 4), e820[i].addr);
		assert_int_equal(field64(map + 12), e820[i].size);
		assert_int_equal(field32(map + 20), e820[i].type);
	}
	assert_string_equal((const char *)at(field32(memory + 64)), "Baton");
	assert_int_equal(field64(memory + 88), 0x180000000);
	assert_int_equal(field32(memory + 96), 4096);
	assert_int_equal(field32(memory + 100), 1024);
	assert_int_equal(field32(memory + 104), 768);
	assert_int_equal(memory[108], 32);
	assert_int_equal(memory[109], 1);
	assert_memory_equal(memory + 110, "\x10\x08\x08\x08\x00\x08", 6);
	in.framebuffer = &(const struct framebuffer){ 0x80000000, 0x100000, 640, 480, 640, PIXEL_MASK, 0x3ff, 0, 0x3ff00000, 0 };
	assert_problem(&p, build(NEXT_MULTIBOOT1, ROOM), OK, "");
	assert_memory_equal(memory + 110, "\x00\x0a\x00\x00\x14\x0a", 6);
	/* A text mode is no framebuffer to tell of. */
	in.framebuffer = &(const struct framebuffer){ 0xb8000, 0x8000, 80, 25, 80, PIXEL_TEXT, 0, 0, 0, 0 };
	in.module_count = 0;
	assert_problem(&p, build(NEXT_MULTIBOOT1, ROOM), OK, "");
	assert_int_equal(field32(memory) & 0x1000, 0);
	assert_int_equal(field32(memory + 20), 0);
}

/* The n-th tag of a type, NULL: there is none. Checks that the list is well formed on the way. */
static const uint8_t *tag(unsigned type, unsigned nth, uint32_t *size)
{
	uint32_t total = field32(memory), offset = 8;

	assert_true(total <= ROOM && !field32(memory + 4));
	for (;;) {
		assert_true(offset + 8 <= total && !(offset & 7));
		*size = field32(memory + offset + 4);
		assert_true(*size >= 8 && *size <= total - offset);
		if (field32(memory + offset) == type && !nth--)
			return memory + offset + 8;
		if (!field32(memory + offset)) {
			assert_int_equal(offset + 8, total);
			return NULL;
		}
		offset += (*size + 7) & ~7u;
	}
}

static void multiboot2(void **state)
{
	const uint8_t *body;
	uint32_t size;

	(void)state;
	assert_problem(&p, build(NEXT_MULTIBOOT2, ROOM), OK, "");
	assert_int_equal(start_info_magic(NEXT_MULTIBOOT2), 0x36d76289);
	assert_string_equal((const char *)tag(1, 0, &size), "console=x");
	assert_int_equal(size, 8 + 10);
	assert_string_equal((const char *)tag(2, 0, &size), "Baton");
	body = tag(3, 1, &size);
	assert_int_equal(field32(body), 0x3002000);
	assert_int_equal(field32(body + 4), 0x3002003);
	assert_string_equal((const char *)body + 8, "/two");
	assert_null(tag(3, 2, &size));
	body = tag(4, 0, &size);
	assert_int_equal(field32(body), 0x9f000 / 1024);
	assert_int_equal(field32(body + 4), 0x7ff00000 / 1024);
	body = tag(6, 0, &size);
	assert_int_equal(size, 16 + 5 * 24);
	assert_int_equal(field32(body), 24);
	assert_int_equal(field32(body + 4), 0);
	assert_int_equal(field64(body + 8 + 4 * 24), 0x100000000);
	assert_int_equal(field32(body + 8 + 3 * 24 + 16), E820_ACPI);
	body = tag(8, 0, &size);
	assert_int_equal(field64(body), 0x180000000);
	assert_memory_equal(body + 24, "\x10\x08\x08\x08\x00\x08", 6);
	assert_int_equal(field64(tag(12, 0, &size)), 0x7fedc000);
	assert_null(tag(14, 0, &size));
	assert_memory_equal(tag(15, 0, &size), rsdp, 36);
	body = tag(17, 0, &size);
	assert_int_equal(field32(body), 48);
	assert_memory_equal(body + 8, efi_descriptors, 96);
	assert_int_equal(field32(tag(21, 0, &size)), 0x200000);
	/* A machine with less: no EFI, an old ACPI, no screen. */
	in.efi_map = NULL;
	in.rsdp_bytes = 20;
	in.framebuffer = &(const struct framebuffer){ 0 };
	assert_problem(&p, build(NEXT_MULTIBOOT2, ROOM), OK, "");
	assert_null(tag(8, 0, &size));
	assert_null(tag(12, 0, &size));
	assert_null(tag(17, 0, &size));
	assert_memory_equal(tag(14, 0, &size), rsdp, 20);
	in.rsdp = 0;
	assert_problem(&p, build(NEXT_MULTIBOOT2, ROOM), OK, "");
	assert_null(tag(14, 0, &size));
}

static void pvh(void **state)
{
	const uint8_t *module, *map;

	(void)state;
	assert_problem(&p, build(NEXT_PVH, ROOM), OK, "");
	assert_int_equal(start_info_magic(NEXT_PVH), 0);
	assert_int_equal(field32(memory), 0x336ec578);
	assert_int_equal(field32(memory + 4), 1);
	assert_int_equal(field32(memory + 12), 2);
	module = at(field64(memory + 16));
	assert_int_equal(field64(module), 0x3000000);
	assert_int_equal(field64(module + 8), 5000);
	assert_string_equal((const char *)at(field64(module + 16)), "/one a=1");
	assert_string_equal((const char *)at(field64(memory + 24)), "console=x");
	assert_int_equal(field64(memory + 32), 0x7fb7e014);
	assert_int_equal(field32(memory + 48), 5);
	map = at(field64(memory + 40));
	assert_int_equal(field64(map + 2 * 24 + 8), 0x7ff00000);
	assert_int_equal(field32(map + 3 * 24 + 16), E820_ACPI);
	in.module_count = 0;
	assert_problem(&p, build(NEXT_PVH, ROOM), OK, "");
	assert_int_equal(field64(memory + 16), 0);
}

/* Whatever the room, nothing is written beyond it, and too little is said. What the size function asks for is enough. */
static void any_room(void **state)
{
	(void)state;
	for (unsigned protocol = NEXT_PVH; protocol <= NEXT_MULTIBOOT2; protocol++) {
		bool fits = false;

		for (uint64_t size = 0; size < 1200; size++) {
			enum status status = build(protocol, size);

			assert_true(!status || status == E_NO_MEMORY);
			assert_true(!fits || !status);
			fits = !status;
		}
		assert_true(fits);
		assert_int_equal(build(protocol, start_info_size(2, 5, sizeof(efi_descriptors))), OK);
	}
	in.protocol = NEXT_PVH;
	assert_int_equal(start_info_build(memory, 0xfffff000, 8192, &in, &p), E_NO_MEMORY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(multiboot1, fresh), cmocka_unit_test_setup(multiboot2, fresh),
		cmocka_unit_test_setup(pvh, fresh), cmocka_unit_test_setup(any_room, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
