// SPDX-License-Identifier: MIT
/* A segment that is not what was read: what is said of it, what is tried, and what happens if that helps or does not. */
#include "test/unit/purgatory/block.h"

#include <signal.h>
#include <stdlib.h>

#define SIZE		(PAGE_BYTES + 100)
#define BIG		(CHUNK_BYTES + 5000u)

static uint8_t backup[SIZE] __attribute__((aligned(4096)));
static char expected[4000];

static int fresh(void **state)
{
	mismatch_forget();
	return good_block(state);
}

static void give_backup(unsigned segment)
{
	memcpy(backup, data[segment], SIZE);
	plan->segments[segment].backup = (uintptr_t)backup;
}

static void will_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void will_say(const char *format, ...)
{
	size_t length = strlen(expected);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(expected + length, sizeof(expected) - length, format, arguments);
	va_end(arguments);
}

static void said(void)
{
	expect(expected);
	expected[0] = 0;
}

static void will_say_bytes(const uint8_t *bytes, unsigned count)
{
	while (count--)
		will_say("%02x", *bytes++);
	will_say("\n");
}

static void will_say_digests(unsigned segment, bool of_memory)
{
	uint8_t actual[SHA256_BYTES];

	sha256_compute(actual, data[segment], SIZE);
	will_say("baton: event=digest which=expected sha256=");
	will_say_bytes(table[segment].sha256, SHA256_BYTES);
	if (!of_memory)
		return;
	will_say("baton: event=digest which=actual sha256=");
	will_say_bytes(actual, SHA256_BYTES);
}

static unsigned long long at(unsigned segment, unsigned offset)
{
	return (unsigned long long)(uintptr_t)data[segment] + offset;
}

static void recorded(unsigned segment, uint32_t verified, uint32_t chunk, uint64_t page)
{
	assert_int_equal(report.segments[segment].verified, verified);
	assert_int_equal(report.segments[segment].bad_chunk, chunk);
	assert_int_equal(report.segments[segment].bad_page, page);
}

/* The first case of all. What could be mended leaves the screen alone. */
static void test_mended(void **state)
{
	static const uint8_t good[] = "bbbbbbbbbbbbbbbb";
	uint8_t wrong[16];

	(void)state;
	catch_faults();
	fill_screen(0xdb);
	give_backup(1);
	data[1][PAGE_BYTES + 37] = 'X';
	memcpy(wrong, data[1] + PAGE_BYTES + 32, 16);
	will_say("<cr3 handover>\n<cr3 verify>\n");
	will_say_digests(1, true);
	will_say("baton: event=bytes which=expected address=0x%llx hex=", at(1, PAGE_BYTES + 32));
	will_say_bytes(good, 16);
	will_say("baton: event=bytes which=actual address=0x%llx hex=", at(1, PAGE_BYTES + 32));
	will_say_bytes(wrong, 16);
	will_say("baton: event=mended segment=initrd chunk=0 page=0x%llx offset=0x1000\n", at(1, PAGE_BYTES));
	assert_string_equal(RUN(mismatch_chunk(plan, 1, false)), "returned");
	said();
	assert_true(screen_untouched());
	assert_memory_equal(data[1], backup, SIZE);
	assert_int_equal(twin.cr3, VERIFY_ROOT);
	recorded(1, VERIFIED_MENDED, 0, at(1, PAGE_BYTES));
	assert_true(mismatch_mended(1));
	assert_false(mismatch_mended(0));
	mismatch_forget();
	assert_false(mismatch_mended(1));
	/* Nor does what could not, before the digests are on it. */
	plan->segments[1].backup = 0;
	data[1][0] ^= 1;
	assert_string_equal(RUN(mismatch_chunk(plan, 1, false)), "triple fault");
	assert_memory_equal(row(0), "baton: event=digest which=expected sha256=", 41);
	assert_false(mismatch_mended(1));
}

static void test_no_backup(void **state)
{
	(void)state;
	catch_faults();
	data[0][0] ^= 1;
	will_say_digests(0, true);
	will_say("<out8 0x80=0x81>\n"
		 "baton: event=error code=E81 segment=kernel chunk=0 page=0x%llx offset=0x0 text=\"segment kernel chunk 0 at "
		 "0x%llx differs from what was read, first bad page 0x%llx\"\n<sealed state=3 E81>\n" RESETS,
		 at(0, 0), at(0, 0), at(0, 0));
	assert_string_equal(RUN(mismatch_chunk(plan, 0, false)), "triple fault");
	said();
	recorded(0, VERIFIED_DIFFERS, 0, at(0, 0));
	recorded(1, VERIFIED_NOT_REACHED, 0, 0);
}

/* The last line is as long as it is. */
static void test_backup_differs_too(void **state)
{
	uint8_t good = data[0][SIZE - 1];

	(void)state;
	catch_faults();
	give_backup(0);
	backup[5] ^= 1;
	data[0][5] ^= 1;
	data[0][SIZE - 1] = 'X';
	assert_string_equal(RUN(mismatch_chunk(plan, 0, false)), "triple fault");
	assert_non_null(strstr(transcript, "first bad page"));
	assert_non_null(strstr(transcript, "differs from what was read, also when copied again, first bad page"));
	will_say("which=actual address=0x%llx hex=61616158\n", at(0, SIZE - 4));
	assert_non_null(strstr(transcript, expected));
	expected[0] = 0;
	will_say("which=expected address=0x%llx hex=61616161\n", at(0, SIZE - 4));
	assert_non_null(strstr(transcript, expected));
	expected[0] = 0;
	assert_int_equal(data[0][SIZE - 1], good);		/* tried */
	assert_false(mismatch_mended(0));
	recorded(0, VERIFIED_DIFFERS, 0, at(0, 0));
}

static sigjmp_buf fault;

static void on_fault(int number) { siglongjmp(fault, number); }

/* Once is enough for a machine check: nothing is read there again, nor copied. */
static void test_machine_check(void **state)
{
	struct sigaction action = { .sa_handler = on_fault }, before;
	const char *volatile way = "an exception";

	(void)state;
	catch_faults();
	give_backup(0);
	data[0][0] ^= 1;
	will_say_digests(0, false);
	will_say("<out8 0x80=0x81>\n"
		 "baton: event=error code=E81 segment=kernel chunk=0 page=0x0 offset=0x0 text=\"segment kernel chunk 0 at 0x%llx "
		 "gave a machine check, first bad page 0x0\"\n<sealed state=3 E81>\n" RESETS, at(0, 0));
	sigaction(SIGSEGV, &action, &before);
	if (!sigsetjmp(fault, 1))
		way = RUN(mismatch_chunk(plan, 0, true));
	sigaction(SIGSEGV, &before, NULL);
	assert_string_equal(way, "triple fault");
	said();
	assert_memory_not_equal(data[0], backup, SIZE);
	recorded(0, VERIFIED_DIFFERS, 0, 0);
}

/* The fallback shares the block. */
static void test_who_is_to_blame(void **state)
{
	(void)state;
	catch_faults();
	give_fallback();
	data[2][0] ^= 1;
	assert_string_equal(RUN(mismatch_chunk(plan, 2, false)), "triple fault");
	assert_non_null(strstr(transcript, "event=error code=E82 segment=block chunk=0"));
	transcript[written = 0] = 0;
	data[1][0] ^= 1;
	assert_string_equal(RUN(mismatch_chunk(plan, 1, false)), "again");
	assert_non_null(strstr(transcript, "event=error code=E81 segment=initrd chunk=0"));
}

static void test_chunk_of_nobody(void **state)
{
	(void)state;
	catch_faults();
	assert_string_equal(RUN(mismatch_chunk(plan, SEGMENTS, false)), "triple fault");
	expect("<out8 0x80=0x81>\n"
	       "baton: event=error code=E81 text=\"chunk 3 of the digest table belongs to no segment\"\n"
	       "<sealed state=3 E81>\n" RESETS);
}

/* In the second of two chunks, by their numbers in the segment and in the plan. */
static void test_second_chunk(void **state)
{
	uint8_t *big = malloc(BIG), *copy = malloc(BIG);
	struct plan_segment *s = &plan->segments[2];

	(void)state;
	catch_faults();
	memset(big, 3, BIG);
	memset(copy, 3, BIG);
	*s = (struct plan_segment){ .kind = SEGMENT_INITRD, .first_chunk = 2, .dest = (uintptr_t)big, .size = BIG,
				    .memory_size = BIG, .backup = (uintptr_t)copy, .name = "big" };
	plan->digest_count = 4;
	report.segments[2].address = s->dest;
	chunk_digest_compute(&table[2], big, CHUNK_BYTES);
	chunk_digest_compute(&table[3], big + CHUNK_BYTES, BIG - CHUNK_BYTES);
	big[CHUNK_BYTES + 4500] = 4;
	assert_string_equal(RUN(mismatch_chunk(plan, 3, false)), "returned");
	will_say("baton: event=mended segment=big chunk=1 page=0x%llx offset=0x%x\n",
		 (unsigned long long)s->dest + CHUNK_BYTES + PAGE_BYTES, CHUNK_BYTES + PAGE_BYTES);
	assert_non_null(strstr(transcript, expected));
	expected[0] = 0;
	will_say("which=expected address=0x%llx hex=03030303030303030303030303030303\n",
		 (unsigned long long)s->dest + CHUNK_BYTES + 4500 / 16 * 16);
	assert_non_null(strstr(transcript, expected));
	expected[0] = 0;
	recorded(2, VERIFIED_MENDED, 1, s->dest + CHUNK_BYTES + PAGE_BYTES);
	assert_memory_equal(big, copy, BIG);
	free(big);
	free(copy);
}

static void test_tail_is_zeroed(void **state)
{
	unsigned i;

	(void)state;
	catch_faults();
	data[0][SIZE] = data[0][SIZE + PAGE_BYTES - 1] = data[0][SIZE + PAGE_BYTES] = 9;
	assert_string_equal(RUN(mismatch_tail(plan, 0, at(0, SIZE))), "returned");
	will_say("<cr3 handover>\n<cr3 verify>\nbaton: event=mended segment=kernel chunk=%u page=0x%llx offset=0x1000\n",
		 VERIFY_NONE, at(0, PAGE_BYTES));
	said();
	for (i = SIZE; i < SIZE + PAGE_BYTES; i++)
		assert_int_equal(data[0][i], 0);
	assert_int_equal(data[0][SIZE - 1], 'a');
	assert_int_equal(data[0][i], 9);			/* not the segment's any more */
	assert_true(mismatch_mended(0));
	recorded(0, VERIFIED_MENDED, VERIFY_NONE, at(0, PAGE_BYTES));
}

static void breaks_again(void) { data[0][SIZE + 4000] = 1; }

static void test_tail_that_stays(void **state)
{
	(void)state;
	catch_faults();
	data[0][SIZE + 4000] = 1;
	on_verify_root = breaks_again;
	assert_string_equal(RUN(mismatch_tail(plan, 0, at(0, SIZE + 4000))), "triple fault");
	will_say("<cr3 handover>\n<cr3 verify>\n<out8 0x80=0x81>\n"
		 "baton: event=error code=E81 segment=kernel chunk=%u page=0x%llx offset=0x2000 text=\"segment kernel: byte at "
		 "0x%llx behind the file's end is not zero and stays so\"\n<sealed state=3 E81>\n" RESETS,
		 VERIFY_NONE, at(0, 2 * PAGE_BYTES), at(0, SIZE + 4000));
	said();
	assert_false(mismatch_mended(0));
	recorded(0, VERIFIED_DIFFERS, VERIFY_NONE, at(0, 2 * PAGE_BYTES));
}

#define T(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_mended), T(test_no_backup), T(test_backup_differs_too), T(test_machine_check),
		T(test_who_is_to_blame), T(test_chunk_of_nobody), T(test_second_chunk), T(test_tail_is_zeroed),
		T(test_tail_that_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
