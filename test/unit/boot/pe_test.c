// SPDX-License-Identifier: MIT
#include "test/unit/boot/support.h"
#include "test/unit/boot/pe_make.h"

#include <stdlib.h>
#include <string.h>

#include "boot/pe.h"

#define ROOM 0x20000u
#define X "x.efi: "

static uint8_t file[ROOM];
static struct pe pe;
static struct pe_made made;

/* A copy of exactly the bytes it may see, for the sanitizer. */
static enum status check(uint64_t size, struct problem *p)
{
	uint64_t first = size < PE_HEADERS_MAX ? size : PE_HEADERS_MAX;
	uint8_t *copy = malloc(first ? first : 1);
	enum status status;

	memcpy(copy, file, first);
	status = pe_parse(&pe, "x.efi", copy, size, p);
	free(copy);
	return status;
}

/* .text (1), .cmdline of 5 bytes at row 1, .linux of 0x2345 bytes at row 2. */
static int fresh(void **state)
{
	static uint8_t data[0x2345];

	(void)state;
	pe_make(&made, file, ROOM);
	memset(data, 0x11, sizeof(data));
	pe_add(&made, ".cmdline", "a=b c", 5);
	pe_add(&made, ".linux", data, sizeof(data));
	return 0;
}

static void good_file(void **state)
{
	struct problem p = { 0 };

	(void)state;
	assert_problem(&p, check(made.size, &p), OK, "");
	assert_int_equal(pe.section_count, 3);
	assert_memory_equal(pe.sections[1].name, ".cmdline", 8);
	assert_int_equal(pe.sections[1].offset, 0x1200);
	assert_int_equal(pe.sections[1].size, 5);
	assert_int_equal(pe.sections[2].offset, 0x1400);
	assert_int_equal(pe.sections[2].size, 0x2345);
	assert_int_equal(pe.sections[2].address, 0x3000);
}

static void variants_that_are_fine(void **state)
{
	struct problem p = { 0 };

	(void)state;
	/* More memory than bytes: the bytes that are there. None given: all of them. */
	kernel_put(file, PE_MADE_ROW(2) + 8, 4, 0x2800);
	assert_problem(&p, check(made.size, &p), OK, "");
	assert_int_equal(pe.sections[2].size, 0x2400);
	kernel_put(file, PE_MADE_ROW(2) + 8, 4, 0);
	assert_problem(&p, check(made.size, &p), OK, "");
	assert_int_equal(pe.sections[2].size, 0x2400);
	/* Padding in the file may reach into the next section's memory: it is not loaded. */
	fresh(NULL);
	kernel_put(file, PE_MADE_OPTIONAL + 32, 4, 0x200);
	kernel_put(file, PE_MADE_ROW(1) + 8, 4, 0x10);
	kernel_put(file, PE_MADE_ROW(1) + 12, 4, 0x2ff0);
	assert_problem(&p, check(made.size, &p), OK, "");
	/* Data may lie on any address; what is run may not (below). */
	fresh(NULL);
	kernel_put(file, PE_MADE_ROW(1) + 12, 4, 0x2100);
	assert_problem(&p, check(made.size, &p), OK, "");
	/* A certificate table at the end, to the byte. */
	fresh(NULL);
	kernel_put(file, PE_MADE_OPTIONAL + 144, 4, made.size - 8);
	kernel_put(file, PE_MADE_OPTIONAL + 148, 4, 8);
	assert_problem(&p, check(made.size, &p), OK, "");
	/* No directories at all: the table moves up. */
	memmove(file + PE_MADE_OPTIONAL + 112, file + PE_MADE_TABLE, 120);
	kernel_put(file, PE_MADE_OPTIONAL + 108, 4, 0);
	kernel_put(file, PE_MADE_COFF + 20, 2, 112);
	assert_problem(&p, check(made.size, &p), OK, "");
	assert_int_equal(pe.section_count, 3);
	/* A section without bytes has no place in the file. */
	fresh(NULL);
	kernel_put(file, PE_MADE_ROW(1) + 16, 4, 0);
	kernel_put(file, PE_MADE_ROW(1) + 20, 4, 0);
	assert_problem(&p, check(made.size, &p), OK, "");
	assert_int_equal(pe.sections[1].size, 0);
}

/* One field changed in the good file: the whole line. */
static const struct { unsigned offset, bytes; uint64_t value; enum status status; const char *text; } bad[] = {
	{ 0, 1, 'N', E_NOT_A_KERNEL, X "no PE file: it does not begin with MZ" },
	{ 1, 1, 'z', E_NOT_A_KERNEL, X "no PE file: it does not begin with MZ" },
	{ 0x3c, 4, 0x3f, E_KERNEL_HEADER, X "e_lfanew is 0x3f, not within 0x40..0x7fff" },
	{ 0x3c, 4, 0x8000, E_KERNEL_HEADER, X "e_lfanew is 0x8000, not within 0x40..0x7fff" },
	{ 0x3c, 4, 0xffffffff, E_KERNEL_HEADER, X "e_lfanew is 0xffffffff, not within" },
	{ 0x3c, 4, 0x3780, E_KERNEL_TRUNCATED, X "e_lfanew is 0x3780, the file ends before the PE headers do" },
	{ PE_MADE_COFF, 4, 0x454e, E_NOT_A_KERNEL, X "PE signature is 0x454e, not \"PE\"" },
	{ PE_MADE_COFF + 4, 2, 0xaa64, E_NOT_A_KERNEL, X "Machine is 0xaa64, not 0x8664 (x86-64)" },
	{ PE_MADE_OPTIONAL, 2, 0x10b, E_NOT_A_KERNEL, X "Magic is 0x10b, not 0x20b (PE32+)" },
	{ PE_MADE_OPTIONAL + 108, 4, 17, E_KERNEL_HEADER, X "NumberOfRvaAndSizes is 0x11, more than 16" },
	{ PE_MADE_OPTIONAL + 108, 4, 15, E_KERNEL_HEADER, X "SizeOfOptionalHeader is 0xf0, not what NumberOfRvaAndSizes says" },
	{ PE_MADE_COFF + 20, 2, 0xf8, E_KERNEL_HEADER, X "SizeOfOptionalHeader is 0xf8, not what NumberOfRvaAndSizes" },
	{ PE_MADE_COFF + 6, 2, 0, E_KERNEL_HEADER, X "NumberOfSections is 0x0, not within 1..96" },
	{ PE_MADE_COFF + 6, 2, 97, E_KERNEL_HEADER, X "NumberOfSections is 0x61, not within 1..96" },
	{ PE_MADE_OPTIONAL + 36, 4, 0, E_KERNEL_HEADER, X "FileAlignment is 0x0, not a power of two" },
	{ PE_MADE_OPTIONAL + 36, 4, 0x300, E_KERNEL_HEADER, X "FileAlignment is 0x300, not a power of two" },
	{ PE_MADE_OPTIONAL + 32, 4, 0x1800, E_KERNEL_HEADER, X "SectionAlignment is 0x1800, not a power of two from" },
	{ PE_MADE_OPTIONAL + 32, 4, 0x100, E_KERNEL_HEADER, X "SectionAlignment is 0x100, not a power of two from FileAl" },
	{ PE_MADE_OPTIONAL + 60, 4, PE_MADE_ROW(3) - 1, E_KERNEL_HEADER, X "SizeOfHeaders is 0x1ff, ends inside the section ta" },
	{ PE_MADE_OPTIONAL + 56, 4, 0xfff, E_KERNEL_HEADER, X "SizeOfImage is 0xfff, less than SizeOfHeaders" },
	{ PE_MADE_OPTIONAL + 148, 4, 0xffffffff, E_KERNEL_TRUNCATED, X "certificate table's end is 0xffffffff, the file ends" },
	{ PE_MADE_ROW(1) + 20, 4, 0xe00, E_KERNEL_HEADER, X "section 1 (.cmdline): PointerToRawData is 0xe00, inside the headers" },
	{ PE_MADE_ROW(2) + 20, 4, 0xfffffe00, E_KERNEL_TRUNCATED, X "section 2 (.linux): end of its bytes is 0x100002200, the" },
	{ PE_MADE_ROW(2) + 16, 4, 0x2401, E_KERNEL_TRUNCATED, X "section 2 (.linux): end of its bytes is 0x3801, the file" },
	{ PE_MADE_ROW(0) + 12, 4, 0x1010, E_KERNEL_HEADER, X "section 0 (.text): VirtualAddress is 0x1010, not on SectionAl" },
	{ PE_MADE_ROW(2) + 8, 4, 0x3001, E_KERNEL_HEADER, X "section 2 (.linux): end in memory is 0x6001, beyond SizeOfImage" },
	{ PE_MADE_ROW(2) + 12, 4, 0xfffff000, E_KERNEL_HEADER, X "section 2 (.linux): end in memory is 0x100001400, beyond" },
	{ PE_MADE_ROW(2) + 12, 4, 0x1000, E_KERNEL_HEADER, X "section 2 (.linux): VirtualAddress is 0x1000, inside another" },
	{ PE_MADE_ROW(2) + 20, 4, 0x1200, E_KERNEL_HEADER, X "section 2 (.linux): PointerToRawData is 0x1200, inside another s" },
	{ PE_MADE_OPTIONAL + 16, 4, 0xfff, E_KERNEL_HEADER, X "AddressOfEntryPoint is 0xfff, inside no executable section" },
	{ PE_MADE_OPTIONAL + 16, 4, 0x1200, E_KERNEL_HEADER, X "AddressOfEntryPoint is 0x1200, inside no executable" },
	{ PE_MADE_OPTIONAL + 16, 4, 0x3000, E_KERNEL_HEADER, X "AddressOfEntryPoint is 0x3000, inside no executable" },
};

static void each_bad_field_is_named(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct problem p = { 0 };

		fresh(NULL);
		kernel_put(file, bad[i].offset, bad[i].bytes, bad[i].value);
		assert_problem(&p, check(made.size, &p), bad[i].status, bad[i].text);
	}
}

/* SizeOfHeaders and SizeOfImage that agree with each other, but with no room for a row more. */
static void image_smaller_than_its_table(void **state)
{
	struct problem p = { 0 };

	(void)state;
	kernel_put(file, PE_MADE_OPTIONAL + 60, 4, PE_MADE_ROW(3));
	kernel_put(file, PE_MADE_OPTIONAL + 56, 4, PE_MADE_ROW(4) - 1);
	assert_problem(&p, check(made.size, &p), E_KERNEL_HEADER, X "SizeOfImage is 0x227, too small for the section table");
}

static void short_files(void **state)
{
	static const struct { uint64_t size; enum status status; const char *text; } cases[] = {
		{ 0, E_NOT_A_KERNEL, "does not begin with MZ" },
		{ 0x3f, E_NOT_A_KERNEL, "does not begin with MZ" },
		{ 0x40, E_KERNEL_TRUNCATED, "e_lfanew is 0x80, the file ends before" },
		{ PE_MADE_OPTIONAL + 111, E_KERNEL_TRUNCATED, "e_lfanew is 0x80, the file ends before" },
		{ PE_MADE_ROW(3) - 1, E_KERNEL_TRUNCATED, "section table's end is 0x200, beyond the file" },
		{ PE_MADE_ROW(3), E_KERNEL_TRUNCATED, "section 0 (.text): end of its bytes is 0x1200" },
		{ 0x37ff, E_KERNEL_TRUNCATED, "section 2 (.linux): end of its bytes is 0x3800" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct problem p = { 0 };

		assert_problem(&p, check(cases[i].size, &p), cases[i].status, cases[i].text);
	}
}

/* The headers lie where they may, the table ends behind what is read of a long file. */
static void table_beyond_the_first_bytes(void **state)
{
	struct problem p = { 0 };
	unsigned at = PE_HEADERS_MAX - 24 - 112 - 16 * 8 - 40;

	(void)state;
	memmove(file + at, file + PE_MADE_COFF, PE_MADE_ROW(3) - PE_MADE_COFF);
	kernel_put(file, 0x3c, 4, at);
	assert_problem(&p, check(ROOM, &p), E_KERNEL_HEADER, "section table's end is 0x8050, beyond the file or beyond 32 KiB");
}

/* Random damage: no crash, and what passes keeps its promises. */
static void damaged_headers(void **state)
{
	struct rng rng = { 0x7065 };
	unsigned passed = 0;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		unsigned changes = 1 + (unsigned)rng_below(&rng, 3);

		fresh(NULL);
		while (changes--)
			file[rng_below(&rng, 2) ? 0x3c + rng_below(&rng, 4) :
			     PE_MADE_COFF + rng_below(&rng, PE_MADE_ROW(3) - PE_MADE_COFF)] = (uint8_t)rng_next(&rng);
		if (check(made.size, NULL))
			continue;
		passed++;
		for (unsigned i = 0; i < pe.section_count; i++)
			assert_true((uint64_t)pe.sections[i].offset + pe.sections[i].size <= made.size);
	}
	assert_true(passed > 100 && passed < 19900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(good_file, fresh), cmocka_unit_test_setup(variants_that_are_fine, fresh),
		cmocka_unit_test_setup(each_bad_field_is_named, fresh),
		cmocka_unit_test_setup(image_smaller_than_its_table, fresh), cmocka_unit_test_setup(short_files, fresh),
		cmocka_unit_test_setup(table_beyond_the_first_bytes, fresh),
		cmocka_unit_test_setup(damaged_headers, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
