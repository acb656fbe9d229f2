// SPDX-License-Identifier: MIT
/* VERIFY: who does which share, what is found in it, and what becomes of shares that nobody did. */
#include "test/unit/purgatory/lot_cpus.h"

#define SIZE	(PAGE_BYTES + 100)

static struct handover handover;

/* What main.c's begin() makes of the plan. */
static const char *check(void)
{
	handover = (struct handover){ .plan = plan, .boss = { .slots = slots, .cpu_count = CPUS, .boss_slot = BOSS, .tsc_khz = 1000,
		.deadline_us = plan->kick_deadline_us, .nmi_after_us = plan->nmi_after_us, .nmi_repeat_us = plan->nmi_repeat_us,
		.send_ipi = lapic_send, .context = plan, .ipi_idle = lapic_idle } };
	return RUN(check_all(&handover));
}

/* The segments' kinds are another's business here: none is the block. */
static int shares(void **state)
{
	parked_cpus(state);
	plan->segments[2].kind = SEGMENT_INITRD;
	seal_plan();
	return 0;
}

static void verified(uint32_t first, uint32_t second, uint32_t third)
{
	assert_int_equal(report.segments[0].verified, first);
	assert_int_equal(report.segments[1].verified, second);
	assert_int_equal(report.segments[2].verified, third);
}

static void shares_done(uint32_t first, uint32_t boss, uint32_t third, uint32_t fourth)
{
	assert_int_equal(report.cpus[0].verify_kib, first);
	assert_int_equal(report.cpus[BOSS].verify_kib, boss);
	assert_int_equal(report.cpus[2].verify_kib, third);
	assert_int_equal(report.cpus[3].verify_kib, fourth);
}

/* Three chunks: the boss's, CPU 0's, CPU 2's. CPU 3 has nothing to do and has done that. */
static void test_all_good(void **state)
{
	(void)state;
	catch_faults();
	assert_string_equal(check(), "returned");
	expect("baton: event=phase name=verify us=1000\n");
	verified(VERIFIED_GOOD, VERIFIED_GOOD, VERIFIED_GOOD);
	shares_done(4, 4, 4, 0);
	assert_int_equal(report.segments[0].bad_chunk, VERIFY_NONE);
	assert_int_equal(handover.verify_cpus, 4);
	assert_int_equal(handover.verify_us, 1000);
	assert_string_equal(report.phases[0].name, "verify");
	assert_int_equal(slots[3].boss.stripe, 3);
	assert_int_equal(twin.cr3, VERIFY_ROOT);
}

static void test_alone(void **state)
{
	(void)state;
	catch_faults();
	plan->helper_limit = 0;
	assert_string_equal(check(), "returned");
	assert_int_equal(handover.verify_cpus, 1);
	shares_done(0, 12, 0, 0);
	plan->helper_limit = 1;
	assert_string_equal(check(), "returned");
	assert_int_equal(handover.verify_cpus, 2);
	shares_done(4, 8, 0, 0);
	verified(VERIFIED_GOOD, VERIFIED_GOOD, VERIFIED_GOOD);
}

/* Each chunk, whoever looks at it. */
static void test_damage_anywhere(void **state)
{
	unsigned i;

	for (i = 0; i < SEGMENTS; i++) {
		shares(state);
		data[i][SIZE - 1] ^= 1;
		assert_string_equal(check(), "triple fault");
		assert_non_null(strstr(transcript, "event=error code=E81 segment="));
		assert_non_null(strstr(transcript, plan->segments[i].name));
		assert_int_equal(report.segments[i].verified, VERIFIED_DIFFERS);
	}
}

static void give_backups(void)
{
	static uint8_t copies[SEGMENTS][SIZE];
	unsigned i;

	for (i = 0; i < SEGMENTS; i++) {
		memcpy(copies[i], data[i], SIZE);
		plan->segments[i].backup = (uintptr_t)copies[i];
	}
}

/* A helper stops at the first bad chunk of its share: the boss mends that, and looks at all that follows. */
static void test_damage_twice_in_a_share(void **state)
{
	(void)state;
	catch_faults();
	give_backups();
	plan->digest_count = 4;			/* 0 and 2 the boss's, 1 and 3 CPU 0's */
	plan->helper_limit = 1;
	plan->segments[3] = plan->segments[1];
	plan->segments[3].first_chunk = 3;
	plan->segments[3].dest = (uintptr_t)data[0];
	plan->segments[3].backup = plan->segments[0].backup;
	plan->segment_count = 4;
	table[3] = table[0];
	data[0][7] ^= 1;
	data[1][7] ^= 1;
	habits[2] = habits[3] = SILENT;
	plan->segments[0].first_chunk = 100;	/* chunk 0 is nobody's, so that only chunk 3 has the damage */
	plan->segments[0].size = 0;
	plan->segments[0].memory_size = 0;
	plan->segments[2].first_chunk = 0;
	plan->segments[2].dest = (uintptr_t)data[2];
	plan->digest_count = 4;
	table[0] = table[2];
	plan->segments[4] = plan->segments[2];
	plan->segments[4].first_chunk = 2;
	plan->segment_count = 5;
	assert_string_equal(check(), "returned");
	assert_non_null(strstr(transcript, "event=mended segment=initrd chunk=0"));
	assert_int_equal(data[0][7], 'a');
	assert_int_equal(data[1][7], 'b');
	assert_true(mismatch_mended(1) && mismatch_mended(3));
}

static void test_mended_stays_so_in_the_report(void **state)
{
	(void)state;
	catch_faults();
	give_backups();
	data[1][7] ^= 1;
	assert_string_equal(check(), "returned");
	verified(VERIFIED_GOOD, VERIFIED_MENDED, VERIFIED_GOOD);
	assert_int_equal(report.segments[1].bad_page, (uintptr_t)data[1]);
}

/* CPU 0 does not accept; its share is the boss's. */
static void test_missed_share_is_done(void **state)
{
	(void)state;
	catch_faults();
	habits[0] = SILENT;
	assert_string_equal(check(), "returned");
	expect("baton: event=cpu apic=0 verdict=PARKED missed=verify\nbaton: event=phase name=verify us=50000\n");
	assert_int_equal(handover.verify_cpus, 3);
	shares_done(0, 4, 4, 0);
	shares(state);
	habits[0] = SILENT;
	data[1][0] ^= 1;
	assert_string_equal(check(), "triple fault");
	assert_non_null(strstr(transcript, "event=error code=E81 segment=initrd"));
}

/* It accepts, and a second is all that it gets for so little. */
static void test_unfinished_share_is_done(void **state)
{
	(void)state;
	catch_faults();
	habits[2] = NEVER_DONE;
	assert_string_equal(check(), "returned");
	expect("baton: event=cpu apic=4 verdict=PARKED missed=verify\nbaton: event=phase name=verify us=1000000\n");
	shares(state);
	habits[2] = NEVER_DONE;
	plan->bytes = 8 * 3000000;		/* 8 MB/s is what is believed */
	assert_string_equal(check(), "returned");
	expect("baton: event=cpu apic=4 verdict=PARKED missed=verify\nbaton: event=phase name=verify us=3000000\n");
	shares(state);
	habits[2] = NEVER_DONE;
	data[2][0] ^= 1;
	assert_string_equal(check(), "triple fault");
	assert_non_null(strstr(transcript, "event=error code=E81 segment=block"));
}

/* The time for those who do not accept counts too. */
static void test_no_time_left(void **state)
{
	(void)state;
	catch_faults();
	plan->kick_deadline_us = 2000000;
	habits[0] = SILENT;
	habits[2] = NEVER_DONE;
	assert_string_equal(check(), "returned");
	expect("baton: event=cpu apic=0 verdict=PARKED missed=verify\n"
	       "baton: event=cpu apic=4 verdict=PARKED missed=verify\nbaton: event=phase name=verify us=2000000\n");
}

static void struck(void)
{
	static bool done;

	done = slot_value(shared_load_relaxed_u64(&slots[0].control.command)) == COMMAND_VERIFY;
	lot_runs();
	if (done)
		shared_store_relaxed_u32(&slots[0].mc_chunk, 1);
}

/* What a gate leaves behind: told as what it was, whatever else is damaged, and the chunk is not read again. */
static void test_machine_check(void **state)
{
	(void)state;
	catch_faults();
	give_backups();
	data[1][0] ^= 1;
	on_relax = struck;
	assert_string_equal(check(), "triple fault");
	assert_non_null(strstr(transcript, "gave a machine check, first bad page 0x0"));
	assert_null(strstr(transcript, "which=actual"));
	assert_int_not_equal(data[1][0], 'b');
}

static void test_tails(void **state)
{
	(void)state;
	catch_faults();
	data[0][SIZE + 1] = data[2][SIZE + PAGE_BYTES - 1] = 1;
	assert_string_equal(check(), "returned");
	verified(VERIFIED_MENDED, VERIFIED_GOOD, VERIFIED_MENDED);
	assert_int_equal(data[0][SIZE + 1] | data[2][SIZE + PAGE_BYTES - 1], 0);
}

/* Counts that no plan has: what is read is the plan's own memory only. */
static void test_more_segments_than_there_are(void **state)
{
	(void)state;
	catch_faults();
	plan->segment_count = PLAN_SEGMENTS + 1000;
	assert_string_equal(check(), "returned");
	verified(VERIFIED_GOOD, VERIFIED_GOOD, VERIFIED_GOOD);
}

static void test_own(void **state)
{
	char text[300];

	(void)state;
	catch_faults();
	assert_string_equal(RUN(check_own(plan)), "returned");
	expect("");
	table[1].sha256[0] ^= 1;
	assert_string_equal(RUN(check_own(plan)), "triple fault");
	snprintf(text, sizeof(text), "<out8 0x80=0x82>\nbaton: event=error code=E82 text=\"digest table at 0x%llx differs\"\n"
		 "<sealed state=3 E82>\n" RESETS, (unsigned long long)(uintptr_t)table);
	expect(text);
	table[1].sha256[0] ^= 1;
	plan->entry ^= 1;
	assert_string_equal(RUN(check_own(plan)), "triple fault");
	snprintf(text, sizeof(text), "<out8 0x80=0x82>\n"
		 "baton: event=error code=E82 text=\"block: header or plan differs, page 0x%llx\"\n"
		 "<sealed state=3 E82>\n" RESETS, (unsigned long long)(uintptr_t)&block);
	expect(text);
}

/* Its digests are its own; the block's header and plan are everybody's. */
static void test_own_and_the_fallback(void **state)
{
	(void)state;
	catch_faults();
	give_fallback();
	seal_plan();
	table[1].sha256[0] ^= 1;
	assert_string_equal(RUN(check_own(plan)), "again");
	block.header.generation ^= 1;
	assert_string_equal(RUN(check_own(plan)), "triple fault");
}

#define T(f) cmocka_unit_test_setup(f, shares)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_all_good), T(test_alone), T(test_damage_anywhere), T(test_damage_twice_in_a_share),
		T(test_mended_stays_so_in_the_report), T(test_missed_share_is_done), T(test_unfinished_share_is_done),
		T(test_no_time_left), T(test_machine_check), T(test_tails), T(test_more_segments_than_there_are),
		T(test_own), T(test_own_and_the_fallback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
