// SPDX-License-Identifier: MIT
/* Exceptions that the boss takes: in the block, and in what was started while the block's gates are still loaded. */
#include "test/unit/purgatory/block.h"

#include <signal.h>

static struct boss_frame frame;

/* Of vector 14, on the hand-over root. */
static const char *take(uint64_t rip)
{
	twin.cr3 = HANDOVER_ROOT;
	frame = (struct boss_frame){ .vector = VECTOR_PF, .error = 2, .rip = rip, .cs = SEL_CODE, .rsp = 0x7f00, .ss = SEL_DATA };
	return RUN(fail_exception(&frame));
}

/* What the lines say of it, up to the end. */
static const char *lines(const char *where, bool first)
{
	static char text[1000];
	char problem[200];
	unsigned long long rip = frame.rip;

	snprintf(problem, sizeof(problem), "vector 14 at 0x%llx %s, CR2 0xdead000", rip, where);
	snprintf(text, sizeof(text), "<cr3 verify>\n<out8 0x80=0x63>\n%s"
		 "baton: event=exception vector=14 error=0x2 rip=0x%llx cr2=0xdead000 rsp=0x7f00 cr3=0x7000\n%s%s%s",
		 first ? "<sealed state=3 E63>\n" : "", rip, first ? "baton: event=error code=E63 text=\"" : "",
		 first ? problem : "", first ? "\"\n" : "");
	return text;
}

static void expect_lines(const char *where, bool first, const char *end)
{
	char text[1200];

	snprintf(text, sizeof(text), "%s%s", lines(where, first), end);
	expect(text);
}

static uint64_t code(void) { return (uintptr_t)__text_start; }

/* The first case of all: the screen is cleared. */
static void test_in_the_block(void **state)
{
	char text[200];

	(void)state;
	fill_screen(0xdb);
	assert_string_equal(take(code() + 5), "triple fault");
	expect_lines("inside the block", true, RESETS);
	assert_memory_equal(row(0), "baton: event=exception vector=14 error=0x2 rip=0x", 49);
	assert_string_equal(row(2), "======== Baton stopped: E63 ========");
	snprintf(text, sizeof(text), "vector 14 at 0x%llx inside the block, CR2 0xdead000", (unsigned long long)frame.rip);
	assert_string_equal(row(3), text);
	assert_string_equal(report.header.failure_text, text);
	assert_int_equal(report.header.failure, 63);
	assert_true(report_sealed());
}

/* Where the block's code begins and ends. */
static void test_whose_code(void **state)
{
	(void)state;
	assert_string_equal(take(code()), "triple fault");
	expect_lines("inside the block", true, RESETS);
	fail_init(plan);
	assert_string_equal(take(code() - 1), "triple fault");
	expect_lines("in what was started", true, RESETS);
	fail_init(plan);
	assert_string_equal(take((uintptr_t)__data_start - 1), "triple fault");
	expect_lines("inside the block", true, RESETS);
	fail_init(plan);
	assert_string_equal(take((uintptr_t)__data_start), "triple fault");
	expect_lines("in what was started", true, RESETS);
}

/* Only what the block itself cannot do for this entry is worth another one. */
static void test_fallback(void **state)
{
	(void)state;
	give_fallback();
	assert_string_equal(take(code() - 1), "triple fault");
	expect_lines("in what was started", true, RESETS);
	fail_init(plan);
	assert_string_equal(take(code()), "again");
	assert_ptr_equal(again, &rescue);
	expect_lines("inside the block", true, "<sealed state=3 E63>\n"
		     "baton: event=fallback verdict=started code=E63 entry=\"rescue\"\n<again>\n");
}

/* The handler's own consoles may fault: the second one is told, but what is recorded is the first; the third resets. */
static void test_in_the_handler(void **state)
{
	(void)state;
	give_fallback();
	plan->on_failure = PLAN_HALT;
	stop_at = now + 30000000;
	assert_string_equal(take(code() - 1), "time is up");
	expect_lines("in what was started", true, "baton: event=halted seconds=0\n");
	stop_at = now + 30000000;
	assert_string_equal(take(code() + 8), "time is up");
	expect_lines("", false, "baton: event=halted seconds=0\n");
	assert_non_null(strstr(report.header.failure_text, "in what was started"));
	stop_at = UINT64_MAX;
	assert_string_equal(take(code() + 8), "triple fault");
	expect(RESETS);
	fail_init(plan);			/* another plan, and the count begins anew */
	plan->on_failure = PLAN_REBOOT;
	assert_string_equal(take(code() - 1), "triple fault");
	expect_lines("in what was started", true, RESETS);
}

static void test_machine_check(void **state)
{
	(void)state;
	frame = (struct boss_frame){ .vector = VECTOR_MC, .rip = 0x1234 };
	assert_string_equal(RUN(fail_exception(&frame)), "triple fault");
	expect("<cr3 verify>\n<msr 0x17a=0x0>\n<out8 0x80=0x63>\n<sealed state=3 E63>\n"
	       "baton: event=exception vector=18 error=0x0 rip=0x1234 cr2=0xdead000 rsp=0x0 cr3=0x7000\n"
	       "baton: event=error code=E63 text=\"vector 18 at 0x1234 in what was started, CR2 0xdead000\"\n" RESETS);
}

static sigjmp_buf fault;

static void on_fault(int number) { siglongjmp(fault, number); }

/* Before there is a plan nobody knows a console or a policy; an exception in its handler is all that could follow. */
static void test_before_the_plan(void **state)
{
	struct sigaction action = { .sa_handler = on_fault }, before;
	const char *volatile way = "another exception";

	(void)state;
	fail_init(NULL);
	sigaction(SIGSEGV, &action, &before);
	if (!sigsetjmp(fault, 1))
		way = take(code());
	sigaction(SIGSEGV, &before, NULL);
	assert_string_equal(way, "hlt");
	expect("");
}

#define T(f) cmocka_unit_test_setup(f, good_block)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_in_the_block), T(test_whose_code), T(test_fallback), T(test_in_the_handler), T(test_machine_check),
		T(test_before_the_plan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
