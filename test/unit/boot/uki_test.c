// SPDX-License-Identifier: MIT
#include "test/unit/boot/support.h"
#include "test/unit/boot/pe_make.h"

#include <string.h>

#include "boot/uki.h"

static uint8_t file[0x10000];
static struct pe_made made;
static struct pe pe;
static struct uki uki;

static int fresh(void **state)
{
	(void)state;
	pe_make(&made, file, sizeof(file));
	return 0;
}

static enum status find(unsigned profile, struct problem *p)
{
	*p = (struct problem){ 0 };
	assert_problem(p, pe_parse(&pe, "x.efi", file, made.size, p), OK, "");
	return uki_find(&uki, "x.efi", &pe, profile, p);
}

static uint64_t add(const char *name, uint32_t size)
{
	static uint8_t data[0x2000];

	return pe_add(&made, name, data, size);
}

static void all_sections(void **state)
{
	/* In the order of enum uki_part. */
	static const char *const names[] = { ".linux", ".initrd", ".cmdline", ".ucode", ".osrel", ".uname" };
	uint64_t offsets[6];
	struct problem p;

	(void)state;
	for (unsigned i = 6; i--; )
		offsets[i] = add(names[i], 0x10 + i);
	add(".sbat", 0x20);
	add(".linux2", 0x20);
	assert_problem(&p, find(0, &p), OK, "");
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(uki.parts[i].offset, offsets[i]);
		assert_int_equal(uki.parts[i].size, 0x10 + i);
		assert_string_equal(uki_part_name(i), names[i]);
	}
	assert_int_equal(uki.profile_count, 0);
	assert_problem(&p, find(1, &p), E_ENTRY_INVALID, "x.efi: there is no profile 1, 0 are there");
}

/* Base, then profile 0 with nothing of its own, then profile 1 with another command line. */
static void profiles(void **state)
{
	uint64_t base, own;
	struct problem p;

	(void)state;
	add(".linux", 100);
	base = add(".cmdline", 5);
	add(".profile", 10);
	add(".profile", 11);
	own = add(".cmdline", 6);
	assert_problem(&p, find(0, &p), OK, "");
	assert_int_equal(uki.profile_count, 2);
	assert_int_equal(uki.parts[UKI_CMDLINE].offset, base);
	assert_int_equal(uki.parts[UKI_PROFILE].size, 10);
	assert_problem(&p, find(1, &p), OK, "");
	assert_int_equal(uki.parts[UKI_CMDLINE].offset, own);
	assert_int_equal(uki.parts[UKI_PROFILE].size, 11);
	assert_int_equal(uki.parts[UKI_LINUX].size, 100);
	assert_problem(&p, find(2, &p), E_ENTRY_INVALID, "x.efi: there is no profile 2, 2 are there");
}

static void refused(void **state)
{
	struct problem p;

	(void)state;
	assert_problem(&p, find(0, &p), E_NOT_A_KERNEL, "x.efi: no .linux section: no unified kernel image");
	add(".linux", 0);
	assert_problem(&p, find(0, &p), E_NOT_A_KERNEL, "x.efi: no .linux section");
	fresh(NULL);
	add(".linux", 100);
	add(".initrd", 100);
	add(".initrd", 100);
	assert_problem(&p, find(0, &p), E_KERNEL_HEADER, "x.efi: section 3: a second .initrd in one profile");
	/* In a profile that is not the chosen one, too. */
	fresh(NULL);
	add(".linux", 100);
	add(".profile", 100);
	add(".profile", 100);
	add(".cmdline", 1);
	add(".cmdline", 1);
	assert_problem(&p, find(0, &p), E_KERNEL_HEADER, "x.efi: section 5: a second .cmdline in one profile");
	fresh(NULL);
	add(".linux", 100);
	add(".cmdline", UKI_TEXT_BYTES + 1);
	assert_problem(&p, find(0, &p), E_KERNEL_HEADER, "x.efi: section 2: .cmdline has 4097 bytes, at most 4096");
}

static void command_lines(void **state)
{
	static char big[CMDLINE_MAX + 2];
	struct problem p = { 0 };
	char to[CMDLINE_MAX];

	(void)state;
	assert_problem(&p, uki_cmdline(to, "x.efi", " \n a=b\n\tc\0\0 ", 13, &p), OK, "");
	assert_string_equal(to, "a=b  c");
	assert_problem(&p, uki_cmdline(to, "x.efi", "", 0, &p), OK, "");
	assert_string_equal(to, "");
	assert_problem(&p, uki_cmdline(to, "x.efi", "\0\0", 2, &p), OK, "");
	assert_string_equal(to, "");
	assert_problem(&p, uki_cmdline(to, "x.efi", "a\0b", 3, &p), E_KERNEL_HEADER, "x.efi: .cmdline has byte 0x00 at 1");
	p.code = OK;
	assert_problem(&p, uki_cmdline(to, "x.efi", "ab\x1b", 3, &p), E_KERNEL_HEADER, "x.efi: .cmdline has byte 0x1b at 2");
	p.code = OK;
	assert_problem(&p, uki_cmdline(to, "x.efi", "a\xc2\x85", 3, &p), E_KERNEL_HEADER, "x.efi: .cmdline has byte 0xc2 at 1");
	p.code = OK;
	assert_problem(&p, uki_cmdline(to, "x.efi", "\xc3\xa9\xc3", 3, &p), E_KERNEL_HEADER,
		       "x.efi: .cmdline has byte 0xc3 at 2, not UTF-8");
	p.code = OK;
	memset(big, 'x', sizeof(big));
	assert_problem(&p, uki_cmdline(to, "x.efi", big, CMDLINE_MAX - 1, &p), OK, "");
	assert_int_equal(strlen(to), CMDLINE_MAX - 1);
	assert_problem(&p, uki_cmdline(to, "x.efi", big, CMDLINE_MAX, &p), E_KERNEL_HEADER,
		       "x.efi: .cmdline has 4096 bytes, at most 4095");
}

static void describe(const char *text, const char *title, const char *version, const char *sort_key)
{
	static struct entry entry;

	memset(&entry, 0, sizeof(entry));
	strcpy(entry.title, "old");
	uki_describe(&entry, text, strlen(text));
	assert_string_equal(entry.title, title);
	assert_string_equal(entry.version, version);
	assert_string_equal(entry.sort_key, sort_key);
}

static void descriptions(void **state)
{
	char text[300];

	(void)state;
	describe("PRETTY_NAME=a\x9b\nNAME=a\xc2\x9b\nID=\xc3\xa9\n", "\xc3\xa9", "", "\xc3\xa9");
	describe("", "old", "", "");
	describe("PRETTY_NAME=\"Debian 12\"\nNAME=x\nVERSION_ID='12'\nID=debian\n", "Debian 12", "12", "debian");
	describe("ID=a\nIMAGE_ID=b\nBUILD_ID=7", "a", "7", "b");
	describe("XNAME=no\nNAME=\"a \\\"b\\\" \\\\\"ignored\nVERSION=", "a \"b\" \\", "", "");
	describe("NAME='a\\b'\nVERSION=a\\", "a\\b", "a\\", "");
	describe("NAME\nNAME=\"open\nVERSION=\"\x1b[31m\"\nVERSION_ID=5", "open", "5", "");
	/* Too long for its place: the next one. */
	memset(text, 'y', sizeof(text));
	memcpy(text, "PRETTY_NAME=", 12);
	strcpy(text + 200, "\nNAME=short");
	describe(text, "short", "", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(all_sections, fresh), cmocka_unit_test_setup(profiles, fresh),
		cmocka_unit_test_setup(refused, fresh), cmocka_unit_test(command_lines), cmocka_unit_test(descriptions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
