// SPDX-License-Identifier: MIT
/* The end of writing a report: what is in memory when the machine resets right after it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/crc32.h"
#include "purgatory/seal.h"
#include "x86/cpu.h"

#define LINE 64u

static struct { uint8_t before[LINE]; struct report_header header; uint8_t rest[3 * LINE]; } memory
	__attribute__((aligned(64)));
static struct report_header *report;
static unsigned fences;
static bool flushed[sizeof(memory) / LINE], changed_later;
static uint32_t crc_at_fence;

void twin_cpu_mfence(void)
{
	if (!fences++)
		crc_at_fence = report->crc32;
	changed_later |= report->crc32 != crc_at_fence;
}

void twin_cpu_clflush(const void *p)
{
	uintptr_t line = ((uintptr_t)p - (uintptr_t)&memory) / LINE;

	assert_true(line < sizeof(flushed));
	flushed[line] |= fences == 1;		/* between the two */
}

static uint32_t checksum(void)
{
	struct report_header copy = *report;
	uint32_t crc;

	copy.crc32 = 0;
	crc = crc32(0, &copy, sizeof(copy));
	return crc32(crc, report + 1, report->total_size - sizeof(copy));
}

/* A report that begins shift bytes into the memory. */
static void seal(unsigned shift, uint32_t total_size)
{
	uintptr_t first = shift / LINE, last = (shift + total_size - 1) / LINE, i;

	memset(&memory, 0xa5, sizeof(memory));
	memset(flushed, 0, sizeof(flushed));
	fences = 0;
	changed_later = false;
	report = (struct report_header *)((uint8_t *)&memory + shift);
	report->total_size = total_size;
	seal_report(report);
	assert_int_equal(report->crc32, checksum());
	assert_int_equal(crc_at_fence, report->crc32);
	assert_false(changed_later);
	assert_int_equal(fences, 2);
	for (i = 0; i < sizeof(memory) / LINE; i++)
		assert_int_equal(flushed[i], i >= first && i <= last);
}

static void test_every_line_is_written_back_behind_the_checksum(void **state)
{
	uint32_t size;

	(void)state;
	for (size = sizeof(*report); size < sizeof(*report) + 2 * LINE; size += 8) {
		seal(0, size);
		seal(8, size);
		seal(40, size);
		seal(LINE, size);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_line_is_written_back_behind_the_checksum) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
