// SPDX-License-Identifier: MIT
/* What the last start left: believed only whole, told once, and what it means for the menu. Records lie in allocations
 * of their exact size, so that ASan sees a byte too many. */
#include "test/unit/boot/support.h"

#include <stdlib.h>
#include <string.h>

#include "boot/config.h"
#include "boot/last.h"
#include "lib/crc32.h"

struct record { struct report_header h; uint8_t tables[200]; };

static struct record r;
static struct report_refusal out;
static struct problem p;

static uint64_t address(void)
{
	return 0x1fe43010;
}

static void seal(void)
{
	r.h.crc32 = 0;
	r.h.crc32 = crc32(0, &r, sizeof(r));
}

static int fresh(void **state)
{
	(void)state;
	memset(&r, 0, sizeof(r));
	memset(r.tables, 0x5a, sizeof(r.tables));
	r.h = (struct report_header){
		.magic = REPORT_MAGIC, .version = REPORT_VERSION, .header_size = sizeof(r.h), .total_size = sizeof(r),
		.state = REPORT_FAILED, .failure = 81, .baton_version = "0.1", .commit = "0123456789ab",
		.policy_on_failure = ON_FAILURE_DEFAULT, .failure_text = "segment kernel differs",
		.self = address(), .started = 1795256036, .failure_us = 3999999, .entry = "debian.conf",
		.generation = 417, .seed = 77,
	};
	seal();
	p = (struct problem){ 0 };
	return 0;
}

static enum last_kind judge_bytes(size_t length)
{
	void *copy = malloc(length ? length : 1);
	enum last_kind kind;

	memcpy(copy, &r, length);
	p = (struct problem){ 0 };
	kind = last_judge(copy, length, address(), &out, &p);
	free(copy);
	return kind;
}

static enum last_kind judge(void)
{
	return judge_bytes(sizeof(r));
}

static void a_refusal(void **state)
{
	(void)state;
	assert_int_equal(judge(), LAST_REFUSED);
	assert_int_equal(p.code, OK);
	assert_int_equal(out.failure, 81);
	assert_int_equal(out.when, 1795256036 + 3);
	assert_int_equal(out.failure_us, 3999999);
	assert_string_equal(out.text, "segment kernel differs");
	assert_string_equal(out.entry, "debian.conf");
	assert_string_equal(out.baton_version, "0.1");
	assert_int_equal(out.generation, 417);
	assert_int_equal(out.seed, 77);
	r.h.started = 0;
	seal();
	assert_int_equal(judge(), LAST_REFUSED);
	assert_int_equal(out.when, 0);
}

static void a_good_handover(void **state)
{
	(void)state;
	r.h.state = REPORT_HANDED_OVER;
	r.h.failure = 0;
	seal();
	assert_int_equal(judge(), LAST_GOOD);
}

/* Of what is not whole only a refusal is worth a line: a good system's report is overwritten by firmware every day. */
static void damaged(void **state)
{
	(void)state;
	for (size_t at = 0; at < sizeof(r); at++) {
		enum last_kind kind;

		fresh(NULL);
		((uint8_t *)&r)[at] ^= 0x40;
		kind = judge();
		assert_int_not_equal(kind, LAST_REFUSED);
		assert_int_not_equal(kind, LAST_GOOD);
		assert_int_equal(p.code, kind == LAST_DAMAGED ? E_RECORD : OK);
	}
	fresh(NULL);
	r.tables[100] ^= 1;
	assert_int_equal(judge(), LAST_DAMAGED);
	assert_problem(&p, p.code, E_RECORD, "crc32 is");
	r.h.state = REPORT_HANDED_OVER;
	assert_int_equal(judge(), LAST_NOTHING);
	assert_int_equal(p.code, OK);
}

static void sizes_that_lie(void **state)
{
	static const uint32_t bad[] = { 0, 8, 31, sizeof(struct record) + 1, LAST_RECORD_MAX + 1, UINT32_MAX };

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fresh(NULL);
		r.h.total_size = bad[i];
		assert_int_equal(judge(), LAST_DAMAGED);
		fresh(NULL);
		r.h.header_size = bad[i];
		seal();
		assert_int_equal(judge(), LAST_DAMAGED);
		assert_problem(&p, p.code, E_RECORD, "header_size");
	}
	fresh(NULL);
	for (size_t length = 0; length < sizeof(r); length++)
		assert_int_equal(judge_bytes(length), length < 32 ? LAST_NOTHING : LAST_DAMAGED);
}

/* However long free memory is behind it: no CRC over gigabytes because a field says so. */
static void longer_than_any_report(void **state)
{
	uint8_t *big = calloc(1, LAST_RECORD_MAX + 4096);

	(void)state;
	r.h.total_size = LAST_RECORD_MAX + 8;
	r.h.crc32 = 0;
	memcpy(big, &r, sizeof(r));
	((struct report_header *)big)->crc32 = crc32(0, big, LAST_RECORD_MAX + 8);
	assert_int_equal(last_judge(big, LAST_RECORD_MAX + 4096, address(), &out, &p), LAST_DAMAGED);
	assert_problem(&p, p.code, E_RECORD, "total_size");
	free(big);
}

static void other_versions(void **state)
{
	(void)state;
	r.h.version = REPORT_VERSION + 1;
	seal();
	assert_int_equal(judge(), LAST_DAMAGED);
	assert_problem(&p, p.code, E_RECORD, "version is 2, this Baton reads 1");
	r.h.version = 0;
	seal();
	assert_int_equal(judge(), LAST_DAMAGED);
	/* An older one without the last fields. */
	fresh(NULL);
	r.h.header_size = offsetof(struct report_header, self);
	r.h.self = 1;
	seal();
	assert_int_equal(judge(), LAST_REFUSED);
	assert_int_equal(out.when, 0);
	assert_string_equal(out.entry, "");
	assert_string_equal(out.text, "segment kernel differs");
}

static void a_copy_is_no_record(void **state)
{
	(void)state;
	r.h.self = address() + 4096;
	seal();
	assert_int_equal(judge(), LAST_NOTHING);
	assert_int_equal(p.code, OK);
}

static void never_sealed(void **state)
{
	(void)state;
	r.h.state = REPORT_PREPARED;
	seal();
	assert_int_equal(judge(), LAST_NOTHING);
}

static void texts_are_ended_and_printable(void **state)
{
	(void)state;
	memset(r.h.failure_text, 0x1b, sizeof(r.h.failure_text));
	memset(r.h.entry, 0xff, sizeof(r.h.entry));
	seal();
	assert_int_equal(judge(), LAST_REFUSED);
	assert_int_equal(strnlen(out.text, sizeof(out.text)), sizeof(out.text) - 1);
	assert_int_equal(out.text[5], '?');
	assert_int_equal(out.entry[62], '?');
}

static void a_refusal_holds_and_counts(void **state)
{
	struct report_refusal stored = { 0 };

	(void)state;
	judge();
	assert_int_equal(last_merge(&stored, LAST_REFUSED, &out), LAST_WRITE);
	assert_int_equal(stored.count, 1);
	assert_int_equal(stored.hold, 1);
	assert_int_equal(stored.failure, 81);
	stored.hold = 0;
	assert_int_equal(last_merge(&stored, LAST_REFUSED, &out), LAST_WRITE);
	assert_int_equal(stored.count, 2);
	assert_int_equal(stored.hold, 1);
	stored.count = UINT32_MAX;
	assert_int_equal(last_merge(&stored, LAST_REFUSED, &out), LAST_WRITE);
	assert_int_equal(stored.count, UINT32_MAX);
}

static void every_policy_but_reboot_holds_at_once(void **state)
{
	(void)state;
	for (uint32_t policy = ON_FAILURE_DEFAULT; policy <= ON_FAILURE_HALT + 1; policy++) {
		struct report_refusal stored = { 0 };

		r.h.policy_on_failure = policy;
		seal();
		judge();
		last_merge(&stored, LAST_REFUSED, &out);
		assert_int_equal(stored.hold, policy != ON_FAILURE_REBOOT);
		last_merge(&stored, LAST_REFUSED, &out);
		assert_int_equal(stored.hold, 1);
	}
}

static void a_good_handover_ends_it(void **state)
{
	struct report_refusal stored = { 0 };

	(void)state;
	assert_int_equal(last_merge(&stored, LAST_GOOD, &out), LAST_KEEP);
	judge();
	last_merge(&stored, LAST_REFUSED, &out);
	assert_int_equal(last_merge(&stored, LAST_GOOD, &out), LAST_DELETE);
	assert_int_equal(stored.magic, 0);
	judge();
	last_merge(&stored, LAST_REFUSED, &out);
	assert_int_equal(stored.count, 1);
}

/* Memory lost its content: neither a refusal nor a success is known, so nothing changes. */
static void without_a_record_nothing_changes(void **state)
{
	struct report_refusal stored = { 0 }, before;

	(void)state;
	assert_int_equal(last_merge(&stored, LAST_NOTHING, &out), LAST_KEEP);
	judge();
	last_merge(&stored, LAST_REFUSED, &out);
	before = stored;
	assert_int_equal(last_merge(&stored, LAST_NOTHING, &out), LAST_KEEP);
	assert_int_equal(last_merge(&stored, LAST_DAMAGED, &out), LAST_KEEP);
	assert_memory_equal(&stored, &before, sizeof(stored));
}

static void the_variable(void **state)
{
	struct report_refusal stored = { 0 }, back;
	uint8_t longer[sizeof(stored) + 8] = { 0 };

	(void)state;
	judge();
	last_merge(&stored, LAST_REFUSED, &out);
	assert_true(last_open(&stored, sizeof(stored), &back, &p));
	assert_memory_equal(&stored, &back, sizeof(back));
	for (size_t at = 0; at < sizeof(stored); at++) {
		struct report_refusal bent = stored;
		struct problem why = { 0 };

		((uint8_t *)&bent)[at] ^= 0x10;
		assert_false(last_open(&bent, sizeof(bent), &back, &why));
		assert_int_equal(why.code, E_RECORD);
		assert_int_equal(back.magic, 0);
	}
	for (size_t length = 0; length < sizeof(stored); length++) {	/* the older length too: sizes differ */
		void *copy = malloc(length ? length : 1);

		memcpy(copy, &stored, length);
		assert_false(last_open(copy, length, &back, NULL));
		free(copy);
	}
	/* An older one, without the last fields. */
	stored.generation = stored.seed = 7;
	stored.header_size = stored.total_size = REFUSAL_BYTES_FIRST;
	stored.crc32 = 0;
	stored.crc32 = crc32(0, &stored, REFUSAL_BYTES_FIRST);
	assert_true(last_open(&stored, REFUSAL_BYTES_FIRST, &back, NULL));
	assert_int_equal(back.count, 1);
	assert_int_equal(back.generation | back.seed, 0);
	/* A newer one with a field more. */
	stored.header_size = stored.total_size = sizeof(longer);
	stored.crc32 = 0;
	memcpy(longer, &stored, sizeof(stored));
	((struct report_refusal *)longer)->crc32 = crc32(0, longer, sizeof(longer));
	assert_true(last_open(longer, sizeof(longer), &back, NULL));
	assert_int_equal(back.total_size, sizeof(back));
	assert_int_equal(back.count, 1);
}

static void stories(void **state)
{
	struct report_refusal stored = { 0 };
	char text[LAST_STORY_BYTES];

	(void)state;
	judge();
	last_merge(&stored, LAST_REFUSED, &out);
	stored.generation = 1;
	last_story(&stored, true, stored.when + 41, text);
	assert_string_equal(text, "The last start of debian.conf was refused at 2026-11-21 10:13:59, 41 seconds ago. "
				  "Choose what to start:");
	out.generation = 1;
	last_merge(&stored, LAST_REFUSED, &out);
	last_story(&stored, false, 0, text);
	assert_string_equal(text, "The start of debian.conf was refused at 2026-11-21 10:13:59, 2 in a row. "
				  "Choose what to start:");
	stored.generation = 417;
	stored.failure = E_HUNG;
	last_story(&stored, false, 0, text);
	assert_string_equal(text, "The start of debian.conf hung in generation 417 at 2026-11-21 10:13:59, 2 in a row. "
				  "Choose what to start:");
	stored.generation = 1;
	stored.failure = E_VERIFY;
	stored.when = 0;
	stored.entry[0] = 0;
	stored.hold = 0;
	last_story(&stored, true, 1, text);
	assert_string_equal(text, "The last start of an unknown entry was refused, 2 in a row. One more try:");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_refusal, fresh), cmocka_unit_test_setup(a_good_handover, fresh),
		cmocka_unit_test_setup(damaged, fresh), cmocka_unit_test_setup(sizes_that_lie, fresh),
		cmocka_unit_test_setup(longer_than_any_report, fresh), cmocka_unit_test_setup(other_versions, fresh),
		cmocka_unit_test_setup(a_copy_is_no_record, fresh), cmocka_unit_test_setup(never_sealed, fresh),
		cmocka_unit_test_setup(texts_are_ended_and_printable, fresh),
		cmocka_unit_test_setup(a_refusal_holds_and_counts, fresh),
		cmocka_unit_test_setup(every_policy_but_reboot_holds_at_once, fresh),
		cmocka_unit_test_setup(a_good_handover_ends_it, fresh),
		cmocka_unit_test_setup(without_a_record_nothing_changes, fresh),
		cmocka_unit_test_setup(the_variable, fresh), cmocka_unit_test_setup(stories, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
