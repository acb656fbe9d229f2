// SPDX-License-Identifier: MIT
/* The block and the report of the generation before: good ones are read, each lie is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "kernel/old_block.h"
#include "kernel/old_report.h"
#include "lib/crc32.h"

#define BASE	0x7000000ull
#define PAGE	4096u

static struct {
	struct block_header header;
	uint32_t cpus[4];
	struct block_range ranges[3];
	uint8_t rest[3 * PAGE];
} made;
static struct old_block block;

static void seal(void)
{
	uint32_t crc;

	made.header.crc32 = 0;
	crc = crc32(0, &made.header, sizeof(made.header));
	crc = crc32(crc, made.cpus, sizeof(made.cpus));
	made.header.crc32 = crc32(crc, made.ranges, sizeof(made.ranges));
}

static int make(void **state)
{
	(void)state;
	memset(&made, 0, sizeof(made));
	made.header = (struct block_header){
		.magic = BLOCK_MAGIC, .version = BLOCK_VERSION, .header_size = sizeof(made.header), .block_base = BASE,
		.block_size = 3 * PAGE, .cpu_count = 4, .cpu_list_offset = offsetof(typeof(made), cpus),
		.generation = 17, .report = BASE + 3 * PAGE, .range_count = 3,
		.range_offset = offsetof(typeof(made), ranges),
	};
	for (unsigned i = 0; i < 4; i++)
		made.cpus[i] = 2 * i;
	made.ranges[0] = (struct block_range){ 0x8f000, PAGE };
	made.ranges[1] = (struct block_range){ BASE, 5 * PAGE };
	made.ranges[2] = (struct block_range){ BASE + 5 * PAGE, PAGE };
	seal();
	return 0;
}

static enum status parse(uint64_t length, const char **text)
{
	static struct problem problem;
	enum status s;

	problem = (struct problem){ .code = OK };
	s = old_block_parse(&block, BASE, &made, length, &problem);
	*text = problem.text;
	return s;
}

static void test_good(void **state)
{
	const char *text;

	(void)state;
	assert_true(old_block_magic(&made));
	assert_int_equal(parse(sizeof(made), &text), OK);
	assert_int_equal(block.generation, 17);
	assert_int_equal(block.cpu_count, 4);
	assert_int_equal(block.cpus[3], 6);
	assert_int_equal(block.range_count, 3);
	assert_int_equal(block.ranges[1].size, 5 * PAGE);
	assert_int_equal(block.report, BASE + 3 * PAGE);
}

/* Each with a right checksum: the field itself is what is wrong. */
#define LIE(change, word) do { \
	const char *text; \
	make(NULL); \
	change; \
	seal(); \
	assert_int_equal(parse(sizeof(made), &text), E_OLD_BLOCK); \
	assert_non_null(strstr(text, word)); \
} while (0)

static void test_lies(void **state)
{
	(void)state;
	LIE(made.header.magic ^= 1, "magic");
	LIE(made.header.version++, "version");
	LIE(made.header.header_size += 8, "header_size");
	LIE(made.header.block_base += PAGE, "block_base");
	LIE(made.header.block_size = 0, "block_size");
	LIE(made.header.block_size += 8, "block_size");
	LIE(made.header.block_size = 1ull << 40, "block_size");
	LIE(made.header.cpu_count = 0, "cpu_count");
	LIE(made.header.cpu_count = BLOCK_CPUS + 1, "cpu_count");
	LIE(made.header.cpu_list_offset = 3 * PAGE - 4, "cpu_list_offset");
	LIE(made.header.cpu_list_offset = 0, "cpu_list_offset");
	LIE(made.header.cpu_list_offset = 0xfffffffc, "cpu_list_offset");
	LIE(made.header.range_count = 0, "range_count");
	LIE(made.header.range_count = BLOCK_RANGES + 1, "range_count");
	LIE(made.header.range_offset = 3 * PAGE - 16, "range_offset");
	LIE(made.header.range_offset += 2, "range_offset");
	LIE(made.ranges[0].size = 0, "range's base");
	LIE(made.ranges[0].base++, "range's base");
	LIE(made.ranges[2].size = ~0xfffull, "range's base");
	LIE(made.ranges[2].base -= PAGE, "range's base");
	LIE(made.ranges[1].size = PAGE, "without the block");
}

static void test_checksum_covers_all_of_it(void **state)
{
	const char *text;
	uint8_t *bytes = (uint8_t *)&made;

	(void)state;
	for (unsigned i = 0; i < offsetof(typeof(made), rest); i++) {
		bytes[i] ^= 1;
		assert_int_equal(parse(sizeof(made), &text), E_OLD_BLOCK);
		bytes[i] ^= 1;
	}
	assert_int_equal(parse(sizeof(made), &text), OK);
}

static void test_not_all_readable(void **state)
{
	const char *text;

	(void)state;
	assert_int_equal(parse(sizeof(struct block_header) - 1, &text), E_OLD_BLOCK);
	assert_int_equal(parse(3 * PAGE - 1, &text), E_OLD_BLOCK);
	assert_int_equal(parse(3 * PAGE, &text), OK);
}

static struct {
	struct report_header header;
	struct report_cpu cpus[3];
	struct report_phase phases[2];
	struct report_loop loop[1];
	struct report_stat stats[LOOP_STATS_MAX];
	struct report_pattern pattern[2];
} report;

static void seal_report(void)
{
	report.header.crc32 = 0;
	report.header.crc32 = crc32(0, &report, sizeof(report));
}

#define TABLE(field, used) (struct report_table){ offsetof(typeof(report), field), used, sizeof(report.field[0]), \
						  sizeof(report.field) / sizeof(report.field[0]) }

static int make_report(void **state)
{
	(void)state;
	memset(&report, 0, sizeof(report));
	report.header = (struct report_header){
		.magic = REPORT_MAGIC, .version = REPORT_VERSION, .header_size = sizeof(report.header),
		.total_size = sizeof(report), .state = REPORT_HANDED_OVER, .generation = 4, .kicks = 2, .kick_answers = 2,
		.nmis = 2, .tsc_khz = 1000, .kick_us = 30, .cpus = TABLE(cpus, 3), .phases = TABLE(phases, 2),
		.loop = TABLE(loop, 1), .stats = TABLE(stats, 0), .pattern = TABLE(pattern, 0),
	};
	for (unsigned i = 0; i < 3; i++)
		report.cpus[i] = (struct report_cpu){ .apic_id = i, .nmis_sent = 1, .nmis_seen = 2,
						      .verdict = i ? VERDICT_HALTED : VERDICT_ONLINE };
	strcpy(report.phases[0].name, "own");
	report.phases[0].duration_us = 100;
	memcpy(report.phases[1].name, "sixteen-bytes-xx", 16);
	report.phases[1].duration_us = 5;
	report.loop[0].door_tsc = 1000;
	report.loop[0].seed = 99;
	report.loop[0].left = 5;
	seal_report();
	return 0;
}

static enum status check_report(void)
{
	struct problem problem = { .code = OK };

	return old_report_check(&report, sizeof(report), &problem);
}

static void test_report_good(void **state)
{
	struct problem problem = { .code = OK };

	(void)state;
	assert_int_equal(check_report(), OK);
	assert_int_equal(old_report_judge(&report.header, &problem), OK);
	assert_null(old_report_entry(&report.header, &report.header.cpus, 3));
	assert_int_equal(((const struct report_cpu *)old_report_entry(&report.header, &report.header.cpus, 2))->apic_id,
			 2);
}

#define BAD_REPORT(change) do { make_report(NULL); change; seal_report(); \
	assert_int_equal(check_report(), E_OLD_BLOCK); } while (0)

static void test_report_lies(void **state)
{
	(void)state;
	BAD_REPORT(report.header.magic++);
	BAD_REPORT(report.header.version++);
	BAD_REPORT(report.header.header_size--);
	BAD_REPORT(report.header.total_size = 8);
	BAD_REPORT(report.header.total_size = sizeof(report) + 8);
	BAD_REPORT(report.header.cpus.count = 4);
	BAD_REPORT(report.header.cpus.entry_size--);
	BAD_REPORT(report.header.phases.offset = 16);
	BAD_REPORT(report.header.pattern.capacity = 0x8000000);
	BAD_REPORT(report.header.loop.offset = 0xfffffff8);
	make_report(NULL);
	((uint8_t *)&report)[sizeof(report) - 1] ^= 1;
	assert_int_equal(check_report(), E_OLD_BLOCK);
}

#define UNCLEAN(change) do { struct problem p = { .code = OK }; make_report(NULL); change; \
	assert_int_equal(old_report_judge(&report.header, &p), E_OLD_HANDOVER); } while (0)

static void test_unclean_handover(void **state)
{
	(void)state;
	UNCLEAN(report.header.state = REPORT_PREPARED);
	UNCLEAN(report.header.failure = 81);
	UNCLEAN(report.cpus[2].verdict = VERDICT_INIT_RECALLED);
	UNCLEAN(report.cpus[1].verdict = VERDICT_NO_ANSWER);
	UNCLEAN(report.header.kick_answers = 1);
	UNCLEAN(report.header.inits = 1);
}

static void test_figures_add_up(void **state)
{
	static struct loop_figures f;

	(void)state;
	loop_figures_add(&f, &report.header, 1000 + 77);
	assert_int_equal(f.loop.handovers, 1);
	assert_int_equal(f.loop.seed, 99);
	assert_int_equal(f.loop.nmis_sent, 3);
	assert_int_equal(f.loop.nmis_seen, 6);
	assert_int_equal(f.loop.verdicts[VERDICT_HALTED], 2);
	assert_int_equal(f.stat_count, 4);
	assert_string_equal(f.stats[0].name, "own");
	assert_string_equal(f.stats[1].name, "sixteen-bytes-x");
	assert_string_equal(f.stats[3].name, "generation");
	assert_int_equal(f.stats[3].sum_us, 77);
	/* And on: the next report carries these figures. */
	report.loop[0] = f.loop;
	memcpy(report.stats, f.stats, sizeof(f.stats));
	report.header.stats.count = f.stat_count;
	report.phases[0].duration_us = 40;
	loop_figures_add(&f, &report.header, 500);	/* a TSC that was set back: no figure of it */
	assert_int_equal(f.loop.handovers, 2);
	assert_int_equal(f.loop.kicks, 4);
	assert_int_equal(f.stat_count, 4);
	assert_int_equal(f.stats[0].count, 2);
	assert_int_equal(f.stats[0].min_us, 40);
	assert_int_equal(f.stats[0].max_us, 100);
	assert_int_equal(f.stats[0].sum_us, 140);
	assert_int_equal(f.stats[3].count, 1);
}

/* A Linux in between, by order or behind the last generation: what comes after it is not compared with what was before. */
static void test_another_kernel_counts_anew(void **state)
{
	static struct loop_figures f;

	(void)state;
	report.loop[0].first[0].free_pages = 1000;
	loop_figures_add(&f, &report.header, 1000 + 77);
	assert_int_equal(f.loop.first[0].free_pages, 1000);
	assert_int_equal(f.loop.passes, 0);
	for (unsigned last = 0; last < 2; last++) {
		report.loop[0].flags = last ? 0 : REPORT_LOOP_PASS;
		report.loop[0].left = last ? 0 : 5;
		loop_figures_add(&f, &report.header, 1000 + 77);
		assert_int_equal(f.loop.first[0].free_pages, 0);
		assert_int_equal(f.loop.passes, 1);
		assert_int_equal(f.loop.pass_at, f.loop.handovers);
	}
}

static void test_buckets(void **state)
{
	static const struct { uint64_t us; unsigned bucket; } cases[] = {
		{ 0, 0 }, { 1, 1 }, { 2, 2 }, { 3, 2 }, { 4, 3 }, { 1023, 10 }, { 1024, 11 }, { 1 << 22, 23 },
		{ 1ull << 40, 23 },
	};
	static struct loop_figures f;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(&f, 0, sizeof(f));
		loop_figures_count(&f, "x", cases[i].us);
		assert_int_equal(f.stats[0].buckets[cases[i].bucket], 1);
	}
	memset(&f, 0, sizeof(f));
	for (unsigned i = 0; i < 2 * LOOP_STATS_MAX; i++) {
		char name[8] = { 'a', (char)('A' + i) };

		loop_figures_count(&f, name, 1);
	}
	assert_int_equal(f.stat_count, LOOP_STATS_MAX);
}

static void test_census(void **state)
{
	struct report_census good = { 1000, 4096, 12, 40 }, other;
	struct problem problem = { .code = OK };
	struct report_loop loop;

	(void)state;
	memset(&loop, 0, sizeof(loop));
	for (uint64_t generation = 1; generation < 20; generation++) {
		other = good;
		/* By turns, and the first two as they like. */
		other.free_pages += loop.handovers & 1 ? 7 : 0;
		other.e820_entries += loop.handovers < 2 ? 3 : 0;
		assert_int_equal(loop_census_check(&loop, generation, &other, &problem), OK);
		loop.handovers++;
	}
	other = good;
	other.free_pages += loop.handovers & 1 ? 6 : 1;
	assert_int_equal(loop_census_check(&loop, 20, &other, &problem), E_MEMORY_GROWTH);
	loop.handovers++;
	good.free_pages += loop.handovers & 1 ? 7 : 0;
	problem.code = OK;
	other = good;
	other.reserved_bytes += 4096;
	assert_int_equal(loop_census_check(&loop, 21, &other, &problem), E_MEMORY_GROWTH);
	assert_non_null(strstr(problem.text, "reserved bytes"));
	other = good;
	other.e820_entries--;
	assert_int_equal(loop_census_check(&loop, 21, &other, &problem), E_MEMORY_GROWTH);
	other = good;
	other.map_entries++;
	assert_int_equal(loop_census_check(&loop, 21, &other, &problem), E_MEMORY_GROWTH);
	assert_int_equal(loop_census_check(&loop, 21, &good, &problem), OK);
}

static void test_bundle(void **state)
{
	static struct { struct report_header header; struct report_loop loop; struct report_segment segments[2]; } r;
	const struct report_segment *bundle;
	struct problem problem = { .code = OK };
	uint8_t sha256[32];

	(void)state;
	r.header.loop = (struct report_table){ .offset = sizeof(r.header), .count = 1, .capacity = 1,
					       .entry_size = sizeof(r.loop) };
	r.header.segments = (struct report_table){ .offset = sizeof(r.header) + sizeof(r.loop), .count = 2,
						   .capacity = 2, .entry_size = sizeof(r.segments[0]) };
	r.loop.left = 1;
	memcpy(r.segments[0].name, "kernel", 7);
	memcpy(r.segments[1].name, "initrd", 7);
	r.segments[1].address = 0x1dba8000;
	r.segments[1].size = 843776;
	memset(r.segments[1].sha256, 0x5a, sizeof(r.segments[1].sha256));
	memset(sha256, 0x5a, sizeof(sha256));
	bundle = old_report_bundle(&r.header);
	assert_ptr_equal(bundle, &r.segments[1]);
	assert_int_equal(old_report_same_bundle(bundle, 5, 843776, sha256, &problem), OK);
	assert_int_equal(old_report_same_bundle(bundle, 5, 843772, sha256, &problem), E_BUNDLE_CHANGED);
	sha256[31] ^= 1;
	assert_int_equal(old_report_same_bundle(bundle, 5, 843776, sha256, &problem), E_BUNDLE_CHANGED);
	assert_string_equal(problem.text, "the bundle at 0x1dba8000 (0xce000 bytes) is not what generation 5 verified");
	/* The entry's kernel was started, in between or in the end: its initrd is no bundle. */
	r.loop.flags = REPORT_LOOP_PASS;
	assert_null(old_report_bundle(&r.header));
	r.loop.flags = r.loop.left = 0;
	assert_null(old_report_bundle(&r.header));
	r.loop.left = 1;
	r.header.loop.count = 0;
	assert_null(old_report_bundle(&r.header));
	r.header.loop.count = 1;
	r.segments[1].name[0] = 'x';
	assert_null(old_report_bundle(&r.header));
}

static void test_windows(void **state)
{
	struct report_loop loop;

	(void)state;
	memset(&loop, 0, sizeof(loop));
	for (unsigned i = 0; i < 300; i++)
		loop_window_done(&loop, i % 130, 130);
	assert_int_equal(loop.windows_done, 130);
	loop_window_done(&loop, 130, 130);
	assert_int_equal(loop.windows_done, 130);
	loop_window_done(&loop, 3, 131);	/* cut anew: counted anew */
	assert_int_equal(loop.windows_done, 1);
}

static void test_hours(void **state)
{
	const struct report_loop loop = { .started_tsc = 5000000 };
	const uint64_t khz = 2000000, hour = khz * 1000 * 3600;

	(void)state;
	assert_false(loop_hours_over(&loop, khz, 5000000 + 8 * hour - khz, 8));
	assert_true(loop_hours_over(&loop, khz, 5000000 + 8 * hour, 8));
	assert_false(loop_hours_over(&loop, khz, UINT64_MAX, 0));
	assert_false(loop_hours_over(&loop, 0, UINT64_MAX, 1));
	assert_false(loop_hours_over(&loop, khz, 4999999, 1));	/* somebody set the TSC back */
	assert_true(loop_hours_over(&loop, khz, UINT64_MAX, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_good, make), cmocka_unit_test_setup(test_lies, make),
		cmocka_unit_test_setup(test_checksum_covers_all_of_it, make),
		cmocka_unit_test_setup(test_not_all_readable, make),
		cmocka_unit_test_setup(test_report_good, make_report),
		cmocka_unit_test_setup(test_report_lies, make_report),
		cmocka_unit_test_setup(test_unclean_handover, make_report),
		cmocka_unit_test_setup(test_figures_add_up, make_report), cmocka_unit_test(test_buckets),
		cmocka_unit_test(test_census), cmocka_unit_test(test_bundle), cmocka_unit_test(test_windows),
		cmocka_unit_test_setup(test_another_kernel_counts_anew, make_report), cmocka_unit_test(test_hours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
