// SPDX-License-Identifier: MIT
/* What the block says and does about its hash engines. */
#include "test/unit/purgatory/block.h"

#include "lib/engine_fault.h"

#define SSE42	(1u << 20)		/* CPUID.1:ECX */
#define ALL_C	"sha256-c,crc32c-c,crc32-c"

static int fresh(void **state)
{
	engine_fault_mask = 0;
	return good_block(state);
}

static void test_choice_is_said_and_kept(void **state)
{
	struct report_header *r = &report.header;

	(void)state;
	assert_string_equal(RUN(choose_engines(plan)), "returned");
	expect("baton: event=engines in=block allowed=" ALL_C " right=" ALL_C " chosen=" ALL_C " ticks=0,0,0,0,0\n");
	plan->quiet = 1;
	assert_string_equal(RUN(choose_engines(plan)), "returned");
	expect("");
	memset(r->engine_ticks, 0xff, sizeof(r->engine_ticks));
	r->sha256_ni = 7;
	record_engines(r);
	assert_int_equal(r->sha256_ni, 0);
	assert_int_equal(r->engines_allowed, 0x15);
	assert_int_equal(r->engines_right, 0x15);
	assert_int_equal(r->engines_chosen, 0x15);
	assert_int_equal(r->engine_ticks[0] | r->engine_ticks[ENGINES - 1], 0);
	assert_int_equal(r->engine_ticks[ENGINES], UINT32_MAX);
}

/* One that is wrong is told also by a block that should be quiet, and is no end while another one is right. */
static void test_wrong_one_is_left_out(void **state)
{
	(void)state;
	cpuid_1_ecx = SSE42;
	plan->quiet = 1;
	engine_fault_mask = 1u << ENGINE_CRC32C_SSE42;
	assert_string_equal(RUN(choose_engines(plan)), "returned");
	expect("baton: event=engines in=block allowed=sha256-c,crc32c-c,crc32c-sse42,crc32-c right=" ALL_C " chosen=" ALL_C
	       " ticks=0,0,0,0,0\nbaton: event=engine-refused in=block code=E71 name=crc32c-sse42\n");
	record_engines(&report.header);
	assert_int_equal(report.header.engines_allowed, 0x1d);
	assert_int_equal(report.header.engines_right, 0x15);
}

static void test_none_left_is_the_end(void **state)
{
	(void)state;
	cpuid_1_ecx = SSE42;
	engine_fault_mask = 1u << ENGINE_CRC32C_C | 1u << ENGINE_CRC32C_SSE42;
	assert_string_equal(RUN(choose_engines(plan)), "triple fault");
	expect("baton: event=engines in=block allowed=sha256-c,crc32c-c,crc32c-sse42,crc32-c right=sha256-c,crc32-c "
	       "chosen=sha256-c,crc32-c ticks=0,0,0,0,0\n"
	       "baton: event=engine-refused in=block code=E71 name=crc32c-c\n"
	       "baton: event=engine-refused in=block code=E71 name=crc32c-sse42\n"
	       "<out8 0x80=0x71>\n"
	       "baton: event=error code=E71 text=\"block: no engine is left for a hash: crc32c-c answers wrong\"\n"
	       "<sealed state=3 E71>\n" RESETS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_choice_is_said_and_kept, fresh),
		cmocka_unit_test_setup(test_wrong_one_is_left_out, fresh),
		cmocka_unit_test_setup(test_none_left_is_the_end, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
