// SPDX-License-Identifier: MIT
#include "test/unit/boot/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot/cpio.h"

static uint8_t bytes[65536];
static struct cpio archive;
static struct problem p;

enum { INO, MODE, UID, GID, NLINK, MTIME, FILESIZE, DEVMAJOR, DEVMINOR, RDEVMAJOR, RDEVMINOR, NAMESIZE, CHECK };

static int fresh(void **state)
{
	(void)state;
	memset(bytes, 0, sizeof(bytes));
	archive = (struct cpio){ bytes, 0 };
	p = (struct problem){ 0 };
	return 0;
}

/* Offset of the header that it adds. */
static uint64_t add(const char *name, unsigned mode, const char *data, unsigned size)
{
	uint64_t at = archive.size;
	unsigned name_bytes = (unsigned)strlen(name) + 1;

	sprintf((char *)bytes + at, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", 1, mode, 0, 0, 1, 0, size,
		0, 0, 0, 0, name_bytes, 0);
	memcpy(bytes + at + 110, name, name_bytes);
	at = (at + 110 + name_bytes + 3) & ~3ull;
	memcpy(bytes + at, data, size);
	at = (at + size + 3) & ~3ull;
	archive.size = at;
	return at - ((size + 3) & ~3u) - ((110 + name_bytes + 3) & ~3u);
}

static void put(uint64_t header, unsigned field, const char *digits)
{
	memcpy(bytes + header + 6 + 8 * field, digits, 8);
}

static uint64_t three_files(void)
{
	uint64_t second;

	fresh(NULL);
	add(".", 040755, "", 0);
	add("loader", 040755, "", 0);
	second = add("loader/entries/a.conf", 0100644, "linux /k\n", 9);
	add("./Debian/vmlinuz", 0100644, "kernel", 6);
	add("TRAILER!!!", 0, "", 0);
	return second;
}

static void finds_files(void **state)
{
	struct cpio_entry e;

	(void)state;
	three_files();
	assert_problem(&p, cpio_check(&archive, &p), OK, "");
	assert_problem(&p, cpio_find(&archive, "/loader/entries/a.conf", &e, &p), OK, "");
	assert_int_equal(e.size, 9);
	assert_memory_equal(bytes + e.offset, "linux /k\n", 9);
	assert_string_equal(cpio_name_in(&e, "/loader/entries"), "a.conf");
	assert_null(cpio_name_in(&e, "/loader"));
	assert_null(cpio_name_in(&e, "/loader/entrie"));
	/* As on a FAT partition. */
	assert_int_equal(cpio_find(&archive, "/debian/VMLINUZ", &e, &p), OK);
	assert_memory_equal(bytes + e.offset, "kernel", 6);
	assert_problem(&p, cpio_find(&archive, "/debian/initrd", &e, &p), E_FILE_MISSING, "/debian/initrd");
	p.code = OK;
	assert_int_equal(cpio_find(&archive, "/loader", &e, &p), E_FILE_MISSING);
}

static void note_file(void *arg, const char *name, uint64_t size)
{
	assert_string_equal(name, "a.conf");
	assert_int_equal(size, 9);
	++*(unsigned *)arg;
}

static void lists_directories(void **state)
{
	unsigned seen = 0;
	uint64_t at;

	(void)state;
	at = three_files();
	assert_problem(&p, cpio_list(&archive, "/loader/entries", note_file, &seen, &p), OK, "");
	assert_int_equal(seen, 1);
	assert_problem(&p, cpio_list(&archive, "/loader", note_file, &seen, &p), E_FILE_MISSING, "/loader: nothing in the bundle");
	p.code = OK;
	put(at, CHECK, "00000001");
	assert_problem(&p, cpio_list(&archive, "/debian", note_file, &seen, &p), E_BUNDLE, "check 0x1");
	assert_int_equal(seen, 1);
}

static void one_archive_behind_another(void **state)
{
	struct cpio_entry e;

	(void)state;
	three_files();
	archive.size += 512;
	add("second", 0100644, "x", 1);
	add("TRAILER!!!", 0, "", 0);
	archive.size += 100;
	assert_problem(&p, cpio_check(&archive, &p), OK, "");
	assert_int_equal(cpio_find(&archive, "/second", &e, &p), OK);
	/* Something else behind the trailer. */
	bytes[archive.size - 1] = 'x';
	assert_problem(&p, cpio_check(&archive, &p), E_BUNDLE, "ends inside");
}

static void zeros_behind_the_name_align_the_data(void **state)
{
	struct cpio_entry e;
	uint64_t at;

	(void)state;
	fresh(NULL);
	at = add("pad", 0100644, "", 0);
	put(at, NAMESIZE, "00000F92");		/* 110 + 0xf92 = 4096 */
	put(at, FILESIZE, "00000004");
	memcpy(bytes + 4096, "data", 4);
	archive.size = 4100;
	add("TRAILER!!!", 0, "", 0);
	assert_problem(&p, cpio_check(&archive, &p), OK, "");
	assert_problem(&p, cpio_find(&archive, "/pad", &e, &p), OK, "");
	assert_int_equal(e.offset, 4096);
}

/* As GRUB's newc: has it: the count leaves the NUL out, and where the name ends on a multiple of 4 there is none. */
static void names_without_nul(void **state)
{
	static const char *const names[] = { "loader/entries/a.conf", "ab" };
	struct cpio_entry e;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		char digits[9];
		uint64_t at;

		fresh(NULL);
		at = add(names[i], 0100777, "", 0);
		snprintf(digits, sizeof(digits), "%08X", (unsigned)strlen(names[i]));
		put(at, NAMESIZE, digits);
		archive.size = at + 110 + strlen(names[i]);
		archive.size = (archive.size + 3) & ~3ull;
		put(at, FILESIZE, "00000004");
		memcpy(bytes + archive.size, "data", 4);
		archive.size += 4;
		add("TRAILER!!!", 0, "", 0);
		assert_problem(&p, cpio_check(&archive, &p), OK, "");
		assert_int_equal(cpio_find(&archive, names[i], &e, &p), OK);
		assert_string_equal(e.path, names[i]);
		assert_memory_equal(bytes + e.offset, "data", 4);
	}
}

/* Each field says something that is not so. */
static void every_field_lies_once(void **state)
{
	static const struct { unsigned field; const char *digits, *piece; } lies[] = {
		{ INO, "0000000G", "ino" }, { MODE, "0000x1a4", "mode is not 8 hex" },
		{ MODE, "0000A1FF", "loader/entries/a.conf: mode 0xa1ff: neither" },		/* a link */
		{ MODE, "000021A4", "neither a file nor a directory" },				/* a device */
		{ UID, "        ", "uid" }, { GID, "-0000001", "gid" }, { NLINK, "nlinknli", "nlink is" },
		{ NLINK, "00000002", "hard links" }, { NLINK, "00000000", "hard links" },
		{ MTIME, "0000000\n", "mtime" }, { FILESIZE, "FFFFFFFF", "filesize 0xffffffff: beyond the end" },
		{ FILESIZE, "0000zz09", "filesize is not" }, { FILESIZE, "00000001", "magic" },
		{ DEVMAJOR, "0x000000", "devmajor" }, { DEVMINOR, "\0\0\0\0\0\0\0\0", "devminor" },
		{ RDEVMAJOR, "0000000 ", "rdevmajor" }, { RDEVMINOR, "..000000", "rdevminor" },
		{ NAMESIZE, "00000000", "namesize is 0" }, { NAMESIZE, "00002001", "more than 8192" },
		{ NAMESIZE, "00001FFF", "beyond the end" },
		{ NAMESIZE, "00000020", "bytes behind the name" }, { NAMESIZE, "namesize", "namesize is not" },
		{ CHECK, "00000001", "check 0x1" }, { CHECK, "checkche", "check is not" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		uint64_t at = three_files();

		put(at, lies[i].field, lies[i].digits);
		assert_problem(&p, cpio_check(&archive, &p), E_BUNDLE, lies[i].piece);
	}
	memcpy(bytes + three_files(), "070702", 6);
	assert_problem(&p, cpio_check(&archive, &p), E_BUNDLE, "magic is not 070701");
}

static void bad_archives(void **state)
{
	char name[CPIO_PATH_MAX + 1] = "";
	struct cpio_entry e;
	uint64_t at, whole;

	(void)state;
	assert_problem(&p, cpio_check(&archive, &p), E_BUNDLE, "ends inside");
	/* Wherever it is cut there is a line, never a walk beyond the end. */
	three_files();
	whole = archive.size;
	for (uint64_t size = 0; size < whole - 1; size++) {
		uint8_t *exact = malloc(size ? size : 1);

		memcpy(exact, bytes, size);
		p.code = OK;
		assert_problem(&p, cpio_check(&(struct cpio){ exact, size }, &p), E_BUNDLE, "bundle: ");
		free(exact);
	}
	fresh(NULL);
	add("dir", 040755, "", 0);
	add("TRAILER!!!", 0, "", 0);
	assert_problem(&p, cpio_check(&archive, &p), E_BUNDLE, "no file");
	fresh(NULL);
	memset(name, 'n', sizeof(name) - 1);
	add(name, 0100644, "", 0);
	assert_problem(&p, cpio_check(&archive, &p), E_BUNDLE, "a name of 512");
	fresh(NULL);
	add("a/../../b", 0100644, "", 0);
	assert_problem(&p, cpio_check(&archive, &p), E_BUNDLE, "..");
	fresh(NULL);
	add("tab\tbed", 0100644, "", 0);
	assert_problem(&p, cpio_check(&archive, &p), E_BUNDLE, "control byte");
	fresh(NULL);
	add("caf\xe9", 0100644, "", 0);
	assert_problem(&p, cpio_check(&archive, &p), E_BUNDLE, "the name is not UTF-8");
	fresh(NULL);
	at = add("TRAILER!!!", 0, "", 0);
	put(at, FILESIZE, "00000001");
	archive.size += 4;
	assert_problem(&p, cpio_check(&archive, &p), E_BUNDLE, "TRAILER");
	fresh(NULL);
	at = add("dir", 040755, "", 0);
	archive.size += 4;
	put(at, FILESIZE, "00000001");
	assert_problem(&p, cpio_check(&archive, &p), E_BUNDLE, "of a directory");
	fresh(NULL);
	add("twice", 0100644, "1", 1);
	add("/TWICE", 0100644, "2", 1);
	add("TRAILER!!!", 0, "", 0);
	assert_problem(&p, cpio_find(&archive, "/twice", &e, &p), E_BUNDLE, "there twice");
}

static void too_many_entries(void **state)
{
	static uint8_t many[(CPIO_ENTRIES_MAX + 1) * 112];
	struct cpio big = { many, sizeof(many) };

	(void)state;
	add("a", 040755, "", 0);
	for (unsigned i = 0; i <= CPIO_ENTRIES_MAX; i++)
		memcpy(many + i * 112, bytes, 112);
	assert_problem(&p, cpio_check(&big, &p), E_BUNDLE, "more than 4096");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(finds_files, fresh), cmocka_unit_test_setup(lists_directories, fresh),
		cmocka_unit_test_setup(one_archive_behind_another, fresh),
		cmocka_unit_test_setup(zeros_behind_the_name_align_the_data, fresh),
		cmocka_unit_test_setup(names_without_nul, fresh),
		cmocka_unit_test_setup(every_field_lies_once, fresh), cmocka_unit_test_setup(bad_archives, fresh),
		cmocka_unit_test_setup(too_many_entries, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
