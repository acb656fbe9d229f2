// SPDX-License-Identifier: MIT
/* A handover from commit to the jump, with CPUs that run lot.c; and each way in which it is refused. */
#include "test/unit/purgatory/lot_cpus.h"

#include "x86/pc/watchdog.h"

#define ENGINES_LINE "baton: event=engines in=block allowed=sha256-c,crc32c-c,crc32-c right=sha256-c,crc32c-c,crc32-c " \
		     "chosen=sha256-c,crc32c-c,crc32-c ticks=0,0,0,0,0\n"
#define COMMIT	ENGINES_LINE "baton: event=phase name=commit us=0\n"
#define VERIFY	"baton: event=phase name=verify us=1000\n"
#define JUMP	"<sealed state=2 E00>\n<cr3 handover>\n<jump 0x1000200 rsi=0x90000 cr4=0x20>\n"

static const char *start(void) { return RUN(purgatory_main(plan)); }

static void all_halted_but(unsigned who)
{
	unsigned i;

	for (i = 0; i < CPUS; i++) {
		if (i == BOSS || i == who)
			continue;
		assert_int_equal(slot_value(shared_load_relaxed_u64(&slots[i].status)), STATUS_HALTED);
		assert_int_equal(slots[i].boss.verdict, VERDICT_HALTED);
		assert_int_equal(cpu_cr3[i], PARK_ROOT);
	}
}

static void test_good(void **state)
{
	static struct plan none;
	struct boss_frame frame = { .vector = VECTOR_PF };

	(void)state;
	catch_faults();
	now = 9000;
	twin.cr4 = CR4_PAE | CR4_MCE;
	say_init(&none);
	fail_init(NULL);			/* as when the block is new */
	assert_string_equal(start(), "jump");
	expect(COMMIT VERIFY "baton: event=phase name=halt us=1000\n"
	       "baton: event=handover kicks=3 answers=3 nmis=3 inits=0 us=10000\n" JUMP);
	all_halted_but(BOSS);
	assert_int_equal(twin.cr4, CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT);
	assert_int_equal(apic[APIC_SVR / 4], 0x1ff);
	assert_int_equal(apic[APIC_LVT_LINT1 / 4], APIC_LVT_MASKED);
	assert_int_equal(report.header.kicks, 3);
	assert_int_equal(report.header.verify_cpus, 4);
	assert_int_equal(report.header.phases.count, 3);
	assert_int_equal(slots[BOSS].boss.verdict, VERDICT_ONLINE);
	assert_true(report_sealed());
	assert_string_equal(RUN(fail_exception(&frame)), "triple fault");	/* by this plan's policy */
}

static void test_quiet_into_protected_mode(void **state)
{
	(void)state;
	catch_faults();
	plan->quiet = plan->protected_mode = 1;
	plan->magic = 0x2badb002;
	seal_plan();
	assert_string_equal(start(), "jump");
	expect("<sealed state=2 E00>\n<cr3 handover>\n<jump 0x1000200 ebx=0x90000 eax=0x2badb002>\n");
}

static void test_watchdog_ends_last(void **state)
{
	(void)state;
	catch_faults();
	plan->quiet = 1;
	plan->watchdog = (struct plan_watchdog){ .kind = WATCHDOG_TCO, .port = 0x660 };
	seal_plan();
	assert_string_equal(start(), "jump");
	expect("<sealed state=3 E67>\n<sealed state=3 E67>\n<sealed state=3 E67>\n<sealed state=2 E00>\n"
	       "<out16 0x668=0xffff>\n<cr3 handover>\n<jump 0x1000200 rsi=0x90000 cr4=0x20>\n");
}

static void test_copy(void **state)
{
	static uint8_t source[2 * PAGE_BYTES] __attribute__((aligned(4096)));

	(void)state;
	catch_faults();
	memcpy(source, data[0], sizeof(source));
	memset(data[0], 0xff, 2 * PAGE_BYTES + 100);
	plan->segments[0].source = (uintptr_t)source;
	seal_plan();
	assert_string_equal(start(), "jump");
	expect(COMMIT "<cr3 handover>\n<cr3 verify>\nbaton: event=phase name=copy us=0\n" VERIFY
	       "baton: event=phase name=halt us=1000\n"
	       "baton: event=handover kicks=3 answers=3 nmis=3 inits=0 us=6000\n" JUMP);
	assert_int_equal(report.segments[0].verified, VERIFIED_GOOD);
}

static void test_damaged_plan(void **state)
{
	char text[400];

	(void)state;
	catch_faults();
	plan->entry++;
	assert_string_equal(start(), "triple fault");
	snprintf(text, sizeof(text), ENGINES_LINE "<out8 0x80=0x82>\n"
		 "baton: event=error code=E82 text=\"block: header or plan differs, page 0x%llx\"\n"
		 "<sealed state=3 E82>\n" RESETS, (unsigned long long)(uintptr_t)&block);
	expect(text);
	assert_int_equal(slot_sequence(shared_load_relaxed_u64(&slots[0].control.command)), 0);
}

static void test_damaged_segment(void **state)
{
	(void)state;
	catch_faults();
	data[0][0] ^= 1;
	assert_string_equal(start(), "triple fault");
	assert_non_null(strstr(transcript, "code=E81 segment=kernel"));
	assert_null(strstr(transcript, "name=halt"));
}

/* --- CPUs that do not answer HALT -------------------------------------------------------------------------------- */

/* With a page to recall them by; only those in the lot are asked. */
static int one_silent(void **state)
{
	parked_cpus(state);
	habits[2] = SILENT;
	plan->helper_limit = 0;
	plan->recall_page = 0x9e000;
	page_0[2] = 0xf000e2c3;
	seal_plan();
	return 0;
}

/* What the record would say of it if the boss failed now. */
static void not_halted_yet(void)
{
	lot_runs();
	if (slots[2].boss.pending)
		assert_int_not_equal(slots[2].boss.verdict, VERDICT_HALTED);
}

static void test_lost_is_refused(void **state)
{
	(void)state;
	catch_faults();
	on_relax = not_halted_yet;
	slots[3].boss.verdict = VERDICT_NO_ANSWER;
	assert_string_equal(start(), "triple fault");
	expect(COMMIT "baton: event=phase name=verify us=0\n<cr3 handover>\n<cr3 verify>\n"
	       "baton: event=cpu apic=4 verdict=LOST nmis=6\nbaton: event=phase name=halt us=113000\n<out8 0x80=0x83>\n"
	       "baton: event=error code=E83 text=\"1 CPU(s) answer neither HALT nor INIT\"\n"
	       "<sealed state=3 E83>\n" RESETS);
	assert_int_equal(slots[2].boss.verdict, VERDICT_LOST);
	assert_int_equal(slots[3].boss.verdict, VERDICT_NO_ANSWER);
	assert_int_equal(slots[0].boss.verdict, VERDICT_HALTED);
	assert_int_equal(report.cpus[2].verdict, VERDICT_LOST);
	assert_int_equal(page_0[2], 0x9e000000);		/* it may wake there */
}

static void test_lost_is_left_behind(void **state)
{
	(void)state;
	catch_faults();
	plan->lost_cpu = PLAN_LOST_CONTINUE;
	seal_plan();
	assert_string_equal(start(), "jump");
	assert_non_null(strstr(transcript, "baton: event=cpu apic=4 verdict=LOST nmis=6\n"));
	assert_non_null(strstr(transcript, "kicks=3 answers=2 nmis=8 inits=1 us="));
	all_halted_but(2);
	assert_int_equal(slots[2].boss.verdict, VERDICT_LOST);
}

static void test_recalled(void **state)
{
	(void)state;
	catch_faults();
	habits[2] = SILENT_UNTIL_SIPI;
	slots[3].boss.verdict = VERDICT_LOST;			/* since the roll call */
	assert_string_equal(start(), "jump");
	assert_non_null(strstr(transcript, "baton: event=cpu apic=4 verdict=INIT_RECALLED nmis=6\n"
					   "baton: event=cpu apic=6 verdict=LOST nmis=0\n"));
	assert_int_equal(slots[2].boss.verdict, VERDICT_INIT_RECALLED);
	assert_int_equal(page_0[2], 0xf000e2c3);
	assert_int_equal(report.header.inits, 1);
}

static void test_held(void **state)
{
	(void)state;
	catch_faults();
	plan->init_policy = PLAN_INIT_HOLD;
	seal_plan();
	assert_string_equal(start(), "jump");
	assert_non_null(strstr(transcript, "baton: event=cpu apic=4 verdict=INIT_HELD nmis=6\n"));
	assert_int_equal(slots[2].boss.verdict, VERDICT_INIT_HELD);
	assert_int_equal(apic[APIC_ICR_LOW / 4], ICR_INIT_DEASSERT);
}

/* Nobody is silent: no word of those that were lost before. */
static void test_nothing_is_said_of_the_healthy(void **state)
{
	(void)state;
	catch_faults();
	habits[2] = HEALTHY;
	slots[3].boss.verdict = VERDICT_LOST;
	assert_string_equal(start(), "jump");
	assert_null(strstr(transcript, "event=cpu"));
}

/* --- the fallback --------------------------------------------------------------------------------------------------- */

static void test_fall_back(void **state)
{
	static struct plan rescue;

	(void)state;
	catch_faults();
	data[1][0] ^= 1;
	assert_string_equal(start(), "triple fault");
	assert_int_equal(slots[0].boss.verdict, VERDICT_PARKED);
	data[1][0] ^= 1;
	transcript[written = 0] = 0;
	rescue = *plan;
	rescue.entry = 0x2000200;
	twin.cr3 = HANDOVER_ROOT;
	assert_string_equal(RUN(purgatory_fall_back(&rescue)), "jump");
	expect("<cr3 verify>\nbaton: event=phase name=fallback us=0\n" VERIFY "baton: event=phase name=halt us=1000\n"
	       "baton: event=handover kicks=3 answers=3 nmis=3 inits=0 us=67000\n<sealed state=2 E00>\n<cr3 handover>\n"
	       "<jump 0x2000200 rsi=0x90000 cr4=0x20>\n");
	all_halted_but(BOSS);
}

/* Nothing is left of a handover before. */
static void test_each_by_its_own_plan(void **state)
{
	static struct plan other;

	(void)state;
	catch_faults();
	other = *plan;
	other.entry = 0x2000200;
	assert_string_equal(RUN(purgatory_fall_back(&other)), "jump");
	assert_non_null(strstr(transcript, "<jump 0x2000200"));
	parked_cpus(state);
	assert_string_equal(start(), "jump");
	assert_non_null(strstr(transcript, "<jump 0x1000200"));
}

/* What was mended for the first plan says nothing about the second; its exceptions are counted anew. */
static void test_fall_back_forgets(void **state)
{
	struct boss_frame frame = { .rip = 1 };

	(void)state;
	catch_faults();
	data[0][PAGE_BYTES + 100] = 1;
	mismatch_tail(plan, 0, (uintptr_t)data[0] + PAGE_BYTES + 100);
	assert_true(mismatch_mended(0));
	RUN(fail_exception(&frame));
	RUN(fail_exception(&frame));
	assert_string_equal(RUN(purgatory_fall_back(plan)), "jump");
	assert_int_equal(report.segments[0].verified, VERIFIED_GOOD);
	transcript[written = 0] = 0;
	RUN(fail_exception(&frame));
	assert_non_null(strstr(transcript, "event=exception"));
}

static void test_fall_back_to_damage(void **state)
{
	char text[400];

	(void)state;
	catch_faults();
	table[0].sha256[0] ^= 1;
	assert_string_equal(RUN(purgatory_fall_back(plan)), "triple fault");
	snprintf(text, sizeof(text), "<cr3 verify>\n<out8 0x80=0x82>\n"
		 "baton: event=error code=E82 text=\"the fallback's digest table at 0x%llx differs\"\n"
		 "<sealed state=3 E82>\n" RESETS, (unsigned long long)(uintptr_t)table);
	expect(text);
}

#define T(f) cmocka_unit_test_setup(f, parked_cpus)
#define S(f) cmocka_unit_test_setup(f, one_silent)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_good), T(test_quiet_into_protected_mode), T(test_watchdog_ends_last), T(test_copy),
		T(test_damaged_plan), T(test_damaged_segment), S(test_lost_is_refused), S(test_lost_is_left_behind),
		S(test_recalled), S(test_held), S(test_nothing_is_said_of_the_healthy), T(test_fall_back),
		T(test_each_by_its_own_plan),
		T(test_fall_back_forgets), T(test_fall_back_to_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
