// SPDX-License-Identifier: MIT
/* Where the TPM's event logs end: logs made by hand, cut at every byte, and with what no log may have. */
#include "test/unit/boot/support.h"

#include <string.h>

#include "boot/tpm_log.h"

static uint8_t log[512];
static struct tpm_algorithms algorithms;

static void put(unsigned at, unsigned bytes, uint64_t value)
{
	kernel_put(log, at, bytes, value);
}

/* SHA-1 and SHA-256, and three bytes about the vendor. */
static uint32_t make_header(void)
{
	memset(log, 0xee, sizeof(log));
	put(28, 4, 28 + 8 + 4);
	memcpy(log + 32, "Spec ID Event03", 16);
	put(56, 4, 2);
	put(60, 2, 4);
	put(62, 2, 20);
	put(64, 2, 11);
	put(66, 2, 32);
	put(68, 4, 0x03);
	return 72;
}

/* One event at that place: both digests, data. Where the next one is. */
static uint32_t make_event(uint32_t at, uint32_t data)
{
	put(at + 8, 4, 2);
	put(at + 12, 2, 4);
	put(at + 34, 2, 11);
	put(at + 68, 4, data);
	return at + 72 + data;
}

static void header(void **state)
{
	(void)state;
	assert_int_equal(make_header(), 72);
	assert_int_equal(tpm_read_header(log, sizeof(log), &algorithms), 72);
	assert_int_equal(tpm_read_header(log, 72, &algorithms), 72);
	assert_int_equal(algorithms.count, 2);
	assert_true(algorithms.list[0].id == 4 && algorithms.list[0].bytes == 20);
	assert_true(algorithms.list[1].id == 11 && algorithms.list[1].bytes == 32);
	for (uint32_t room = 0; room < 72; room++)
		assert_int_equal(tpm_read_header(log, room, &algorithms), 0);
	log[46] = '2';
	assert_int_equal(tpm_read_header(log, sizeof(log), &algorithms), 0);
	make_header();
	put(56, 4, 4);		/* more algorithms than its data holds */
	assert_int_equal(tpm_read_header(log, sizeof(log), &algorithms), 0);
	put(56, 4, 0);
	assert_int_equal(tpm_read_header(log, sizeof(log), &algorithms), 0);
	put(56, 4, 17);
	put(28, 4, 200);
	assert_int_equal(tpm_read_header(log, sizeof(log), &algorithms), 0);
	put(28, 4, 0xffffffff);
	assert_int_equal(tpm_old_event_bytes(log, 0xffffffff), 0);
	put(28, 4, 0);
	assert_int_equal(tpm_old_event_bytes(log, 32), 32);
	assert_int_equal(tpm_read_header(log, 32, &algorithms), 0);
}

static void events(void **state)
{
	uint32_t first = make_header(), second, end;

	(void)state;
	assert_int_equal(tpm_read_header(log, sizeof(log), &algorithms), first);
	second = make_event(first, 0);
	end = make_event(second, 19);
	assert_int_equal(tpm_events_bytes(log + first, sizeof(log) - first, 0, &algorithms), 0);
	assert_int_equal(tpm_events_bytes(log + first, sizeof(log) - first, 1, &algorithms), 72);
	assert_int_equal(tpm_events_bytes(log + first, end - first, 2, &algorithms), 72 + 72 + 19);
	for (uint32_t room = 0; room < end - first; room++)
		assert_int_equal(tpm_events_bytes(log + first, room, 2, &algorithms), 0);
	put(second + 34, 2, 12);	/* an algorithm that the header does not name */
	assert_int_equal(tpm_events_bytes(log + first, sizeof(log) - first, 2, &algorithms), 0);
	make_event(second, 0xfffffff0);
	assert_int_equal(tpm_events_bytes(log + second, 0xffffffff, 1, &algorithms), 0);
	put(second + 8, 4, 17);
	assert_int_equal(tpm_events_bytes(log + second, sizeof(log) - second, 1, &algorithms), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(header), cmocka_unit_test(events) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
