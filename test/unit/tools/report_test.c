// SPDX-License-Identifier: MIT
/*
 * baton-report's reading side: a good report is good, every lie in it is named, and no bytes whatsoever
 * make it read outside the buffer (each report lies in its own exact allocation, so ASan sees one byte too many).
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "test/unit/tools/report_make.h"
#include "tools/report_view.h"

struct lines { char text[2048]; unsigned findings, notes; };

static void collect(void *context, bool finding, const char *line)
{
	struct lines *l = context;

	*(finding ? &l->findings : &l->notes) += 1;
	strncat(l->text, line, sizeof(l->text) - strlen(l->text) - 2);
	strcat(l->text, "\n");
}

/* Opens a copy of exactly length bytes; returns the view, the copy in *copy (caller frees). */
static bool open_copy(const void *data, size_t length, struct report_view *view, char *why, void **copy)
{
	*copy = malloc(length ? length : 1);
	memcpy(*copy, data, length);
	return report_open(view, *copy, length, why);
}

static void expect_damaged(const struct made_report *r, size_t length, const char *words)
{
	char why[REPORT_WHY_BYTES] = "";
	struct report_view view;
	void *copy;

	assert_false(open_copy(r, length, &view, why, &copy));
	if (!strstr(why, words))
		fail_msg("wanted \"%s\", got \"%s\"", words, why);
	free(copy);
}

static void expect_lines(const struct made_report *r, unsigned findings, unsigned notes, const char *words)
{
	char why[REPORT_WHY_BYTES] = "";
	struct lines l = { .findings = 0 };
	struct report_view view;
	void *copy;

	if (!open_copy(r, sizeof(*r), &view, why, &copy))
		fail_msg("not readable: %s", why);
	assert_int_equal(report_judge(&view, collect, &l), findings);
	assert_int_equal(l.findings, findings);
	assert_int_equal(l.notes, notes);
	if (!strstr(l.text, words))
		fail_msg("wanted \"%s\", got \"%s\"", words, l.text);
	free(copy);
}

static void test_good(void **state)
{
	struct made_report r;

	(void)state;
	report_make(&r);
	expect_lines(&r, 0, 0, "");
	assert_int_equal(report_crc32((void *)&r, sizeof(r)), r.header.crc32);
}

static void test_structure_lies(void **state)
{
	struct made_report r;

	(void)state;
#define LIE(change, words)	do {									\
		report_make(&r); change; report_seal(&r); expect_damaged(&r, sizeof(r), words);		\
	} while (0)
	LIE(r.header.magic++, "magic");
	LIE(r.header.version = 0, "version");
	LIE(r.header.total_size++, "total_size");
	LIE(r.header.total_size = ~0u, "total_size");
	LIE(r.header.total_size = 8, "header_size");
	LIE(r.header.header_size = 8, "header_size");
	LIE(r.header.header_size = sizeof(r) + 1, "header_size");
	LIE(r.header.cpus.count = 5, "cpus.count");
	LIE(r.header.cpus.capacity = ~0u, "cpus ends");
	LIE(r.header.cpus.offset = 0, "cpus.offset");
	LIE(r.header.cpus.offset = ~0u, "cpus ends");
	LIE(r.header.cpus.entry_size = 0, "cpus.entry_size");
	LIE(r.header.segments.entry_size = ~0u, "segments ends");
	LIE(r.header.segments.entry_size = 16, "segments.entry_size");
	LIE(r.header.phases.capacity = 0, "phases.count");
	LIE(r.header.pci.offset = r.header.segments.offset, "overlaps");
	LIE(r.header.reserved.offset++, "overlaps reserved");
	LIE(r.header.cycles.offset++, "cycles ends");
	LIE(r.header.cycles.entry_size--, "cycles.entry_size");
	report_make(&r);
	r.cpus[1].apic_id ^= 1;
	expect_damaged(&r, sizeof(r), "crc32");
	report_make(&r);
	r.header.crc32 ^= 1;
	expect_damaged(&r, sizeof(r), "crc32");
}

static void test_every_length(void **state)
{
	struct made_report r;

	(void)state;
	report_make(&r);
	for (size_t length = 0; length < sizeof(r); length++)
		expect_damaged(&r, length, "");
}

static void test_findings(void **state)
{
	struct made_report r;

	(void)state;
#define FINDING(change, words) do { report_make(&r); change; report_seal(&r); expect_lines(&r, 1, 0, words); } while (0)
	FINDING(r.header.state = REPORT_PREPARED, "state is prepared");
	FINDING(r.header.state = 99, "state is ?");
	FINDING((r.header.failure = 81, strcpy(r.header.failure_text, "kernel differs")), "E81: kernel differs");
	FINDING(r.cpus[0].verdict = VERDICT_PARKED, "boss (APIC ID 0)");
	FINDING(r.cpus[1].verdict = VERDICT_LOST, "APIC ID 1 has verdict LOST");
	FINDING(r.cpus[1].verdict = VERDICT_PARKED, "PARKED instead of HALTED");
	FINDING(r.cpus[2].verdict = VERDICT_INIT_RECALLED, "INIT_RECALLED");
	FINDING(r.cpus[2].verdict = VERDICT_NO_ANSWER, "NO_ANSWER");
	FINDING(r.cpus[2].verdict = 77, "verdict ?");
	FINDING(r.cpus[1].flags = 1, "MTRRs");
	FINDING(r.cpus[1].mcs_seen = 3, "3 machine checks");
	FINDING(r.header.segments.count = 0, "no segment");
	FINDING(r.segments[1].verified = 0, "initrd was not verified");
	FINDING((r.segments[0].verified = 2, r.segments[0].bad_page = 0x1003000), "kernel differs");
	FINDING(r.header.kick_answers = 1, "1 of 2 kicked");
	FINDING(r.header.inits = 1, "needed INIT");
	FINDING(r.header.engines_right = 0x15, "hash engine sha256-ni gave wrong answers");
}

/* Two entries in memory: what the one that was not started holds need not be verified, the other's must. */
static void test_fallback(void **state)
{
	struct made_report r;

	(void)state;
	report_make(&r);
	strcpy(r.segments[1].name, "fallback-initrd");
	r.segments[1].verified = VERIFIED_NOT_REACHED;
	report_seal(&r);
	expect_lines(&r, 0, 0, "");
	r.header.fell_back = 81;
	strcpy(r.header.fell_back_entry, "a.conf");
	strcpy(r.header.fell_back_text, "kernel differs");
	report_seal(&r);
	expect_lines(&r, 2, 0, "entry a.conf failed with E81: kernel differs");
	expect_lines(&r, 2, 0, "segment fallback-initrd was not verified");
	r.segments[1].verified = VERIFIED_GOOD;
	r.segments[0].verified = VERIFIED_NOT_REACHED;
	report_seal(&r);
	expect_lines(&r, 1, 0, "was started instead");
}

static void test_boss_missing(void **state)
{
	struct made_report r;

	(void)state;
	report_make(&r);
	r.header.boss_apic_id = 2;
	report_seal(&r);
	expect_lines(&r, 2, 0, "boss (APIC ID 2) has verdict HALTED");
	r.header.boss_apic_id = 7;
	report_seal(&r);
	expect_lines(&r, 2, 0, "not in the CPU table");
}

static void test_notes(void **state)
{
	struct made_report r;

	(void)state;
	report_make(&r);
	r.header.mca_logged = 1;
	r.header.version = 2;
	r.cpus[1].verdict = VERDICT_DISABLED;
	report_seal(&r);
	expect_lines(&r, 0, 2, "1 of 10 machine-check banks");
}

/* Every function that shows a report, with standard output thrown away. */
static void show(const struct report_view *view)
{
	int saved = dup(1), null = open("/dev/null", O_WRONLY);
	struct lines l = { .findings = 0 };

	fflush(stdout);
	dup2(null, 1);
	report_print_table(view);
	report_print_json(view);
	fflush(stdout);
	dup2(saved, 1);
	close(saved);
	close(null);
	report_judge(view, collect, &l);
}

/* Strings without an end, numbers at their limits, flipped bits: with a checksum that fits. */
static void test_hostile_bytes(void **state)
{
	struct report_view view;
	char why[REPORT_WHY_BYTES];
	unsigned accepted = 0;
	struct made_report r;
	void *copy;

	(void)state;
	srand(1);
	for (int round = 0; round < 3000; round++) {
		report_make(&r);
		for (int n = rand() % 8; n >= 0; n--) {
			size_t at = (size_t)rand() % sizeof(r);

			((uint8_t *)&r)[at] = rand() % 3 ? (uint8_t)rand() : 0xff;
		}
		if (round % 50 == 0)
			memset(r.header.baton_version, 'x', offsetof(struct report_header, microcode) -
			       offsetof(struct report_header, baton_version));
		report_seal(&r);
		if (open_copy(&r, sizeof(r), &view, why, &copy)) {
			accepted++;
			if (round % 10 == 0)
				show(&view);
		}
		free(copy);
	}
	assert_true(accepted > 1000);
}

/* A shorter header and shorter entries (older) or longer ones (newer) are read as far as both know. */
static void test_other_versions(void **state)
{
	struct { struct made_report r; uint8_t more[64]; } *big = calloc(1, sizeof(*big));
	char why[REPORT_WHY_BYTES];
	struct report_view view;
	struct report_cpu cpu;
	struct report_pci pci;
	struct made_report r;

	(void)state;
	report_make(&r);
	r.header.cpus.entry_size = offsetof(struct report_cpu, kick_us);
	r.header.cpus.count = 1;
	r.cpus[0].kick_us = 99;
	report_seal(&r);
	assert_true(report_open(&view, &r, sizeof(r), why));
	report_entry(&view, &view.header.cpus, 0, &cpu, sizeof(cpu));
	assert_int_equal(cpu.verdict, VERDICT_ONLINE);
	assert_int_equal(cpu.kick_us, 0);

	/* PCI functions as they were before they had the state of their IOMMU. */
	report_make(&r);
	r.header.pci.entry_size = offsetof(struct report_pci, iommu);
	r.header.pci.count = r.header.pci.capacity = 1;
	report_seal(&r);
	assert_true(report_open(&view, &r, sizeof(r), why));
	report_entry(&view, &view.header.pci, 0, &pci, sizeof(pci));
	assert_int_equal(pci.device, 0x1001);
	assert_string_equal(report_iommu_name(pci.iommu), "unknown");

	report_make(&big->r);
	big->r.header.total_size = sizeof(*big);
	big->r.header.cycles.entry_size += 16;
	big->r.header.crc32 = report_crc32((void *)big, sizeof(*big));
	assert_true(report_open(&view, big, sizeof(*big), why));
	assert_int_equal(report_judge(&view, NULL, NULL), 0);
	free(big);
}

static void seal_refusal(struct report_refusal *r)
{
	r->magic = REFUSAL_MAGIC;
	r->version = REFUSAL_VERSION;
	r->header_size = r->total_size = sizeof(*r);
	r->crc32 = report_crc32((const uint8_t *)r, sizeof(*r));
}

/* With the attributes that efivarfs puts in front, and without; every length, every flipped bit. */
static void test_refusal(void **state)
{
	struct report_refusal good = { .failure = 81, .count = 2, .text = "kernel differs", .entry = "debian.conf" }, r;
	char why[REPORT_WHY_BYTES];
	uint8_t file[4 + sizeof(good)] = { 7 };

	(void)state;
	seal_refusal(&good);
	memcpy(file + 4, &good, sizeof(good));
	for (size_t skip = 0; skip <= 4; skip += 4) {
		assert_true(refusal_is(file + skip, sizeof(file) - skip));
		assert_true(refusal_open(&r, file + skip, sizeof(file) - skip, why));
		assert_memory_equal(&r, &good, sizeof(r));
	}
	for (size_t length = 0; length < sizeof(file); length++) {
		uint8_t *copy = malloc(length ? length : 1);

		memcpy(copy, file, length);
		if (refusal_is(copy, length))
			assert_false(refusal_open(&r, copy, length, why));
		free(copy);
	}
	for (size_t at = 4; at < sizeof(file); at++) {
		file[at] ^= 1;
		assert_false(refusal_is(file, sizeof(file)) && refusal_open(&r, file, sizeof(file), why));
		file[at] ^= 1;
	}
	assert_false(refusal_is("BREF", 4));
	memset(good.text, 'x', sizeof(good.text));
	good.entry[0] = 0x1b;
	assert_int_equal(strlen(report_clean(good.text, sizeof(good.text))), sizeof(good.text));
	assert_string_equal(report_clean(good.entry, 5), "?ebia");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good), cmocka_unit_test(test_structure_lies), cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_findings), cmocka_unit_test(test_fallback), cmocka_unit_test(test_boss_missing),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_hostile_bytes), cmocka_unit_test(test_other_versions),
		cmocka_unit_test(test_refusal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
