// SPDX-License-Identifier: MIT
/* Failures after commit: what is said, shown and recorded, and how each policy ends. */
#include "test/unit/purgatory/block.h"

#include "x86/pc/watchdog.h"

#define LOST		"baton: event=error code=E83 text=\"3 CPU(s) answer neither HALT nor INIT\"\n"
#define DIFFERS		"baton: event=error code=E81 segment=kernel text=\"chunk 5 differs\"\n"

static const char *lost(void)
{
	dirty_stack();
	return RUN(fail(plan, E_HANDOVER_REFUSED, "%u CPU(s) answer neither HALT nor INIT", 3));
}

static const char *differs(bool entry)
{
	dirty_stack();
	return RUN(fail_at(plan, E_VERIFY, entry, "segment=kernel", "chunk %u differs", 5));
}

/* The first case of all: the screen, which holds anything, is cleared. The watchdog ends before the countdown. */
static void test_reboot(void **state)
{
	(void)state;
	fill_screen(0xdb);
	plan->reset_after_s = 11;
	plan->watchdog = (struct plan_watchdog){ .kind = WATCHDOG_TCO, .port = 0x660, .hand_over = 1 };
	now = 1234567;
	assert_string_equal(lost(), "triple fault");
	expect("<out8 0x80=0x83>\n" LOST "<sealed state=3 E83>\n<out16 0x668=0xffff>\n"
	       "baton: event=reset in=10\nbaton: event=reset in=5\nbaton: event=reset in=4\nbaton: event=reset in=3\n"
	       "baton: event=reset in=2\nbaton: event=reset in=1\n" RESETS);
	assert_string_equal(row(0), "======== Baton stopped: E83 ========");
	assert_string_equal(row(1), "3 CPU(s) answer neither HALT nor INIT");
	assert_string_equal(row(2), "entry debian, generation 3, seed 77");
	assert_string_equal(row(3), "Baton 0.1 abcdef, in the block, 1.233 s after the door");
	assert_string_equal(row(4), "QEMU q35, firmware edk2");
	assert_string_equal(row(5), "docs/errors.md explains E83.");
	assert_string_equal(row(6), "Restart in 1 s. The next start of Baton tells this again.");
	assert_string_equal(row(7), "");
	assert_int_equal(out_at[2] - 1234567, 11000000 + 20000);
	assert_true(relaxes >= 11000);
	assert_true(report_sealed());
	assert_int_equal(report.header.state, REPORT_FAILED);
	assert_int_equal(report.header.failure, 83);
	assert_int_equal(report.header.failure_us, 1233567);
	assert_string_equal(report.header.failure_text, "3 CPU(s) answer neither HALT nor INIT");
}

static void test_reboot_at_once(void **state)
{
	(void)state;
	assert_string_equal(lost(), "triple fault");
	expect("<out8 0x80=0x83>\n" LOST "<sealed state=3 E83>\n" RESETS);
	assert_string_equal(row(6), "");
}

static void test_halt(void **state)
{
	(void)state;
	plan->on_failure = PLAN_HALT;
	plan->reset_after_s = 5;
	plan->watchdog = (struct plan_watchdog){ .kind = WATCHDOG_TCO, .port = 0x660 };
	stop_at = now + 150000000;
	assert_string_equal(lost(), "time is up");
	expect("<out8 0x80=0x83>\n" LOST "<sealed state=3 E83>\n<out16 0x668=0xffff>\n"
	       "baton: event=halted seconds=0\nbaton: event=halted seconds=60\nbaton: event=halted seconds=120\n");
	assert_string_equal(row(6), "Halted for 120 s, as on-failure says. Reset the machine by hand.");
}

/* Tables that the kernel has not written are no place to write to. */
static void test_without_report(void **state)
{
	(void)state;
	plan->report = 0;
	assert_string_equal(lost(), "triple fault");
	expect("<out8 0x80=0x83>\n" LOST RESETS);
	assert_string_equal(row(2), "entry unknown");
	assert_int_equal(report.header.state, REPORT_PREPARED);
}

static void test_where(void **state)
{
	(void)state;
	assert_string_equal(differs(true), "triple fault");		/* there is no fallback */
	expect("<out8 0x80=0x81>\n" DIFFERS "<sealed state=3 E81>\n" RESETS);
	assert_string_equal(RUN(fail_at(plan, E_BLOCK_DAMAGED, true, "", "text")), "triple fault");
	expect("<out8 0x80=0x82>\nbaton: event=error code=E82 text=\"text\"\n<sealed state=3 E82>\n" RESETS);
}

static void test_long_text_is_cut(void **state)
{
	char text[300] = "";

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	assert_string_equal(RUN(fail(plan, E_VERIFY, "%s", text)), "triple fault");
	assert_int_equal(strlen(report.header.failure_text), REPORT_FAILURE_BYTES - 1);
	assert_true(report_sealed());
}

static void test_fallback(void **state)
{
	(void)state;
	give_fallback();
	assert_string_equal(differs(true), "again");
	assert_ptr_equal(again, &rescue);
	expect("<out8 0x80=0x81>\n" DIFFERS "<sealed state=3 E81>\n<sealed state=3 E81>\n"
	       "baton: event=fallback verdict=started code=E81 entry=\"rescue\"\n<again>\n");
	assert_true(report_sealed());
	assert_int_equal(report.header.fell_back, 81);
	assert_string_equal(report.header.fell_back_entry, "debian");
	assert_string_equal(report.header.fell_back_text, "chunk 5 differs");
	assert_string_equal(report.header.entry, "rescue");
	assert_string_equal(row(0), "======== Baton stopped: E81 ========");
	assert_string_equal(row(6), "baton: event=fallback verdict=started code=E81 entry=\"rescue\"");
}

/* The same block and CPUs would fail it as well. */
static void test_fallback_is_for_the_entry_only(void **state)
{
	(void)state;
	give_fallback();
	assert_string_equal(differs(false), "triple fault");
	expect("<out8 0x80=0x81>\n" DIFFERS "<sealed state=3 E81>\n" RESETS);
	assert_string_equal(lost(), "triple fault");
	expect("<out8 0x80=0x83>\n" LOST "<sealed state=3 E83>\n" RESETS);
}

static void test_damaged_fallback(void **state)
{
	char text[400];

	(void)state;
	give_fallback();
	rescue.entry ^= 1;
	assert_string_equal(differs(true), "triple fault");
	snprintf(text, sizeof(text), "<out8 0x80=0x81>\n" DIFFERS "<sealed state=3 E81>\n"
		 "baton: event=fallback verdict=damaged page=0x%llx\n" RESETS, (unsigned long long)(uintptr_t)&rescue);
	expect(text);
	assert_int_equal(report.header.fell_back, 0);
}

#define T(f) cmocka_unit_test_setup(f, good_block)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_reboot), T(test_reboot_at_once), T(test_halt), T(test_without_report), T(test_where),
		T(test_long_text_is_cut), T(test_fallback), T(test_fallback_is_for_the_entry_only),
		T(test_damaged_fallback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
