// SPDX-License-Identifier: MIT
#include "test/unit/boot/support.h"
#include "test/unit/boot/fake_source.h"
#include "test/unit/boot/pe_make.h"

#include <string.h>

#include "boot/load.h"
#include "lib/sha256.h"

#define UCODE_BYTES	4001u
#define INITRD_BYTES	(CHUNK_BYTES + 77u)
#define EXTRA_BYTES	(CHUNK_BYTES + 3u)
#define ROOM		(KERNEL_BYTES + INITRD_BYTES + (1u << 20))

static uint8_t kernel[KERNEL_BYTES], data[INITRD_BYTES + UCODE_BYTES + EXTRA_BYTES], image[ROOM];
static const uint8_t *const ucode = data, *const initrd = data + UCODE_BYTES, *const extra = data + UCODE_BYTES + INITRD_BYTES;
static uint64_t linux_at, initrd_at, cmdline_at;
static struct pe_made made;
static struct fake fake;
static struct entry entry;
static struct config config;
static struct load_work work;
static struct boot_plan plan;
static struct problem p;

/* .initrd lies before .linux, .ucode last: the order of loading is not the order in the file. */
static int fresh(void **state)
{
	static const char osrel[] = "ID=test\nPRETTY_NAME=\"Test 1\"\nVERSION_ID=1\n";
	struct rng rng = { 0x756b69 };

	(void)state;
	fake_start(&fake);
	fake.any_order = true;
	kernel_make(kernel);
	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(rng_next(&rng) | 1);
	pe_make(&made, image, ROOM);
	pe_add(&made, ".osrel", osrel, sizeof(osrel) - 1);
	initrd_at = pe_add(&made, ".initrd", initrd, INITRD_BYTES);
	cmdline_at = pe_add(&made, ".cmdline", " root=uki\n", 10);
	linux_at = pe_add(&made, ".linux", kernel, KERNEL_BYTES);
	pe_add(&made, ".ucode", ucode, UCODE_BYTES);
	fake_add(&fake, "/EFI/Linux/x.efi", image, made.size);
	config_init(&config);
	memset(&entry, 0, sizeof(entry));
	strcpy(entry.id, "x.efi");
	strcpy(entry.file, "x.efi");
	strcpy(entry.uki_path, "/EFI/Linux/x.efi");
	p = (struct problem){ 0 };
	return 0;
}

static enum status load(void)
{
	p = (struct problem){ 0 };
	return load_entry(&fake.source, NULL, &entry, &config, &work, &plan, &p);
}

static void assert_clean(void)
{
	assert_int_equal(fake_open_files(&fake), 0);
	assert_int_equal(fake.placed_count, 0);
	assert_int_equal(plan.segment_count, 0);
}

static void give_digest(const char *path, const uint8_t *from, uint64_t size)
{
	struct entry_digest *d = &entry.digests[entry.digest_count++];

	strcpy(d->path, path);
	sha256_compute(d->sha256, from, size);
}

static void check_segment(const struct boot_segment *s, const uint8_t *wanted, uint64_t size)
{
	assert_int_equal(s->size, size);
	assert_memory_equal((const uint8_t *)(uintptr_t)s->dest, wanted, size);
	for (uint64_t at = 0; at < size; at += CHUNK_BYTES) {
		struct chunk_digest d;

		chunk_digest_compute(&d, wanted + at, size - at < CHUNK_BYTES ? (uint32_t)(size - at) : CHUNK_BYTES);
		assert_memory_equal(&d, &s->chunks[at / CHUNK_BYTES], sizeof(d));
	}
}

/* Microcode, then the image's initrd, then the entry's, each on a multiple of four. */
static uint64_t concatenate(uint8_t *to, bool more)
{
	uint64_t at = (UCODE_BYTES + 3) & ~3u;

	memset(to, 0, ROOM);
	memcpy(to, ucode, UCODE_BYTES);
	memcpy(to + at, initrd, INITRD_BYTES);
	at += INITRD_BYTES;
	if (!more)
		return at;
	at = (at + 3) & ~3ull;
	memcpy(to + at, extra, EXTRA_BYTES);
	return at + EXTRA_BYTES;
}

static void taken_apart(void **state)
{
	static uint8_t wanted[ROOM];

	(void)state;
	for (unsigned more = 0; more < 2; more++) {
		uint64_t bytes = concatenate(wanted, more);

		fresh(NULL);
		if (more) {
			fake_add(&fake, "/extra", extra, EXTRA_BYTES);
			strcpy(entry.initrd[entry.initrd_count++], "/extra");
		}
		assert_problem(&p, load(), OK, "");
		assert_int_equal(fake_open_files(&fake), 0);
		assert_int_equal(plan.segment_count, 2);
		check_segment(&plan.segments[0], kernel + KERNEL_SETUP_BYTES, KERNEL_PM_BYTES);
		check_segment(&plan.segments[1], wanted, bytes);
		assert_string_equal(plan.segments[0].path, "/EFI/Linux/x.efi:.linux");
		assert_string_equal(plan.segments[1].path, "/EFI/Linux/x.efi:.ucode");
		assert_int_equal(plan.segments[1].file_count, 2 + more);
		assert_false(plan.segments[0].whole_known || plan.segments[1].whole_known);
		assert_string_equal(plan.cmdline, "root=uki");
		assert_string_equal(work.version, "6.1.0-test (made) #1");
		load_release(&fake.source, &plan);
		assert_clean();
	}
}

/* By any of the keys; through linux a kernel stays a kernel, though it may be a PE file, too. */
static void keys(void **state)
{
	(void)state;
	strcpy(entry.linux_path, entry.uki_path);
	entry.uki_path[0] = '\0';
	assert_problem(&p, load(), OK, "");
	assert_int_equal(plan.segment_count, 2);
	load_release(&fake.source, &plan);
	strcpy(entry.efi_path, entry.linux_path);
	entry.linux_path[0] = '\0';
	assert_problem(&p, load(), OK, "");
	load_release(&fake.source, &plan);
	assert_true(load_is_uki(&fake.source, "/EFI/Linux/x.efi", &work));
	memcpy(kernel, "MZ", 2);
	fake_add(&fake, "/vmlinuz", kernel, KERNEL_BYTES);
	strcpy(entry.efi_path, "/vmlinuz");
	assert_problem(&p, load(), OK, "");
	assert_int_equal(plan.segment_count, 1);
	assert_string_equal(plan.cmdline, "");
	load_release(&fake.source, &plan);
	assert_false(load_is_uki(&fake.source, "/vmlinuz", &work));
	assert_false(load_is_uki(&fake.source, "/nothing", &work));
	assert_clean();
}

/* What is no program but a unified image with something wrong is refused as one; what has no kernel is a program. */
static void malformed_is_no_program(void **state)
{
	static const struct { unsigned at, bytes; uint64_t value; bool is; } cases[] = {
		{ PE_MADE_COFF + 4, 2, 0xaa64, true }, { PE_MADE_OPTIONAL + 36, 4, 3, true },
		{ PE_MADE_OPTIONAL + 56, 4, 0, true }, { PE_MADE_ROW(4) + 20, 4, 0xffffffff, true },
		{ PE_MADE_COFF + 6, 2, 0xffff, true }, { PE_MADE_COFF + 6, 2, 4, false },
		{ PE_MADE_ROW(4) + 6, 1, '2', false }, { PE_MADE_COFF + 20, 2, 0xffff, false },
		{ PE_MADE_COFF, 1, 'X', false }, { 0x3c, 4, 0xffffffff, false }, { 0, 1, 'X', false }, { 1, 1, 'X', false },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fresh(NULL);
		kernel_put(image, cases[i].at, cases[i].bytes, cases[i].value);
		assert_int_equal(load_is_uki(&fake.source, "/EFI/Linux/x.efi", &work), cases[i].is);
	}
	/* The table is cut off before and behind the row, and where e_lfanew would be. */
	fresh(NULL);
	fake.files[0].size = PE_MADE_ROW(5);
	assert_true(load_is_uki(&fake.source, "/EFI/Linux/x.efi", &work));
	fake.files[0].size--;
	assert_false(load_is_uki(&fake.source, "/EFI/Linux/x.efi", &work));
	fake.files[0].size = 0x3f;
	assert_false(load_is_uki(&fake.source, "/EFI/Linux/x.efi", &work));
	fake.files[0].fail_at = 1;
	assert_false(load_is_uki(&fake.source, "/EFI/Linux/x.efi", &work));
	assert_clean();
}

static void command_lines(void **state)
{
	(void)state;
	strcpy(config.append, "more");
	assert_problem(&p, load(), OK, "");
	assert_string_equal(plan.cmdline, "root=uki more");
	load_release(&fake.source, &plan);
	strcpy(entry.options, "root=entry");
	assert_problem(&p, load(), OK, "");
	assert_string_equal(plan.cmdline, "root=entry more");
	load_release(&fake.source, &plan);
	/* Firmware verified the image, nobody the entry. */
	fake.source.verified = true;
	assert_problem(&p, load(), OK, "");
	assert_string_equal(plan.cmdline, "root=uki");
	load_release(&fake.source, &plan);
	/* But an image without a command line leaves it open. */
	memset(image + cmdline_at, ' ', 10);
	assert_problem(&p, load(), OK, "");
	assert_string_equal(plan.cmdline, "root=entry more");
	load_release(&fake.source, &plan);
	image[cmdline_at] = '\a';
	assert_problem(&p, load(), E_KERNEL_HEADER, "/EFI/Linux/x.efi: .cmdline has byte 0x07 at 0");
	assert_clean();
}

static void digests(void **state)
{
	static const unsigned places[] = { 2, 0x1001, 0x100000 };

	(void)state;
	give_digest("/EFI/Linux/x.efi", image, made.size);
	assert_problem(&p, load(), OK, "");
	assert_true(plan.segments[0].whole_known && plan.segments[1].whole_known);
	assert_memory_equal(plan.segments[0].whole_sha256, entry.digests[0].sha256, 32);
	load_release(&fake.source, &plan);
	/* An initrd without a digest: nobody knows the segment as a whole. */
	fake_add(&fake, "/extra", extra, EXTRA_BYTES);
	strcpy(entry.initrd[entry.initrd_count++], "/extra");
	assert_problem(&p, load(), OK, "");
	assert_true(plan.segments[0].whole_known && !plan.segments[1].whole_known);
	load_release(&fake.source, &plan);
	for (unsigned i = 0; i < 3; i++) {
		image[places[i]] ^= 1;
		assert_problem(&p, load(), E_DIGEST, "/EFI/Linux/x.efi: SHA-256 is ");
		assert_clean();
		image[places[i]] ^= 1;
	}
	image[made.size - 1] ^= 1;
	assert_problem(&p, load(), E_DIGEST, "/EFI/Linux/x.efi: SHA-256 is ");
	assert_clean();
}

static uint64_t change_at, reads_until;

/* Changes one byte when the file has been compared: just before the given read. */
static void change(struct fake *f, uint64_t offset)
{
	(void)offset;
	if (f->reads == reads_until)
		image[change_at] ^= 1;
}

static void change_file(uint64_t at, unsigned when, const char *text)
{
	fresh(NULL);
	give_digest("/EFI/Linux/x.efi", image, made.size);
	fake.on_read = change;
	change_at = at;
	reads_until = when;
	assert_problem(&p, load(), E_DIGEST, text);
	assert_clean();
}

/* A disk that answers the second reading with something else. */
static void files_that_change(void **state)
{
	unsigned compared;

	(void)state;
	/* Reads: first bytes, the rest of them, .cmdline, then the pass up to the end. */
	compared = 3 + (unsigned)((made.size - LOAD_FIRST_BYTES + BZIMAGE_SETUP_MAX - 1) / BZIMAGE_SETUP_MAX);
	change_file(linux_at + KERNEL_BYTES - 1, compared, "/EFI/Linux/x.efi:.linux: changed while it was read");
	change_file(linux_at + 8, compared, "/EFI/Linux/x.efi:.linux: changed while it was read");
	change_file(initrd_at + 5, compared, "/EFI/Linux/x.efi:.initrd: changed while it was read");
	/* The file is what the entry says, but the command line was read as something else. */
	fresh(NULL);
	give_digest("/EFI/Linux/x.efi", image, made.size);
	image[cmdline_at + 9] = ' ';
	fake.on_read = change;
	change_at = cmdline_at + 9;
	reads_until = 3;
	image[cmdline_at + 9] = '\n' ^ 1;
	assert_problem(&p, load(), E_KERNEL_HEADER, ".cmdline has byte 0x0b");
	image[cmdline_at + 9] = '\n';
	image[cmdline_at + 8] ^= 1;
	change_at = cmdline_at + 8;
	fake.reads = 0;
	assert_problem(&p, load(), E_DIGEST, "/EFI/Linux/x.efi: changed while it was read");
	assert_clean();
}

static void refused(void **state)
{
	(void)state;
	entry.profile = 1;
	assert_problem(&p, load(), E_ENTRY_INVALID, "/EFI/Linux/x.efi: there is no profile 1");
	assert_clean();
	/* And what is no such image has no profile at all. */
	fake_add(&fake, "/vmlinuz", kernel, KERNEL_BYTES);
	strcpy(entry.linux_path, "/vmlinuz");
	assert_problem(&p, load(), E_ENTRY_INVALID, "x.efi: profile 1, but /vmlinuz is no unified kernel image");
	assert_clean();
	entry.linux_path[0] = '\0';
	entry.profile = 0;
	kernel_put(image, (unsigned)linux_at + 0x236, 2, 0);
	assert_problem(&p, load(), E_NOT_A_KERNEL, "/EFI/Linux/x.efi:.linux: xloadflags");
	assert_clean();
	fresh(NULL);
	image[PE_MADE_COFF] = 'X';
	assert_problem(&p, load(), E_NOT_A_KERNEL, "/EFI/Linux/x.efi: PE signature");
	assert_clean();
	fresh(NULL);
	fake.files[0].size = made.size - 0x200;
	assert_problem(&p, load(), E_KERNEL_TRUNCATED, "/EFI/Linux/x.efi: section 5 (.ucode): end of its bytes");
	assert_clean();
	fresh(NULL);
	fake.files[0].size = 1023;
	assert_problem(&p, load(), E_KERNEL_TRUNCATED, "/EFI/Linux/x.efi: section 0 (.text): end of its bytes");
	assert_clean();
}

static void reads_that_fail(void **state)
{
	static const struct { bool digest; uint64_t at; const char *text; } cases[] = {
		{ false, 1025, "/EFI/Linux/x.efi: at byte 1024: Device Error" },
		{ false, LOAD_FIRST_BYTES + 1, "/EFI/Linux/x.efi: at byte 1054208: Device Error" },
		{ true, 0x180000, "/EFI/Linux/x.efi: at byte " },
	};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		fresh(NULL);
		if (cases[i].digest)
			give_digest("/EFI/Linux/x.efi", image, made.size);
		fake.files[0].fail_at = cases[i].at;
		assert_problem(&p, load(), E_FILE_READ, cases[i].text);
		assert_clean();
	}
}

static void as_type_2_entry(void **state)
{
	struct entry *e = &entry;

	(void)state;
	fake.files[0].path = "/EFI/Linux/debian-6.1+3-1.efi";
	assert_problem(&p, load_uki_entry(&fake.source, e, "debian-6.1+3-1.efi", &work, &p), OK, "");
	assert_string_equal(e->id, "debian-6.1.efi");
	assert_string_equal(e->uki_path, "/EFI/Linux/debian-6.1+3-1.efi");
	assert_true(e->counted && e->tries_left == 3 && e->tries_done == 1);
	assert_string_equal(e->title, "Test 1");
	assert_string_equal(e->version, "1");
	assert_string_equal(e->sort_key, "test");
	assert_string_equal(e->options, "root=uki");
	assert_problem(&p, load(), OK, "");
	load_release(&fake.source, &plan);
	image[PE_MADE_COFF] = 'X';
	assert_problem(&p, load_uki_entry(&fake.source, e, "debian-6.1+3-1.efi", &work, &p), E_NOT_A_KERNEL, "PE signature");
	assert_string_equal(e->id, "debian-6.1.efi");
	p.code = OK;
	assert_problem(&p, load_uki_entry(&fake.source, e, "gone.efi", &work, &p), E_FILE_MISSING, "/EFI/Linux/gone.efi");
	p.code = OK;
	assert_problem(&p, load_uki_entry(&fake.source, e, "x.conf", &work, &p), E_ENTRY_INVALID, "x.conf: not a name");
	assert_clean();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(taken_apart, fresh), cmocka_unit_test_setup(keys, fresh),
		cmocka_unit_test_setup(malformed_is_no_program, fresh),
		cmocka_unit_test_setup(command_lines, fresh), cmocka_unit_test_setup(digests, fresh),
		cmocka_unit_test_setup(files_that_change, fresh), cmocka_unit_test_setup(refused, fresh),
		cmocka_unit_test_setup(reads_that_fail, fresh), cmocka_unit_test_setup(as_type_2_entry, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
