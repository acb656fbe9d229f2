// SPDX-License-Identifier: MIT
#include "test/unit/boot/support.h"
#include "test/unit/boot/fake_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot/load.h"
#include "lib/sha256.h"

#define DATA_BYTES (5u << 20)

static uint8_t kernel[KERNEL_BYTES], data[DATA_BYTES];
static struct fake fake;
static struct entry entry;
static struct config config;
static struct load_work work;
static struct boot_plan plan;
static struct problem p;

static int fresh(void **state)
{
	struct rng rng = { 0x646174 };

	(void)state;
	fake_start_linux(&fake, kernel, &entry, &config);
	for (unsigned i = 0; i < DATA_BYTES; i++)
		data[i] = (uint8_t)(rng_next(&rng) | 1);
	strcpy(entry.id, "x.conf");
	strcpy(entry.title, "X");
	strcpy(entry.options, "root=x");
	p = (struct problem){ 0 };
	return 0;
}

static void add_initrd(const char *path, const uint8_t *from, uint64_t size)
{
	fake_add(&fake, path, from, size);
	strcpy(entry.initrd[entry.initrd_count++], path);
}

static void add_digest(const char *path, const uint8_t *from, uint64_t size)
{
	struct entry_digest *d = &entry.digests[entry.digest_count++];

	strcpy(d->path, path);
	sha256_compute(d->sha256, from, size);
}

static enum status load(const struct hasher *hasher)
{
	return load_entry(&fake.source, hasher, &entry, &config, &work, &plan, &p);
}

/* Everything closed and given back, and the plan says nothing. */
static void assert_clean(void)
{
	assert_int_equal(fake_open_files(&fake), 0);
	assert_int_equal(fake.placed_count, 0);
	assert_int_equal(plan.segment_count, 0);
	assert_null(plan.digest_table);
}

static void check_segment(const struct boot_segment *s, enum segment_kind kind, const uint8_t *wanted, uint64_t size)
{
	const uint8_t *memory = (const uint8_t *)(uintptr_t)s->dest;

	assert_int_equal(s->kind, kind);
	assert_int_equal(s->size, size);
	assert_memory_equal(memory, wanted, size);
	for (uint64_t i = size; i < s->memory_size; i++)
		assert_int_equal(memory[i], 0);
	for (uint64_t at = 0; at < size; at += CHUNK_BYTES) {
		uint64_t rest = size - at;
		struct chunk_digest d;

		chunk_digest_compute(&d, wanted + at, rest < CHUNK_BYTES ? (uint32_t)rest : CHUNK_BYTES);
		assert_memory_equal(&d, &s->chunks[at / CHUNK_BYTES], sizeof(d));
	}
}

static void kernel_alone(void **state)
{
	(void)state;
	strcpy(config.append, "console=ttyS0");
	assert_problem(&p, load(NULL), OK, "");
	assert_int_equal(fake_open_files(&fake), 0);
	assert_int_equal(plan.segment_count, 1);
	check_segment(&plan.segments[0], SEGMENT_KERNEL, kernel + KERNEL_SETUP_BYTES, KERNEL_PM_BYTES);
	assert_int_equal(plan.segments[0].memory_size, (KERNEL_PM_BYTES + 4095) / 4096 * 4096);
	assert_int_equal(plan.segments[0].reserved_size, KERNEL_INIT_SIZE);
	assert_int_equal(plan.segments[0].file_size, KERNEL_BYTES);
	assert_int_equal(plan.segments[0].dest % 0x200000, 0);
	assert_string_equal(plan.segments[0].path, "/vmlinuz");
	assert_false(plan.segments[0].whole_known);
	assert_int_equal(plan.kernel_entry, plan.segments[0].dest + 0x200);
	assert_int_equal(plan.kernel_init_size, KERNEL_INIT_SIZE);
	assert_true(plan.kernel_5level && plan.kernel_above_4g);
	assert_string_equal(plan.cmdline, "root=x console=ttyS0");
	assert_string_equal(plan.entry_id, "x.conf");
	assert_string_equal(plan.title, "X");
	assert_string_equal(work.version, "6.1.0-test (made) #1");
	assert_int_equal(plan.setup_header_length, 0x26c - 0x1f1);
	assert_memory_equal(plan.setup_header, kernel + 0x1f1, 0x26c - 0x1f1);
	assert_int_equal(plan.digest_count, 2);
	assert_int_equal(plan.digest_capacity, 2 + DIGEST_SPARE_CHUNKS);
	assert_true((uintptr_t)plan.digest_table < 1ull << 32);
	assert_int_equal(fake.placed_count, 2);
	assert_int_equal(fake.progress_done, KERNEL_BYTES);
	assert_int_equal(fake.progress_total, KERNEL_BYTES);
	load_release(&fake.source, &plan);
	assert_clean();
}

static void command_lines(void **state)
{
	(void)state;
	entry.options[0] = '\0';
	strcpy(config.append, "a b");
	assert_problem(&p, load(NULL), OK, "");
	assert_string_equal(plan.cmdline, "a b");
	load_release(&fake.source, &plan);
	memset(entry.options, 'o', 2043);
	entry.options[2043] = '\0';
	assert_problem(&p, load(NULL), OK, "");
	assert_int_equal(strlen(plan.cmdline), 2047);
	load_release(&fake.source, &plan);
	strcat(entry.options, "o");
	assert_problem(&p, load(NULL), E_CMDLINE_LENGTH, "2048 bytes, the kernel takes 2047");
	assert_clean();
	p = (struct problem){ 0 };
	memset(entry.options, 'o', CMDLINE_MAX - 1);
	assert_problem(&p, load(NULL), E_CMDLINE_LENGTH, "at most 4095");
	assert_clean();
	/* A kernel that takes any length: the buffer is the limit, to the byte. */
	kernel_put(kernel, 0x238, 4, 0xffff);
	config.append[0] = '\0';
	p = (struct problem){ 0 };
	assert_problem(&p, load(NULL), OK, "");
	assert_int_equal(strlen(plan.cmdline), CMDLINE_MAX - 1);
	load_release(&fake.source, &plan);
	strcpy(config.append, "xy");
	entry.options[CMDLINE_MAX - 3] = '\0';
	assert_problem(&p, load(NULL), E_CMDLINE_LENGTH, "4096 bytes, at most 4095");
	assert_clean();
}

/* The concatenation as Linux wants it: each archive on a multiple of 4. */
static uint64_t concatenate(uint8_t *to, const uint64_t *sizes, unsigned count)
{
	uint64_t at = 0, from = 0;

	for (unsigned i = 0; i < count; i++) {
		for (; at % 4; at++)
			to[at] = 0;
		memcpy(to + at, data + from, sizes[i]);
		at += sizes[i];
		from += sizes[i];
	}
	return at;
}

static void check_initrds(const uint64_t *sizes, unsigned count, const struct hasher *hasher)
{
	static const char *const paths[] = { "/i0", "/i1", "/i2", "/i3" };
	uint8_t *wanted = malloc(DATA_BYTES + 16);
	uint64_t bytes = concatenate(wanted, sizes, count), from = 0, files = 0;

	fresh(NULL);
	for (unsigned i = 0; i < count; i++) {
		add_initrd(paths[i], data + from, sizes[i]);
		from += sizes[i];
		files += sizes[i];
	}
	assert_problem(&p, load(hasher), OK, "");
	assert_int_equal(plan.segment_count, 2);
	check_segment(&plan.segments[0], SEGMENT_KERNEL, kernel + KERNEL_SETUP_BYTES, KERNEL_PM_BYTES);
	check_segment(&plan.segments[1], SEGMENT_INITRD, wanted, bytes);
	assert_int_equal(plan.segments[1].file_count, count);
	assert_int_equal(plan.segments[1].file_size, files);
	assert_string_equal(plan.segments[1].path, "/i0");
	assert_ptr_equal(plan.segments[1].chunks, plan.digest_table + 2);
	assert_int_equal(plan.digest_count, 2 + (bytes + CHUNK_BYTES - 1) / CHUNK_BYTES);
	assert_int_equal(fake_open_files(&fake), 0);
	load_release(&fake.source, &plan);
	assert_clean();
	free(wanted);
}

static void initrds_at_chunk_ends(void **state)
{
	static const uint64_t sizes[][4] = {
		{ 1 }, { CHUNK_BYTES }, { 2 * CHUNK_BYTES + 1 }, { CHUNK_BYTES - 1, 1 },
		{ CHUNK_BYTES - 3, CHUNK_BYTES },
		{ CHUNK_BYTES, CHUNK_BYTES }, { 1, 1, 1, 1 }, { CHUNK_BYTES - 4, 4, 3, 1 },
		{ CHUNK_BYTES - 5, 1, 1, 9 },
		{ CHUNK_BYTES + 2, CHUNK_BYTES - 6, 1, 2 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned count = 0;

		while (count < 4 && sizes[i][count])
			count++;
		check_initrds(sizes[i], count, NULL);
	}
}

static void initrds_of_random_sizes(void **state)
{
	struct rng rng = { 0x696e69747264 };

	(void)state;
	for (unsigned round = 0; round < 10; round++) {
		unsigned count = 1 + (unsigned)rng_below(&rng, 4);
		uint64_t sizes[4];

		for (unsigned i = 0; i < count; i++)
			sizes[i] = 1 + rng_below(&rng, rng_below(&rng, 2) ? 9 : DATA_BYTES / 4 - 1);
		check_initrds(sizes, count, NULL);
	}
}

/* A hasher that does nothing until it is drained: finds chunks that are submitted twice, too early or not at all. */
static struct { struct chunk_digest *out; const void *data; uint32_t length; } queue[64];
static unsigned queued;

static void late_submit(void *ctx, struct chunk_digest *out, const void *from, uint32_t length)
{
	(void)ctx;
	assert_true(length && length <= CHUNK_BYTES);
	for (unsigned i = 0; i < queued; i++)
		assert_ptr_not_equal(queue[i].out, out);
	queue[queued].out = out;
	queue[queued].data = from;
	queue[queued++].length = length;
	fake.busy = true;
}

static void late_drain(void *ctx)
{
	(void)ctx;
	while (queued) {
		queued--;
		chunk_digest_compute(queue[queued].out, queue[queued].data, queue[queued].length);
	}
	fake.busy = false;
}

static const struct hasher late = { .submit = late_submit, .drain = late_drain };

static void hashing_may_be_late(void **state)
{
	static const uint64_t sizes[] = { CHUNK_BYTES - 3, CHUNK_BYTES, 7, 1 };

	(void)state;
	check_initrds(sizes, 4, &late);
	/* An error in the middle: drained before memory goes back. */
	fresh(NULL);
	add_initrd("/i0", data, 2 * CHUNK_BYTES);
	fake.files[1].fail_at = CHUNK_BYTES + 1;
	assert_problem(&p, load(&late), E_FILE_READ, "/i0: at byte 1048576: Device Error");
	assert_int_equal(queued, 0);
	assert_clean();
}

static void digests_of_the_entry(void **state)
{
	uint8_t wanted[32];

	(void)state;
	add_initrd("/i0", data, 1000);
	add_initrd("/i1", data + 1000, CHUNK_BYTES);
	add_digest("/vmlinuz", kernel, KERNEL_BYTES);
	add_digest("/i0", data, 1000);
	assert_problem(&p, load(NULL), OK, "");
	assert_true(plan.segments[0].whole_known);
	sha256_compute(wanted, kernel, KERNEL_BYTES);
	assert_memory_equal(plan.segments[0].whole_sha256, wanted, 32);
	assert_false(plan.segments[1].whole_known);
	load_release(&fake.source, &plan);
	add_digest("/i1", data + 1000, CHUNK_BYTES);
	assert_problem(&p, load(NULL), OK, "");
	assert_true(plan.segments[1].whole_known);
	load_release(&fake.source, &plan);
	for (unsigned i = 0; i < 3; i++) {
		static const char *const names[] = { "/vmlinuz: SHA-256", "/i0: SHA-256", "/i1: SHA-256" };

		entry.digests[i].sha256[31] ^= 1;
		p = (struct problem){ 0 };
		assert_problem(&p, load(NULL), E_DIGEST, names[i]);
		/* Both digests are there whole, the entry's at the end. */
		assert_int_equal(strlen(strstr(p.text, "entry says ")), 11 + 64);
		assert_clean();
		entry.digests[i].sha256[31] ^= 1;
	}
}

/* The last byte of each file counts. */
static void damaged_files(void **state)
{
	(void)state;
	add_initrd("/i0", data, 5);
	add_digest("/vmlinuz", kernel, KERNEL_BYTES);
	add_digest("/i0", data, 5);
	kernel[KERNEL_BYTES - 1] ^= 1;
	assert_problem(&p, load(NULL), E_DIGEST, "/vmlinuz");
	kernel[KERNEL_BYTES - 1] ^= 1;
	kernel[0x400] ^= 1;
	p = (struct problem){ 0 };
	assert_problem(&p, load(NULL), E_DIGEST, "/vmlinuz");
	kernel[0x400] ^= 1;
	kernel[0] ^= 1;
	p = (struct problem){ 0 };
	assert_problem(&p, load(NULL), E_DIGEST, "/vmlinuz");
	kernel[0] ^= 1;
	data[4] ^= 1;
	p = (struct problem){ 0 };
	assert_problem(&p, load(NULL), E_DIGEST, "/i0");
	assert_clean();
}

static void missing_files(void **state)
{
	(void)state;
	add_initrd("/i0", data, 5);
	strcpy(entry.initrd[entry.initrd_count++], "/gone.img");
	assert_problem(&p, load(NULL), E_FILE_MISSING, "/gone.img");
	assert_int_equal(fake.reads, 1);
	assert_clean();
	strcpy(entry.linux_path, "/nothing");
	p = (struct problem){ 0 };
	assert_problem(&p, load(NULL), E_FILE_MISSING, "/nothing");
	assert_clean();
	entry.linux_path[0] = '\0';
	strcpy(entry.efi_path, "/x.efi");
	p = (struct problem){ 0 };
	assert_problem(&p, load(NULL), E_FILE_MISSING, "/x.efi");
	assert_clean();
}

static void bad_files(void **state)
{
	(void)state;
	fake.files[0].size = KERNEL_BYTES - 4097;
	assert_problem(&p, load(NULL), E_KERNEL_TRUNCATED, "/vmlinuz: payload");
	assert_clean();
	fake.files[0].size = 500;
	p = (struct problem){ 0 };
	assert_problem(&p, load(NULL), E_NOT_A_KERNEL, "too short");
	assert_clean();
	fake.files[0].size = 0;
	p = (struct problem){ 0 };
	assert_problem(&p, load(NULL), E_FILE_SIZE, "/vmlinuz: file is empty");
	assert_clean();
	fake.files[0].size = KERNEL_BYTES;
	kernel[0x1fe] = 0;
	p = (struct problem){ 0 };
	assert_problem(&p, load(NULL), E_NOT_A_KERNEL, "/vmlinuz: boot_flag");
	assert_clean();
	kernel_make(kernel);
	kernel[KERNEL_SETUP_BYTES + 0x800] = 0;
	p = (struct problem){ 0 };
	assert_problem(&p, load(&late), E_KERNEL_HEADER, "kernel_info");
	assert_clean();
	kernel_make(kernel);
	add_initrd("/i0", data, 0);
	p = (struct problem){ 0 };
	assert_problem(&p, load(NULL), E_FILE_SIZE, "/i0: file is empty");
	assert_clean();
}

static void reads_that_fail(void **state)
{
	static const struct { uint64_t at; const char *text; } cases[] = {
		{ 1, "/vmlinuz: at byte 0: Device Error" }, { 1025, "/vmlinuz: at byte 1024" },
		{ KERNEL_SETUP_BYTES + 1, "/vmlinuz: at byte 2048" }, { KERNEL_BYTES, "/vmlinuz: at byte 1050624" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		p = (struct problem){ 0 };
		fake.files[0].fail_at = cases[i].at;
		assert_problem(&p, load(NULL), E_FILE_READ, cases[i].text);
		assert_clean();
	}
}

static void too_little_memory(void **state)
{
	static const char *const names[] = { "", "/vmlinuz: no memory", "/i0: no memory", "digest table: no memory" };

	(void)state;
	add_initrd("/i0", data, 5);
	for (int kind = PLACE_KERNEL; kind <= PLACE_RESERVED; kind++) {
		p = (struct problem){ 0 };
		fake.refuse_kind = kind;
		assert_problem(&p, load(NULL), E_NO_MEMORY, names[kind]);
		assert_non_null(strstr(p.text, "Out of Resources"));
		assert_clean();
	}
	fake.refuse_kind = 0;
	kernel_put(kernel, 0x260, 4, 40u << 20);
	p = (struct problem){ 0 };
	assert_problem(&p, load(NULL), E_NO_MEMORY, "0x2800000 bytes");
	assert_clean();
}

static void sources_that_lie(void **state)
{
	(void)state;
	fake.lie = FAKE_BASE + 4096;
	assert_problem(&p, load(NULL), E_PLACEMENT, "/vmlinuz: 0x200000 bytes at 0x20001000");
	assert_clean();
	fake.lie = FAKE_BASE / 2;
	kernel_put(kernel, 0x236, 2, 1);
	kernel_put(kernel, 0x22c, 4, 0x7fffffff);
	kernel_put(kernel, 0x258, 8, FAKE_BASE);
	p = (struct problem){ 0 };
	assert_problem(&p, load(NULL), E_PLACEMENT, "at 0x10000000");
	assert_clean();
}

static enum status (*real_place)(void *, const struct place_request *, uint64_t *, struct problem *);

static enum status place_twice(void *ctx, const struct place_request *request, uint64_t *phys, struct problem *problem)
{
	if (request->kind != PLACE_KERNEL)
		fake.lie = fake.placed[0].base;
	return real_place(ctx, request, phys, problem);
}

static void memory_given_twice(void **state)
{
	(void)state;
	real_place = fake.source.place;
	fake.source.place = place_twice;
	assert_problem(&p, load(NULL), E_PLACEMENT, "wanted twice");
	assert_clean();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(kernel_alone, fresh), cmocka_unit_test_setup(command_lines, fresh),
		cmocka_unit_test_setup(initrds_at_chunk_ends, fresh),
		cmocka_unit_test_setup(initrds_of_random_sizes, fresh),
		cmocka_unit_test_setup(hashing_may_be_late, fresh), cmocka_unit_test_setup(digests_of_the_entry, fresh),
		cmocka_unit_test_setup(damaged_files, fresh), cmocka_unit_test_setup(missing_files, fresh),
		cmocka_unit_test_setup(bad_files, fresh), cmocka_unit_test_setup(reads_that_fail, fresh),
		cmocka_unit_test_setup(too_little_memory, fresh), cmocka_unit_test_setup(sources_that_lie, fresh),
		cmocka_unit_test_setup(memory_given_twice, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
