// SPDX-License-Identifier: MIT
#include "test/unit/boot/support.h"

#include <stdlib.h>
#include <string.h>

#include "boot/elf.h"

#define BYTES	0x9000u
#define ROW(i)	(64 + 56 * (i))

static uint8_t file[BYTES];
static struct elf elf;

/* PT_LOAD at 32 MiB (row 0), PT_LOAD at 16 MiB with the entry (row 1), PT_NOTE (row 2), something else (row 3). */
static void row(unsigned i, uint32_t type, uint64_t offset, uint64_t address, uint64_t file_size, uint64_t memory_size)
{
	kernel_put(file, ROW(i), 4, type);
	kernel_put(file, ROW(i) + 8, 8, offset);
	kernel_put(file, ROW(i) + 24, 8, address);
	kernel_put(file, ROW(i) + 32, 8, file_size);
	kernel_put(file, ROW(i) + 40, 8, memory_size);
}

static int fresh(void **state)
{
	(void)state;
	memset(file, 0, sizeof(file));
	memcpy(file, "\177ELF\2\1\1", 7);
	kernel_put(file, 16, 2, 2);
	kernel_put(file, 18, 2, 62);
	kernel_put(file, 24, 8, 0x1000010);
	kernel_put(file, 32, 8, 64);
	kernel_put(file, 52, 2, 64);
	kernel_put(file, 54, 2, 56);
	kernel_put(file, 56, 2, 4);
	row(0, 1, 0x3000, 0x2000000, 0x1000, 0x3000);
	row(1, 1, 0x1000, 0x1000000, 0x2000, 0x2000);
	row(2, 4, 0x2000, 0, 0x40, 0);
	row(3, 6, ~0ull, ~0ull, ~0ull, ~0ull);
	return 0;
}

/* A copy of exactly the bytes it may see, for the sanitizer. */
static enum status check(uint64_t size, struct problem *p)
{
	uint64_t first = size < ELF_HEADERS_MAX ? size : ELF_HEADERS_MAX;
	uint8_t *copy = malloc(first ? first : 1);
	enum status status;

	memcpy(copy, file, first);
	status = elf_check(&elf, "vmlinux", copy, size, p);
	if (!status)
		status = elf_check_entry(&elf, "vmlinux", "e_entry", elf.entry, p);
	free(copy);
	return status;
}

static void good_file(void **state)
{
	struct problem p = { 0 };

	(void)state;
	assert_problem(&p, check(BYTES, &p), OK, "");
	assert_int_equal(elf.load_count, 2);
	assert_int_equal(elf.loads[0].address, 0x1000000);
	assert_int_equal(elf.loads[1].address, 0x2000000);
	assert_int_equal(elf.start, 0x1000000);
	assert_int_equal(elf.end, 0x2003000);
	assert_int_equal(elf.entry, 0x1000010);
	assert_int_equal(elf.note_count, 1);
	assert_int_equal(elf.notes[0].offset, 0x2000);
	/* Segments that touch, and one of nothing inside another. */
	row(0, 1, 0x3000, 0x1002000, 0x1000, 0x1000);
	row(3, 1, 0x3000, 0x1000800, 0, 0);
	kernel_put(file, 16, 2, 3);
	assert_problem(&p, check(BYTES, &p), OK, "");
	assert_int_equal(elf.load_count, 2);
}

/* The same fields in their other places (System V ABI, i386). */
static int fresh_32(void **state)
{
	(void)state;
	memset(file, 0, sizeof(file));
	memcpy(file, "\177ELF\1\1\1", 7);
	kernel_put(file, 16, 2, 2);
	kernel_put(file, 18, 2, 3);
	kernel_put(file, 24, 4, 0x100010);
	kernel_put(file, 28, 4, 52);
	kernel_put(file, 40, 2, 52);
	kernel_put(file, 42, 2, 32);
	kernel_put(file, 44, 2, 1);
	kernel_put(file, 52, 4, 1);
	kernel_put(file, 56, 4, 0x1000);
	kernel_put(file, 64, 4, 0x100000);
	kernel_put(file, 68, 4, 0x2000);
	kernel_put(file, 72, 4, 0x3000);
	return 0;
}

static void good_file_of_32_bits(void **state)
{
	struct problem p = { 0 };

	(void)state;
	fresh_32(NULL);
	assert_problem(&p, check(BYTES, &p), OK, "");
	assert_int_equal(elf.bits, 32);
	assert_int_equal(elf.entry, 0x100010);
	assert_int_equal(elf.load_count, 1);
	assert_int_equal(elf.loads[0].offset, 0x1000);
	assert_int_equal(elf.loads[0].address, 0x100000);
	assert_int_equal(elf.loads[0].file_size, 0x2000);
	assert_int_equal(elf.end, 0x103000);
	kernel_put(file, 18, 2, 62);
	assert_problem(&p, check(BYTES, &p), E_NOT_A_KERNEL, "vmlinux: e_machine is 0x3e, not 3 (i386)");
	fresh_32(NULL);
	p.code = OK;
	kernel_put(file, 40, 2, 64);
	assert_problem(&p, check(BYTES, &p), E_KERNEL_HEADER, "vmlinux: e_ehsize is 0x40, not 52");
	fresh_32(NULL);
	p.code = OK;
	kernel_put(file, 42, 2, 56);
	assert_problem(&p, check(BYTES, &p), E_KERNEL_HEADER, "vmlinux: e_phentsize is 0x38, not 32");
}

/* One field changed in the good file. */
static const struct { unsigned offset, bytes; uint64_t value; enum status status; const char *text; } bad[] = {
	{ 0, 1, 0x7e, E_NOT_A_KERNEL, "vmlinux: no ELF file" },
	{ 4, 1, 3, E_NOT_A_KERNEL, "vmlinux: EI_CLASS is 0x3, neither ELF32 nor ELF64" },
	{ 5, 1, 2, E_NOT_A_KERNEL, "vmlinux: EI_DATA is 0x2, not little-endian" },
	{ 6, 1, 0, E_NOT_A_KERNEL, "vmlinux: EI_VERSION is 0x0, not 1" },
	{ 18, 2, 183, E_NOT_A_KERNEL, "vmlinux: e_machine is 0xb7, not 62 (x86-64)" },
	{ 16, 2, 1, E_NOT_A_KERNEL, "vmlinux: e_type is 0x1, neither ET_EXEC nor ET_DYN" },
	{ 52, 2, 63, E_KERNEL_HEADER, "vmlinux: e_ehsize is 0x3f, not 64" },
	{ 54, 2, 32, E_KERNEL_HEADER, "vmlinux: e_phentsize is 0x20, not 56" },
	{ 56, 2, 0, E_KERNEL_HEADER, "vmlinux: e_phnum is 0x0, not within 1..64" },
	{ 56, 2, 65, E_KERNEL_HEADER, "vmlinux: e_phnum is 0x41, not within 1..64" },
	{ 56, 2, 0xffff, E_KERNEL_HEADER, "vmlinux: e_phnum is 0xffff, not within 1..64" },
	{ 32, 8, 63, E_KERNEL_HEADER, "vmlinux: e_phoff is 0x3f, program headers not within" },
	{ 32, 8, ELF_HEADERS_MAX - 4 * 56 + 1, E_KERNEL_HEADER, "vmlinux: e_phoff is 0x7f21, program headers not within" },
	{ 32, 8, ~0ull, E_KERNEL_HEADER, "vmlinux: e_phoff is 0xffffffffffffffff, program headers" },
	{ ROW(0) + 8, 8, BYTES + 1, E_KERNEL_TRUNCATED, "vmlinux: program header 0: p_offset is 0x9001, the file ends" },
	{ ROW(0) + 8, 8, BYTES - 0xfff, E_KERNEL_TRUNCATED, "vmlinux: program header 0: p_filesz is 0x1000, the file ends before" },
	{ ROW(2) + 32, 8, ~0ull, E_KERNEL_TRUNCATED, "vmlinux: program header 2: p_filesz is 0xffffffffffffffff, the" },
	{ ROW(0) + 40, 8, 0xfff, E_KERNEL_HEADER, "vmlinux: program header 0: p_filesz is 0x1000, more than p_memsz" },
	{ ROW(1) + 24, 8, 0xfffff, E_KERNEL_HEADER, "vmlinux: program header 1: p_paddr is 0xfffff, below 1 MiB" },
	{ ROW(1) + 24, 8, (1ull << 46) + 1, E_KERNEL_HEADER, "vmlinux: program header 1: p_paddr + p_memsz is 0x400000002001" },
	{ ROW(0) + 40, 8, ~0ull, E_KERNEL_HEADER, "vmlinux: program header 0: p_paddr + p_memsz is 0x1ffffff, beyond 64 TiB" },
	{ ROW(1) + 24, 8, 0x2002fff, E_KERNEL_HEADER, "vmlinux: program header 1: p_paddr is 0x2002fff, inside another" },
	{ ROW(1) + 24, 8, 0x1fff000, E_KERNEL_HEADER, "vmlinux: program header 1: p_paddr is 0x1fff000, inside another" },
	{ ROW(0) + 40, 8, 0x40000000, E_KERNEL_HEADER, "vmlinux: memory from first to last segment is 0x41000000, more than 1" },
	{ ROW(2) + 32, 8, 4097, E_KERNEL_HEADER, "vmlinux: program header 2: p_filesz is 0x1001, more than 4096 for notes" },
	{ 24, 8, 0xffffff, E_KERNEL_HEADER, "vmlinux: e_entry is 0xffffff, inside no PT_LOAD's bytes" },
	{ 24, 8, 0x1002000, E_KERNEL_HEADER, "vmlinux: e_entry is 0x1002000, inside no PT_LOAD's bytes" },
	{ 24, 8, 0x2001000, E_KERNEL_HEADER, "vmlinux: e_entry is 0x2001000, inside no PT_LOAD's bytes" },
};

static void each_bad_field_is_named(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct problem p = { 0 };

		fresh(NULL);
		kernel_put(file, bad[i].offset, bad[i].bytes, bad[i].value);
		assert_problem(&p, check(BYTES, &p), bad[i].status, bad[i].text);
	}
}

static void short_files(void **state)
{
	struct problem p = { 0 };

	(void)state;
	assert_problem(&p, check(63, &p), E_NOT_A_KERNEL, "vmlinux: no ELF file");
	p.code = OK;
	assert_problem(&p, check(ROW(4) - 1, &p), E_KERNEL_TRUNCATED, "vmlinux: e_phoff is 0x40, program headers");
	p.code = OK;
	row(0, 0, 0, 0, 0, 0);
	row(1, 0, 0, 0, 0, 0);
	assert_problem(&p, check(BYTES, &p), E_KERNEL_HEADER, "vmlinux: nothing to load: no PT_LOAD with memory");
}

static uint64_t note_align;

static enum status notes(const void *from, uint64_t size, struct problem *p)
{
	struct elf_segment segment = { .file_size = size, .align = note_align };
	uint8_t *copy = malloc(size ? size : 1);
	enum status status;

	elf = (struct elf){ 0 };
	*p = (struct problem){ 0 };
	memcpy(copy, from, size);
	status = elf_check_notes(&elf, "vmlinux", &segment, copy, p);
	free(copy);
	return status;
}

static void note(uint8_t *to, uint32_t name_size, uint32_t body_size, const char *name)
{
	kernel_put(to, 0, 4, name_size);
	kernel_put(to, 4, 4, body_size);
	kernel_put(to, 8, 4, 0x100);
	memcpy(to + 12, name, strlen(name) + 1);
}

static void notes_are_walked(void **state)
{
	uint8_t bytes[64] = { 0 };
	struct problem p;

	(void)state;
	assert_problem(&p, notes(bytes, 0, &p), OK, "");
	assert_false(elf.is_linux);
	note(bytes, 4, 5, "Xen");
	note(bytes + 24, 6, 3, "Linux");
	assert_problem(&p, notes(bytes, 24 + 12 + 8 + 3, &p), OK, "");
	assert_true(elf.is_linux);
	assert_problem(&p, notes(bytes, 24, &p), OK, "");
	assert_false(elf.is_linux);
	assert_problem(&p, notes(bytes, 24 + 12 + 8 + 2, &p), E_KERNEL_HEADER, "note at byte is 0x18, longer than");
	assert_problem(&p, notes(bytes, 24 + 11, &p), E_KERNEL_HEADER, "vmlinux: note at byte is 0x18, cut off by");
	note(bytes, 0xffffffff, 0xffffffff, "");
	assert_problem(&p, notes(bytes, 64, &p), E_KERNEL_HEADER, "vmlinux: note at byte is 0x0, longer than");
	note(bytes, 4, 0xfffffff4, "Xen");
	assert_problem(&p, notes(bytes, 64, &p), E_KERNEL_HEADER, "vmlinux: note at byte is 0x0, longer than");
	/* Sizes of 0 still move on. */
	memset(bytes, 0, sizeof(bytes));
	assert_problem(&p, notes(bytes, 60, &p), OK, "");
	/* PVH's entry, in both sizes; other notes of Xen's say nothing here. */
	note(bytes, 4, 8, "Xen");
	kernel_put(bytes, 16, 8, 0x100000010);
	assert_problem(&p, notes(bytes, 24, &p), OK, "");
	assert_false(elf.has_pvh);
	kernel_put(bytes, 8, 4, 18);
	assert_problem(&p, notes(bytes, 24, &p), OK, "");
	assert_true(elf.has_pvh && elf.pvh_entry == 0x100000010);
	kernel_put(bytes, 4, 4, 4);
	assert_problem(&p, notes(bytes, 20, &p), OK, "");
	assert_int_equal(elf.pvh_entry, 0x10);
	kernel_put(bytes, 4, 4, 5);
	assert_problem(&p, notes(bytes, 24, &p), E_KERNEL_HEADER, "vmlinux: size of PVH's note is 0x5, neither 4 nor 8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(good_file, fresh), cmocka_unit_test(good_file_of_32_bits),
		cmocka_unit_test_setup(each_bad_field_is_named, fresh),
		cmocka_unit_test_setup(short_files, fresh), cmocka_unit_test(notes_are_walked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
