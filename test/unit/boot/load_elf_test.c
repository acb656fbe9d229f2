// SPDX-License-Identifier: MIT
#include "test/unit/boot/support.h"
#include "test/unit/boot/fake_source.h"

#include <string.h>

#include "boot/load.h"
#include "lib/sha256.h"

#define TEXT_BYTES	(CHUNK_BYTES + 5000u)
#define DATA_BYTES	3000u
#define TEXT_AT		0x1000u
#define DATA_AT		(TEXT_AT + TEXT_BYTES + 11)
#define NOTE_AT		(DATA_AT + DATA_BYTES)
#define BYTES		(NOTE_AT + 24 + 100)
#define TEXT_ADDRESS	(FAKE_BASE + 0x200000u)
#define DATA_ADDRESS	(TEXT_ADDRESS + 0x180010u)
#define ROW(i)		(64 + 56 * (i))

static uint8_t file[BYTES];
static struct fake fake;
static struct entry entry;
static struct config config;
static struct load_work work;
static struct boot_plan plan;
static struct problem p;

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
	struct rng rng = { 0x656c66 };

	(void)state;
	fake_start(&fake);
	fake.any_order = true;
	for (unsigned i = 0; i < BYTES; i++)
		file[i] = (uint8_t)(rng_next(&rng) | 1);
	memset(file, 0, 0x400);
	memcpy(file, "\177ELF\2\1\1", 7);
	kernel_put(file, 16, 2, 2);
	kernel_put(file, 18, 2, 62);
	kernel_put(file, 24, 8, TEXT_ADDRESS + 0x40);
	kernel_put(file, 32, 8, 64);
	kernel_put(file, 52, 2, 64);
	kernel_put(file, 54, 2, 56);
	kernel_put(file, 56, 2, 3);
	row(0, 1, DATA_AT, DATA_ADDRESS, DATA_BYTES, DATA_BYTES + 0x5000);
	row(1, 1, TEXT_AT, TEXT_ADDRESS, TEXT_BYTES, TEXT_BYTES + 0x100);
	row(2, 4, NOTE_AT, 0, 20, 0);
	kernel_put(file, NOTE_AT, 4, 6);
	kernel_put(file, NOTE_AT + 4, 4, 0);
	memcpy(file + NOTE_AT + 12, "Linux\0\0", 8);
	fake_add(&fake, "/vmlinux", file, BYTES);
	config_init(&config);
	memset(&entry, 0, sizeof(entry));
	strcpy(entry.id, "x.conf");
	strcpy(entry.file, "x.conf");
	strcpy(entry.linux_path, "/vmlinux");
	strcpy(entry.options, "root=x");
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

static void give_digest(void)
{
	struct entry_digest *d = &entry.digests[entry.digest_count++];

	strcpy(d->path, "/vmlinux");
	sha256_compute(d->sha256, file, BYTES);
}

static void in_place(void **state)
{
	const struct boot_segment *s = &plan.segments[0];
	uint64_t data = DATA_ADDRESS - TEXT_ADDRESS, size = data + DATA_BYTES;
	const uint8_t *memory;

	(void)state;
	assert_problem(&p, load(), OK, "");
	assert_int_equal(fake_open_files(&fake), 0);
	assert_int_equal(plan.segment_count, 1);
	assert_int_equal(s->dest, TEXT_ADDRESS);
	assert_int_equal(s->size, size);
	assert_int_equal(s->memory_size, (data + DATA_BYTES + 0x5000 + 4095) / 4096 * 4096);
	assert_int_equal(s->reserved_size, s->memory_size);
	assert_int_equal(plan.kernel_entry, TEXT_ADDRESS + 0x40);
	memory = (const uint8_t *)(uintptr_t)s->dest;
	assert_memory_equal(memory, file + TEXT_AT, TEXT_BYTES);
	assert_memory_equal(memory + data, file + DATA_AT, DATA_BYTES);
	for (uint64_t i = TEXT_BYTES; i < s->memory_size; i++)
		if (i < data || i >= size)
			assert_int_equal(memory[i], 0);
	for (uint64_t at = 0; at < size; at += CHUNK_BYTES) {
		struct chunk_digest d;

		chunk_digest_compute(&d, memory + at, size - at < CHUNK_BYTES ? (uint32_t)(size - at) : CHUNK_BYTES);
		assert_memory_equal(&d, &s->chunks[at / CHUNK_BYTES], sizeof(d));
	}
	/* boot_params get a header though the file has none. */
	assert_int_equal(plan.setup_header_length, 0x26c - 0x1f1);
	assert_memory_equal(plan.setup_header + (0x202 - 0x1f1), "HdrS\x0f\x02", 6);
	assert_string_equal(plan.cmdline, "root=x");
	load_release(&fake.source, &plan);
	assert_clean();
}

/* Linked for memory that is not there: the whole moves, by a multiple of 2 MiB. */
static void moved(void **state)
{
	const struct boot_segment *s = &plan.segments[0];
	uint64_t data = DATA_ADDRESS - TEXT_ADDRESS;

	(void)state;
	row(0, 1, DATA_AT, FAKE_BASE + FAKE_SIZE + data, DATA_BYTES, DATA_BYTES);
	row(1, 1, TEXT_AT, FAKE_BASE + FAKE_SIZE, TEXT_BYTES, TEXT_BYTES);
	kernel_put(file, 24, 8, FAKE_BASE + FAKE_SIZE + 0x40);
	give_digest();
	assert_problem(&p, load(), OK, "");
	assert_int_equal(s->dest % (2u << 20), 0);
	assert_true(s->dest < FAKE_BASE + FAKE_SIZE);
	assert_memory_equal((const uint8_t *)(uintptr_t)s->dest, file + TEXT_AT, TEXT_BYTES);
	assert_memory_equal((const uint8_t *)(uintptr_t)s->dest + data, file + DATA_AT, DATA_BYTES);
	assert_int_equal(plan.kernel_entry, s->dest + 0x40);
	load_release(&fake.source, &plan);
	assert_clean();
}

static uint64_t change_at;
static unsigned change_before;

static void change(struct fake *f, uint64_t offset)
{
	(void)offset;
	if (f->reads == change_before)
		file[change_at] ^= 1;
}

/* The digest is the file's, and what was loaded is that file. */
static void digests(void **state)
{
	static const uint64_t places[] = { 0x300, TEXT_AT, TEXT_AT + TEXT_BYTES - 1, TEXT_AT + TEXT_BYTES, DATA_AT,
					   DATA_AT + DATA_BYTES - 1, BYTES - 1 };

	(void)state;
	give_digest();
	assert_problem(&p, load(), OK, "");
	assert_true(plan.segments[0].whole_known);
	load_release(&fake.source, &plan);
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		file[places[i]] ^= 1;
		assert_problem(&p, load(), E_DIGEST, "/vmlinux: SHA-256 is ");
		file[places[i]] ^= 1;
	}
	/* Reads: first bytes, the rest of them, notes, text (two), data, then all once more. */
	fake.on_read = change;
	for (unsigned i = 1; i < 6; i++) {
		if (places[i] == TEXT_AT + TEXT_BYTES)
			continue;
		/* The file's first bytes are kept and not read again, so they have to change before the text is read. */
		change_at = places[i];
		change_before = places[i] < LOAD_FIRST_BYTES ? 3 : 6;
		fake.reads = 0;
		assert_problem(&p, load(), E_DIGEST, "/vmlinux: changed while it was read");
		assert_clean();
		file[change_at] ^= 1;
	}
}

static void refused(void **state)
{
	(void)state;
	kernel_put(file, NOTE_AT, 4, 7);
	assert_problem(&p, load(), E_NOT_A_KERNEL, "/vmlinux: ELF without a note of Linux");
	assert_clean();
	fresh(NULL);
	kernel_put(file, NOTE_AT + 4, 4, 1000);
	assert_problem(&p, load(), E_KERNEL_HEADER, "/vmlinux: note at byte is 0x0");
	fresh(NULL);
	kernel_put(file, 24, 8, 1);
	assert_problem(&p, load(), E_KERNEL_HEADER, "/vmlinux: e_entry is 0x1");
	fresh(NULL);
	row(0, 0, 0, 0, 0, 0);
	row(1, 1, TEXT_AT, FAKE_BASE, TEXT_BYTES, FAKE_SIZE + 0x1000);
	kernel_put(file, 24, 8, FAKE_BASE);
	assert_problem(&p, load(), E_NO_MEMORY, "/vmlinux: no memory for 0x");
	fresh(NULL);
	fake.files[0].fail_at = NOTE_AT;
	assert_problem(&p, load(), E_FILE_READ, "/vmlinux: at byte ");
	fresh(NULL);
	fake.files[0].fail_at = TEXT_AT + TEXT_BYTES;
	row(2, 4, TEXT_AT - 0x100, 0, 20, 0);
	memcpy(file + TEXT_AT - 0x100, file + NOTE_AT, 20);
	assert_problem(&p, load(), E_FILE_READ, "/vmlinux: at byte ");
	assert_clean();
}

/* A Multiboot2 header at 0x300 with one tag of that type, and the end tag. */
static void multiboot2(unsigned type, unsigned flags, unsigned size, uint32_t first)
{
	uint32_t length = 16 + (size ? (size + 7) & ~7u : 0) + 8;

	memset(file + 0x300, 0, 128);
	kernel_put(file, 0x300, 4, 0xe85250d6);
	kernel_put(file, 0x308, 4, length);
	kernel_put(file, 0x30c, 4, 0u - 0xe85250d6u - length);
	kernel_put(file, 0x310, 2, type);
	kernel_put(file, 0x312, 2, flags);
	kernel_put(file, 0x314, 4, size);
	kernel_put(file, 0x318, 4, first);
	kernel_put(file, 0x300 + length - 4, 4, 8);
}

static void entered_in_protected_mode(void **state)
{
	static uint8_t one[5000], two[3];
	const struct boot_segment *modules = &plan.segments[1];

	(void)state;
	memset(one, '1', sizeof(one));
	memset(two, '2', sizeof(two));
	fake_add(&fake, "/one", one, sizeof(one));
	fake_add(&fake, "/two", two, sizeof(two));
	entry.initrd_count = 2;
	strcpy(entry.initrd[0], "/one");
	strcpy(entry.initrd[1], "/two");
	strcpy(entry.module_words[0], "words of one");
	multiboot2(6, 0, 8, 0);
	assert_problem(&p, load(), OK, "");
	assert_int_equal(plan.protocol, NEXT_MULTIBOOT2);
	assert_int_equal(plan.kernel_entry, TEXT_ADDRESS + 0x40);
	assert_int_equal(plan.segments[0].dest, TEXT_ADDRESS);
	assert_int_equal(plan.setup_header_length, 0);
	assert_int_equal(plan.module_count, 2);
	assert_int_equal(plan.modules[0].offset, 0);
	assert_int_equal(plan.modules[0].size, 5000);
	assert_string_equal(plan.cmdline, "/vmlinux root=x");
	assert_string_equal(plan.modules[0].words, "/one words of one");
	assert_int_equal(plan.modules[1].offset, 8192);
	assert_string_equal(plan.modules[1].words, "/two");
	assert_int_equal(modules->size, 8195);
	assert_true(modules->dest + modules->reserved_size <= 1ull << 32);
	assert_memory_equal((const void *)(uintptr_t)(modules->dest + 8192), two, 3);
	assert_int_equal(*(const uint8_t *)(uintptr_t)(modules->dest + 5000), 0);
	load_release(&fake.source, &plan);
	/* The header's entry goes over ELF's. */
	multiboot2(3, 0, 12, (uint32_t)TEXT_ADDRESS + 0x80);
	assert_problem(&p, load(), OK, "");
	assert_int_equal(plan.kernel_entry, TEXT_ADDRESS + 0x80);
	load_release(&fake.source, &plan);
	multiboot2(3, 0, 12, (uint32_t)TEXT_ADDRESS - 1);
	assert_problem(&p, load(), E_KERNEL_HEADER, "/vmlinux: entry_addr is 0x");
	/* Version 1, and addresses instead of ELF. */
	memset(file + 0x300, 0, 128);
	kernel_put(file, 0x300, 4, 0x1badb002);
	kernel_put(file, 0x304, 4, 0x10000);
	kernel_put(file, 0x308, 4, 0u - 0x1badb002u - 0x10000u);
	kernel_put(file, 0x30c, 4, DATA_ADDRESS / 4096 * 4096);
	kernel_put(file, 0x310, 4, DATA_ADDRESS / 4096 * 4096);
	kernel_put(file, 0x31c, 4, DATA_ADDRESS / 4096 * 4096 + 0x20);
	assert_problem(&p, load(), OK, "");
	assert_int_equal(plan.protocol, NEXT_MULTIBOOT1);
	assert_memory_equal((const void *)(uintptr_t)plan.segments[0].dest, file + 0x300, 4096);
	assert_int_equal(plan.kernel_entry, plan.segments[0].dest + 0x20);
	load_release(&fake.source, &plan);
	/* PVH: Xen's note instead of Linux's. */
	memset(file + 0x300, 0, 128);
	kernel_put(file, NOTE_AT, 4, 4);
	kernel_put(file, NOTE_AT + 4, 4, 4);
	kernel_put(file, NOTE_AT + 8, 4, 18);
	memcpy(file + NOTE_AT + 12, "Xen", 4);
	kernel_put(file, NOTE_AT + 16, 4, TEXT_ADDRESS + 0x60);
	assert_problem(&p, load(), OK, "");
	assert_int_equal(plan.protocol, NEXT_PVH);
	assert_string_equal(plan.cmdline, "root=x");
	assert_string_equal(plan.modules[0].words, "words of one");
	assert_string_equal(plan.modules[1].words, "");
	assert_int_equal(plan.kernel_entry, TEXT_ADDRESS + 0x60);
	load_release(&fake.source, &plan);
	kernel_put(file, NOTE_AT + 16, 4, 0x60);
	assert_problem(&p, load(), E_KERNEL_HEADER, "/vmlinux: PVH entry is 0x60, inside no PT_LOAD's bytes");
	assert_clean();
}

/* Anywhere in its range, as a whole. */
static void moved_by_its_range(void **state)
{
	(void)state;
	multiboot2(10, 0, 24, (uint32_t)FAKE_BASE);
	kernel_put(file, 0x31c, 4, (uint32_t)(FAKE_BASE + FAKE_SIZE - 1));
	kernel_put(file, 0x320, 4, 0x200000);
	fake.placed[fake.placed_count++] = (struct place_range){ TEXT_ADDRESS, 4096 };
	assert_problem(&p, load(), OK, "");
	assert_true(plan.segments[0].dest != TEXT_ADDRESS && !(plan.segments[0].dest & 0x1fffff));
	assert_int_equal(plan.kernel_entry, plan.segments[0].dest + 0x40);
	assert_memory_equal((const void *)(uintptr_t)plan.segments[0].dest, file + TEXT_AT, TEXT_BYTES);
	load_release(&fake.source, &plan);
	kernel_put(file, 0x31c, 4, (uint32_t)FAKE_BASE + 0x1000);
	assert_problem(&p, load(), E_KERNEL_HEADER, "/vmlinux: multiboot2 tag 10: 0x");
}

/* Somebody is there who goes: it waits elsewhere, apart from its place. */
static void placed_aside(void **state)
{
	const struct boot_segment *s = &plan.segments[0];
	uint64_t end;

	(void)state;
	multiboot2(6, 0, 8, 0);
	fake.placed[fake.placed_count++] = (struct place_range){ TEXT_ADDRESS + 0x1000, 4096 };
	assert_problem(&p, load(), OK, "");
	assert_int_equal(s->dest, TEXT_ADDRESS);
	assert_true(s->source && (s->source + s->reserved_size <= s->dest || s->source >= s->dest + s->reserved_size));
	assert_memory_equal((const void *)(uintptr_t)s->source, file + TEXT_AT, TEXT_BYTES);
	assert_int_equal(plan.kernel_entry, TEXT_ADDRESS + 0x40);
	end = s->dest + s->reserved_size + 0x3000;
	load_release(&fake.source, &plan);
	assert_int_equal(fake.placed_count, 1);
	/* Next to no memory: it waits in a part of its own place, and the table, which stays, is not there. */
	fake.placed[fake.placed_count++] = (struct place_range){ FAKE_BASE, TEXT_ADDRESS - 0x7000 - FAKE_BASE };
	fake.placed[fake.placed_count++] = (struct place_range){ end, FAKE_BASE + FAKE_SIZE - end };
	assert_problem(&p, load(), OK, "");
	assert_int_equal(s->source, s->dest + 0x3000);
	assert_int_equal((uintptr_t)plan.digest_table, TEXT_ADDRESS - 0x7000);
	load_release(&fake.source, &plan);
	fake.placed_count = 1;
	/* Never a kernel that may go elsewhere; and not onto what is loaded itself. */
	memset(file + 0x300, 0, 128);
	kernel_put(file, 24, 8, TEXT_ADDRESS + 0x40);
	fake.source.in_place = NULL;
	assert_problem(&p, load(), OK, "");
	assert_true(!s->source && s->dest != TEXT_ADDRESS);
	load_release(&fake.source, &plan);
}

/* As distributions install some images: the line names what would unpack it. */
static void packed_as_a_whole(void **state)
{
	static const struct { uint32_t mark; const char *line; } marks[] = {
		{ 0x00088b1f, "/vmlinux: packed with gzip; Baton starts what is in it, unpacked" },
		{ 0x587a37fd, "packed with xz;" }, { 0xfd2fb528, "packed with zstd;" }, { 0x39685a42, "packed with bzip2;" },
		{ 0x0000005d, "packed with lzma;" }, { 0x184d2204, "packed with lz4;" }, { 0x184c2102, "packed with lz4;" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		kernel_put(file, 0, 4, marks[i].mark);
		assert_problem(&p, load(), E_NOT_SUPPORTED, marks[i].line);
		assert_clean();
	}
}

static void wishes_not_granted(void **state)
{
	(void)state;
	multiboot2(7, 0, 8, 0);
	assert_problem(&p, load(), E_NOT_SUPPORTED, "/vmlinux: a Multiboot2 image that needs firmware's boot services alive");
	multiboot2(7, 1, 8, 0);
	assert_problem(&p, load(), OK, "");
	load_release(&fake.source, &plan);
	/* As Xen's: for EFI it has an entry of its own. */
	multiboot2(7, 1, 8, 0);
	kernel_put(file, 0x308, 4, 48);
	kernel_put(file, 0x30c, 4, 0u - 0xe85250d6u - 48);
	kernel_put(file, 0x318, 4, 0x10009);
	kernel_put(file, 0x31c, 4, 12);
	kernel_put(file, 0x328, 8, 8ull << 32);
	assert_problem(&p, load(), OK, "");
	load_release(&fake.source, &plan);
	fake.source.efi = true;
	assert_problem(&p, load(), E_NOT_SUPPORTED, "/vmlinux: a Multiboot2 image that needs firmware's boot services alive");
	fake.source.efi = false;
	multiboot2(1, 0, 12, 9);
	assert_problem(&p, load(), E_NOT_SUPPORTED, "/vmlinux: a Multiboot2 image that needs information of type 9");
	multiboot2(1, 0, 12, 6);
	assert_problem(&p, load(), OK, "");
	load_release(&fake.source, &plan);
	memset(file + 0x300, 0, 128);
	kernel_put(file, 0x300, 4, 0x1badb002);
	kernel_put(file, 0x304, 4, 8);
	kernel_put(file, 0x308, 4, 0u - 0x1badb002u - 8);
	assert_problem(&p, load(), E_KERNEL_HEADER, "/vmlinux: multiboot flags is 0x8");
	/* Beyond what 32 bits reach, and nothing known at all. */
	multiboot2(6, 0, 8, 0);
	row(0, 1, DATA_AT, 0xffffff00, DATA_BYTES, DATA_BYTES + 0x5000);
	row(1, 1, TEXT_AT, 0xe0000000, TEXT_BYTES, TEXT_BYTES);
	assert_problem(&p, load(), E_KERNEL_HEADER, "/vmlinux: memory up to 0x100005ab8: its entry has 32 bits");
	memset(file, 0, 0x400);
	assert_problem(&p, load(), E_NOT_A_KERNEL, "/vmlinux: boot_flag is 0x0");
	assert_clean();
}

/* A bzImage has 1 KiB of headers at least; an ELF file is whole with less. */
static void few_bytes(void **state)
{
	static uint8_t tiny[300];

	(void)state;
	row(0, 1, ROW(3) + 20, TEXT_ADDRESS, 10, 10);
	row(1, 0, 0, 0, 0, 0);
	row(2, 4, ROW(3), 0, 20, 0);
	kernel_put(file, 24, 8, TEXT_ADDRESS + 2);
	memcpy(tiny, file, ROW(3));
	memcpy(tiny + ROW(3), file + NOTE_AT, 20);
	memset(tiny + ROW(3) + 20, 0x90, 10);
	fake_add(&fake, "/tiny", tiny, ROW(3) + 30);
	strcpy(entry.linux_path, "/tiny");
	for (unsigned digest = 0; digest < 2; digest++) {
		assert_problem(&p, load(), OK, "");
		assert_int_equal(plan.segments[0].whole_known, digest);
		assert_memory_equal((void *)(uintptr_t)plan.segments[0].dest, tiny + ROW(3) + 20, 10);
		assert_int_equal(plan.kernel_entry, TEXT_ADDRESS + 2);
		load_release(&fake.source, &plan);
		strcpy(entry.digests[0].path, "/tiny");
		sha256_compute(entry.digests[0].sha256, tiny, ROW(3) + 30);
		entry.digest_count = 1;
	}
	entry.digest_count = 0;
	fake.files[1].size--;
	assert_problem(&p, load(), E_KERNEL_TRUNCATED, "/tiny: program header 0: p_filesz");
	fake.files[1].size = 63;
	assert_problem(&p, load(), E_NOT_A_KERNEL, "/tiny: no ELF file");
	/* What nobody knows is no kernel, of whatever size; marks are not taken from what was read before. */
	fake.files[1].size = 3;
	assert_problem(&p, load(), E_NOT_A_KERNEL, "/tiny: 3 bytes are too short for a Linux kernel");
	assert_clean();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(in_place, fresh), cmocka_unit_test_setup(few_bytes, fresh),
		cmocka_unit_test_setup(moved, fresh), cmocka_unit_test_setup(digests, fresh),
		cmocka_unit_test_setup(refused, fresh),
		cmocka_unit_test_setup(entered_in_protected_mode, fresh),
		cmocka_unit_test_setup(moved_by_its_range, fresh), cmocka_unit_test_setup(placed_aside, fresh),
		cmocka_unit_test_setup(packed_as_a_whole, fresh),
		cmocka_unit_test_setup(wishes_not_granted, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
