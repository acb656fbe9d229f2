// SPDX-License-Identifier: MIT
/* The block's entries in the report: what they say, and that none lies where the report is not. */
#include "test/unit/purgatory/block.h"

#include "x86/pc/watchdog.h"

#define LONG_TEXT "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" \
		  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static typeof(report) before;

static void remember(void) { before = report; }
static bool unchanged(void) { return memcmp(&before, &report, sizeof(report)) == 0; }

/* As report_sealed(), and just now. */
static void assert_sealed(const char *state)
{
	char text[40];

	snprintf(text, sizeof(text), "<sealed %s>\n", state);
	expect(text);
	assert_true(report_sealed());
}

/* Everything that writes to the report, once. */
static void write_everything(void)
{
	struct handover h = { .plan = plan };

	record_phase(plan, "copy", now);
	record_segment(plan, 1, VERIFIED_GOOD, VERIFY_NONE, 0);
	record_share(plan, 2, 4096, 7);
	record_success(&h);
	record_fall_back(plan, E_VERIFY, "text");
	record_failure(plan, E_VERIFY, "text");
}

static void nothing_written(void)
{
	remember();
	write_everything();
	assert_true(unchanged());
	assert_null(record_header(plan));
	transcript[written = 0] = 0;
}

static void test_no_report(void **state)
{
	(void)state;
	catch_faults();
	assert_ptr_equal(record_header(plan), &report);
	plan->report = 0;
	nothing_written();
	plan->report = (uintptr_t)&report;
	report.header.magic ^= 1;
	nothing_written();
	report.header.magic ^= 1;
	report.header.version++;
	nothing_written();
}

static void test_us(void **state)
{
	(void)state;
	catch_faults();
	assert_int_equal(record_us(plan, 1000 + 123), 123);
	plan->tsc_khz = 3000001;
	assert_int_equal(record_us(plan, 1000 + 3000001ull * 1000 * 3600 * 24 * 365), 1000000ull * 3600 * 24 * 365);
	assert_int_equal(record_us(plan, 1000 + 3000000), 999);
}

static void test_phases(void **state)
{
	unsigned i;

	(void)state;
	catch_faults();
	now = 9000;
	record_phase(plan, "copy", 6000);
	expect("baton: event=phase name=copy us=3000\n");
	plan->quiet = 1;
	record_phase(plan, "0123456789abcdefgh", 9000);
	expect("");
	assert_int_equal(report.header.phases.count, 2);
	assert_string_equal(report.phases[0].name, "copy");
	assert_int_equal(report.phases[0].start_us, 5000);
	assert_int_equal(report.phases[0].duration_us, 3000);
	assert_string_equal(report.phases[1].name, "0123456789abcde");
	assert_int_equal(report.phases[1].start_us, 8000);
	assert_int_equal(report.phases[1].duration_us, 0);
	record_phase(plan, "third", 9000);
	remember();
	for (i = 0; i < 3; i++)
		record_phase(plan, "has no room", 9000);
	assert_true(unchanged());
	assert_int_equal(report.header.state, REPORT_PREPARED);
}

/* What the next start finds if nothing follows: only where a watchdog ends what hangs. */
static void test_phase_as_the_last_sign_of_life(void **state)
{
	(void)state;
	catch_faults();
	plan->quiet = 1;
	plan->watchdog.kind = WATCHDOG_TCO;
	memset(report.phases, 0xff, sizeof(report.phases));
	record_phase(plan, "copy", 6000);
	assert_sealed("state=3 E67");
	assert_string_equal(report.header.failure_text,
			    "no sign of life after phase copy: the watchdog or somebody reset the machine");
	assert_int_equal(report.phases[0].name[15], 0);
}

/* An entry that is larger than ours, as a newer kernel's; one that is smaller; a table that leaves the report. */
static void test_tables_as_they_are(void **state)
{
	struct report_table *t = &report.header.phases;

	(void)state;
	catch_faults();
	t->entry_size = 2 * sizeof(struct report_phase);
	t->capacity = 1;
	report.header.phases.count = 0;
	record_phase(plan, "first", 6000);
	assert_string_equal(report.phases[0].name, "first");
	t->capacity = t->count = 1;
	t->capacity = 2;
	t->offset -= sizeof(struct report_phase);
	record_phase(plan, "second", 6000);
	assert_string_equal(report.phases[1].name, "second");
	assert_int_equal(t->count, 2);
	good_report();
	t->entry_size = sizeof(struct report_phase) - 1;
	remember();
	record_phase(plan, "small", 6000);
	assert_true(unchanged());
	t->entry_size = sizeof(struct report_phase);
	t->offset = report.header.total_size - sizeof(struct report_phase) + 1;
	remember();
	record_phase(plan, "outside", 6000);
	assert_true(unchanged());
	t->offset--;
	record_phase(plan, "last", 6000);
	assert_string_equal((char *)&report + t->offset, "last");
	remember();
	record_phase(plan, "behind", 6000);
	assert_true(unchanged());
	t->entry_size = UINT32_MAX - t->offset + 1;	/* a sum that is 0 in 32 bits */
	remember();
	record_phase(plan, "wraps", 6000);
	assert_true(unchanged());
}

static void test_segments(void **state)
{
	struct report_segment *s = report.segments;

	(void)state;
	catch_faults();
	record_segment(plan, 1, VERIFIED_DIFFERS, 7, 0x1234000);
	assert_int_equal(s[1].verified, VERIFIED_DIFFERS);
	assert_int_equal(s[1].bad_chunk, 7);
	assert_int_equal(s[1].bad_page, 0x1234000);
	assert_int_equal(s[0].verified | s[2].verified | s[0].bad_chunk | s[2].bad_chunk, 0);
	report.header.segments.count = 2;
	remember();
	record_segment(plan, 2, VERIFIED_GOOD, VERIFY_NONE, 0);
	assert_true(unchanged());
	report.header.segments.count = 3;
	report.header.total_size = (uint32_t)((uint8_t *)&s[2] - (uint8_t *)&report);
	remember();
	record_segment(plan, 2, VERIFIED_GOOD, VERIFY_NONE, 0);
	assert_true(unchanged());
}

static void test_shares(void **state)
{
	struct report_cpu *c = report.cpus;

	(void)state;
	catch_faults();
	record_share(plan, 4, 5 << 20 | 1023, 77);
	assert_int_equal(c[2].verify_kib, 5 << 10);
	assert_int_equal(c[2].verify_us, 77);
	assert_int_equal(c[0].verify_kib | c[1].verify_kib | c[3].verify_kib, 0);
	record_share(plan, 6, 1024, (uint64_t)UINT32_MAX + 1);
	assert_int_equal(c[3].verify_us, UINT32_MAX);
	record_share(plan, 6, 1024, UINT32_MAX);
	assert_int_equal(c[3].verify_us, UINT32_MAX);
	report.header.total_size = (uint32_t)((uint8_t *)&c[3] - (uint8_t *)&report);
	remember();
	record_share(plan, 6, 2048, 1);
	assert_true(unchanged());
}

static void slots_of_a_handover(void)
{
	unsigned i;

	for (i = 0; i < CPUS; i++) {
		slots[i].mode = i == 2 ? MODE_MWAIT : MODE_HLT;
		slots[i].boss = (struct slot_boss){ .verdict = VERDICT_HALTED, .answer_us = 100 + i, .nmis = 10 + i };
		shared_store_relaxed_u32(&slots[i].nmi_count, 20 + i);
		shared_store_relaxed_u32(&slots[i].mc_count, 30 + i);
		report.cpus[i].verdict = VERDICT_ONLINE;
	}
	slots[3].boss.verdict = VERDICT_LOST;
}

static void cpus_recorded(void)
{
	const struct report_cpu *c = report.cpus;
	unsigned i;

	for (i = 0; i < CPUS; i++) {
		if (i == BOSS)
			continue;
		assert_int_equal(c[i].verdict, i == 3 ? VERDICT_LOST : VERDICT_HALTED);
		assert_int_equal(c[i].park_mode, i == 2 ? MODE_MWAIT : MODE_HLT);
		assert_int_equal(c[i].kick_us, 100 + i);
		assert_int_equal(c[i].nmis_sent, 10 + i);
		assert_int_equal(c[i].nmis_seen, 20 + i);
		assert_int_equal(c[i].mcs_seen, 30 + i);
	}
	assert_int_equal(c[BOSS].verdict, VERDICT_ONLINE);	/* it was never parked */
	assert_int_equal(c[BOSS].park_mode | c[BOSS].nmis_seen, 0);
}

static void test_success(void **state)
{
	struct handover h = { .plan = plan, .verify_us = 11, .verify_cpus = 3, .boss = { .deadline_us = 12, .kicks = 13,
			      .answers = 14, .nmis = 15, .inits = 16, .last_us = 17 } };
	const struct report_header *r = &report.header;

	(void)state;
	report.header.failure = 67;
	report.header.failure_us = 99;
	strcpy(report.header.failure_text, &LONG_TEXT[30]);
	slots_of_a_handover();
	choose_engines(plan);
	transcript[written = 0] = 0;
	now = 123456;
	record_success(&h);
	assert_sealed("state=2 E00");
	assert_int_equal(r->state, REPORT_HANDED_OVER);
	assert_int_equal(r->failure, 0);
	assert_int_equal(r->failure_us, 0);
	for (unsigned i = 0; i < REPORT_FAILURE_BYTES; i++)
		assert_int_equal(r->failure_text[i], 0);
	assert_int_equal(r->kick_deadline_us, 12);
	assert_int_equal(r->kicks, 13);
	assert_int_equal(r->kick_answers, 14);
	assert_int_equal(r->nmis, 15);
	assert_int_equal(r->inits, 16);
	assert_int_equal(r->kick_us, 17);
	assert_int_equal(r->verify_us, 11);
	assert_int_equal(r->verify_bytes, plan->bytes);
	assert_int_equal(r->verify_cpus, 3);
	assert_int_equal(r->handover_tsc, 123456);
	assert_int_equal(r->engines_chosen, 0x15);
	cpus_recorded();
}

static void test_failure(void **state)
{
	const struct report_header *r = &report.header;

	(void)state;
	catch_faults();
	slots_of_a_handover();
	memset(report.header.failure_text, 'x', REPORT_FAILURE_BYTES);
	record_failure(plan, E_VERIFY, "segment kernel differs");
	assert_sealed("state=3 E81");
	assert_int_equal(r->state, REPORT_FAILED);
	assert_int_equal(r->failure, 81);
	assert_int_equal(r->failure_us, 4000);
	assert_string_equal(r->failure_text, "segment kernel differs");
	for (unsigned i = 30; i < REPORT_FAILURE_BYTES; i++)
		assert_int_equal(r->failure_text[i], 0);
	cpus_recorded();
	record_failure(plan, E_VERIFY, LONG_TEXT);
	assert_int_equal(strlen(r->failure_text), REPORT_FAILURE_BYTES - 1);
	assert_memory_equal(r->failure_text, LONG_TEXT, REPORT_FAILURE_BYTES - 1);
}

static void test_cpus_of_another_table(void **state)
{
	(void)state;
	catch_faults();
	slots_of_a_handover();
	report.cpus[2].apic_id = 99;				/* of nobody here */
	report.header.total_size = (uint32_t)((uint8_t *)&report.cpus[3] - (uint8_t *)&report);
	remember();
	record_failure(plan, E_VERIFY, "text");
	assert_int_equal(report.cpus[0].verdict, VERDICT_HALTED);
	assert_memory_equal(&report.cpus[2], &before.cpus[2], 2 * sizeof(struct report_cpu));
}

static void test_fall_back(void **state)
{
	const struct report_header *r = &report.header;

	(void)state;
	catch_faults();
	memset(report.header.fell_back_text, 'x', REPORT_FAILURE_BYTES);
	memset(report.header.fell_back_entry, 'x', sizeof(r->fell_back_entry));
	memset(plan->entry_id, 'y', sizeof(plan->entry_id));
	record_fall_back(plan, E_VERIFY, LONG_TEXT);
	assert_sealed("state=1 E00");
	assert_int_equal(r->fell_back, 81);
	assert_string_equal(r->fell_back_entry, "debian");
	assert_memory_equal(r->fell_back_text, LONG_TEXT, REPORT_FAILURE_BYTES - 1);
	assert_int_equal(r->fell_back_text[REPORT_FAILURE_BYTES - 1], 0);
	assert_int_equal(strlen(r->entry), sizeof(r->entry) - 1);
	assert_int_equal(r->entry[0], 'y');
}

#define T(f) cmocka_unit_test_setup(f, good_block)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_no_report), T(test_us), T(test_phases), T(test_phase_as_the_last_sign_of_life),
		T(test_tables_as_they_are), T(test_segments), T(test_shares), T(test_success), T(test_failure),
		T(test_cpus_of_another_table), T(test_fall_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
