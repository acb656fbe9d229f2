// SPDX-License-Identifier: MIT
/* The ACPI walk over a machine of 64 KiB: good tables, each lie in turn, then random damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/acpi.h"

#define BASE		0x7f000000u	/* physical address of the memory */
#define BYTES		0x10000u
#define RSDP		(BASE + 0x14)
#define ROOT		(BASE + 0x100)
#define MADT		(BASE + 0x203)	/* tables need not be aligned */
#define SSDT_A		(BASE + 0x300)
#define SSDT_B		(BASE + 0x400)

/* Each read is handed out as a block of its own of exactly the length asked for, so that ASan sees a read behind. */
struct machine {
	uint8_t memory[BYTES];
	void *handed[256];
	unsigned handed_count;
};

static const void *machine_at(void *ctx, uint64_t phys, uint32_t length)
{
	struct machine *m = ctx;
	void *copy;

	/* the promise to every reader: no null, no wrap, bounded */
	assert_true(phys != 0 && phys <= UINT64_MAX - length && length <= ACPI_TABLE_BYTES_MAX);
	if (phys < BASE || phys - BASE > BYTES || length > BYTES - (phys - BASE) || m->handed_count == 256)
		return NULL;
	copy = malloc(length);
	memcpy(copy, m->memory + (phys - BASE), length);
	m->handed[m->handed_count++] = copy;
	return copy;
}

static void machine_forget(struct machine *m)
{
	while (m->handed_count)
		free(m->handed[--m->handed_count]);
}

static uint8_t *at(struct machine *m, uint32_t phys) { return m->memory + (phys - BASE); }

static void sum(uint8_t *table, uint32_t length, uint32_t checksum_offset)
{
	uint8_t total = 0;

	table[checksum_offset] = 0;
	for (uint32_t i = 0; i < length; i++)
		total += table[i];
	table[checksum_offset] = -total;
}

static void put_table(struct machine *m, uint32_t phys, const char *signature, uint32_t length)
{
	memcpy(at(m, phys), signature, 4);
	memcpy(at(m, phys) + 4, &length, 4);
	sum(at(m, phys), length, 9);
}

static void put_rsdp(struct machine *m, uint8_t revision, uint32_t rsdt, uint64_t xsdt)
{
	uint8_t *p = at(m, RSDP);
	uint32_t length = 36;

	memcpy(p, "RSD PTR ", 8);
	p[15] = revision;
	memcpy(p + 16, &rsdt, 4);
	memcpy(p + 20, &length, 4);
	memcpy(p + 24, &xsdt, 8);
	sum(p, 20, 8);
	sum(p, 36, 32);
}

/* An XSDT machine (or, with revision 0, an RSDT one) with MADT and two SSDTs, and entries that lead nowhere. */
static struct machine *machine_new(uint8_t revision)
{
	static const uint64_t entries[] = { 0, 0x10, SSDT_A, MADT, UINT64_MAX, SSDT_B };
	struct machine *m = calloc(1, sizeof(*m));
	uint32_t entry_bytes = revision ? 8 : 4;

	put_rsdp(m, revision, revision ? 0 : ROOT, revision ? ROOT : 0);
	for (size_t i = 0; i < 6; i++)
		memcpy(at(m, ROOT) + 36 + i * entry_bytes, &entries[i], entry_bytes);
	put_table(m, ROOT, revision ? "XSDT" : "RSDT", 36 + 6 * entry_bytes);
	put_table(m, MADT, "APIC", 44);
	put_table(m, SSDT_A, "SSDT", 36);
	put_table(m, SSDT_B, "SSDT", 100);
	return m;
}

static void machine_free(struct machine *m)
{
	machine_forget(m);
	free(m);
}

static struct acpi_reader reader_of(struct machine *m) { return (struct acpi_reader){ machine_at, m }; }

static void find_good(uint8_t revision)
{
	struct machine *m = machine_new(revision);
	struct problem p = { 0 };
	struct acpi_table t;
	struct acpi acpi;

	assert_int_equal(acpi_open(&acpi, reader_of(m), RSDP, &p), OK);
	assert_int_equal(acpi_find(&acpi, "APIC", 0, &t, &p), OK);
	assert_int_equal(t.phys, MADT);
	assert_int_equal(t.length, 44);
	assert_memory_equal(t.data, at(m, MADT), 44);
	assert_int_equal(acpi_find(&acpi, "SSDT", 0, &t, &p), OK);
	assert_int_equal(t.phys, SSDT_A);
	assert_int_equal(acpi_find(&acpi, "SSDT", 1, &t, &p), OK);
	assert_int_equal(t.phys, SSDT_B);
	assert_int_equal(acpi_find(&acpi, "SSDT", 2, &t, &p), OK);
	assert_null(t.data);
	assert_int_equal(acpi_find(&acpi, "DMAR", 0, &t, &p), OK);
	assert_null(t.data);
	assert_int_equal(p.code, OK);
	machine_free(m);
}

static void good_xsdt(void **state) { (void)state; find_good(2); }
static void good_rsdt(void **state) { (void)state; find_good(0); }

static void assert_open_refused(struct machine *m, const char *why)
{
	struct problem p = { 0 };
	struct acpi acpi;

	assert_int_equal(acpi_open(&acpi, reader_of(m), RSDP, &p), E_ACPI_TABLE);
	if (!strstr(p.text, why))
		fail_msg("'%s' is not in: %s", why, p.text);
	machine_free(m);
}

static void bad_rsdp(void **state)
{
	struct machine *m = machine_new(2);
	struct problem p = { 0 };
	struct acpi acpi;

	(void)state;
	assert_int_equal(acpi_open(&acpi, reader_of(m), 0, &p), E_ACPI_TABLE);
	assert_int_equal(acpi_open(&acpi, reader_of(m), BASE + BYTES - 19, NULL), E_ACPI_TABLE);
	assert_int_equal(acpi_open(&acpi, reader_of(m), UINT64_MAX, NULL), E_ACPI_TABLE);
	at(m, RSDP)[0] = 'r';
	assert_open_refused(m, "signature");
	m = machine_new(2);
	at(m, RSDP)[9]++;
	assert_open_refused(m, "checksum");
	m = machine_new(2);
	at(m, RSDP)[33]++;
	assert_open_refused(m, "extended checksum");
	m = machine_new(2);
	at(m, RSDP)[20] = 35;
	assert_open_refused(m, "length 35");
	m = machine_new(2);
	at(m, RSDP)[23] = 0xff;
	assert_open_refused(m, "length");
	m = machine_new(2);
	put_rsdp(m, 2, 0, 0);
	assert_open_refused(m, "RSDT at 0x0");
	m = machine_new(2);
	put_rsdp(m, 2, 0, UINT64_MAX - 10);
	assert_open_refused(m, "not readable");
}

static void bad_root(void **state)
{
	static const uint32_t lengths[] = { 0, 35, 37, 36 + 8 * 1025, BYTES, (16u << 20) + 1, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct machine *m = machine_new(2);

		memcpy(at(m, ROOT) + 4, &lengths[i], 4);
		if (lengths[i] < BYTES / 2)
			sum(at(m, ROOT), lengths[i] > 36 ? lengths[i] : 36, 9);
		assert_open_refused(m, "XSDT");
	}
	struct machine *m = machine_new(2);

	at(m, ROOT)[40]++;
	assert_open_refused(m, "checksum");
	m = machine_new(2);
	memcpy(at(m, ROOT), "RSDT", 4);
	assert_open_refused(m, "signature");
}

static void bad_table(void **state)
{
	static const uint32_t lengths[] = { 0, 35, BYTES, (16u << 20) + 1, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i <= sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct machine *m = machine_new(2);
		struct problem p = { 0 };
		struct acpi_table t;
		struct acpi acpi;

		if (i < sizeof(lengths) / sizeof(lengths[0]))
			memcpy(at(m, MADT) + 4, &lengths[i], 4);
		else
			at(m, MADT)[40] ^= 1;
		assert_int_equal(acpi_open(&acpi, reader_of(m), RSDP, &p), OK);
		assert_int_equal(acpi_find(&acpi, "APIC", 0, &t, &p), E_ACPI_TABLE);
		assert_null(t.data);
		assert_non_null(strstr(p.text, "APIC at 0x7f000203"));
		assert_int_equal(acpi_find(&acpi, "SSDT", 1, &t, NULL), OK);
		assert_non_null(t.data);
		machine_free(m);
	}
}

/* Damage with checksums repaired, so that it reaches behind them. */
static void random_damage(void **state)
{
	unsigned seed = 9, opened = 0;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct machine *m = machine_new(rand_r(&seed) % 2 ? 2 : 0);
		struct acpi_table t;
		struct problem p = { 0 };
		struct acpi acpi;

		for (int n = rand_r(&seed) % 6; n >= 0; n--)
			m->memory[rand_r(&seed) % 2 ? 0x100 + rand_r(&seed) % 84 : rand_r(&seed) % 0x240] =
				rand_r(&seed) % 3 ? (uint8_t)rand_r(&seed) : 0;
		if (rand_r(&seed) % 4) {
			uint32_t length = acpi_u32(at(m, ROOT), 4);

			sum(at(m, RSDP), 20, 8);
			sum(at(m, RSDP), 36, 32);
			sum(at(m, ROOT), length < 4096 ? length : 0, 9);
		}
		if (acpi_open(&acpi, reader_of(m), RSDP, &p) == OK) {
			opened++;
			if (acpi_find(&acpi, "APIC", 0, &t, &p) == OK && t.data)
				assert_true(t.length >= 36 && !memcmp(t.data, "APIC", 4));
		}
		machine_free(m);
	}
	assert_true(opened > 2000 && opened < 19000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_xsdt),
		cmocka_unit_test(good_rsdt),
		cmocka_unit_test(bad_rsdp),
		cmocka_unit_test(bad_root),
		cmocka_unit_test(bad_table),
		cmocka_unit_test(random_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
