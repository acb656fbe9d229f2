// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "smp/madt.h"

/* A table under construction, in an allocation of its exact size when parsed, so that ASan sees every overrun. */
struct table { uint8_t bytes[16384]; unsigned length; };

static struct madt out;

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
	p[2] = (uint8_t)(v >> 16);
	p[3] = (uint8_t)(v >> 24);
}

static void begin(struct table *t)
{
	memset(t, 0, sizeof(*t));
	memcpy(t->bytes, "APIC", 4);
	put32(t->bytes + 36, 0xfee00000);
	put32(t->bytes + 40, 1);
	t->length = 44;
}

static uint8_t *entry(struct table *t, uint8_t type, uint8_t length)
{
	uint8_t *e = t->bytes + t->length;

	e[0] = type;
	e[1] = length;
	t->length += length;
	return e;
}

static void lapic(struct table *t, uint8_t uid, uint8_t id, uint32_t flags)
{
	uint8_t *e = entry(t, 0, 8);

	e[2] = uid;
	e[3] = id;
	put32(e + 4, flags);
}

static void x2apic(struct table *t, uint32_t uid, uint32_t id, uint32_t flags)
{
	uint8_t *e = entry(t, 9, 16);

	put32(e + 4, id);
	put32(e + 8, flags);
	put32(e + 12, uid);
}

static enum status parse(const struct table *t, struct problem *p)
{
	uint8_t *exact = malloc(t->length ? t->length : 1);
	enum status status;

	memcpy(exact, t->bytes, t->length);
	status = madt_parse(&out, exact, t->length, p);
	free(exact);
	return status;
}

static void ordinary_table(void **state)
{
	struct table t;
	uint8_t *e;

	(void)state;
	begin(&t);
	lapic(&t, 1, 0, 1);
	lapic(&t, 2, 2, 1);
	e = entry(&t, 1, 12);
	put32(e + 4, 0xfec00000);
	entry(&t, 2, 10);
	entry(&t, 4, 6);
	entry(&t, 0x7f, 2);
	assert_int_equal(parse(&t, NULL), OK);
	assert_int_equal(out.cpu_count, 2);
	assert_int_equal(out.enabled_count, 2);
	assert_int_equal(out.cpus[1].apic_id, 2);
	assert_int_equal(out.cpus[1].acpi_uid, 2);
	assert_int_equal(out.lapic_base, 0xfee00000);
	assert_true(out.pcat_compat);
	assert_false(out.mp_wakeup);
	assert_int_equal(out.ioapic_count, 1);
	assert_int_equal(out.ioapic_base[0], 0xfec00000);
}

static void same_id_counts_once(void **state)
{
	struct table t;

	(void)state;
	begin(&t);
	x2apic(&t, 5, 5, 1);		/* repeats type 0 below, and comes first */
	lapic(&t, 0, 0, 1);
	lapic(&t, 5, 5, 0);
	lapic(&t, 6, 5, 1);
	x2apic(&t, 7, 0x100, 1);
	x2apic(&t, 8, 0x100, 1);
	assert_int_equal(parse(&t, NULL), OK);
	assert_int_equal(out.cpu_count, 3);
	assert_int_equal(out.enabled_count, 3);
	assert_int_equal(out.cpus[1].apic_id, 5);
	assert_true(out.cpus[1].enabled);
	assert_int_equal(out.cpus[2].apic_id, 0x100);
}

static void low_x2apic_ids_count_without_type_0(void **state)
{
	struct table t;

	(void)state;
	begin(&t);
	x2apic(&t, 0, 0, 1);
	x2apic(&t, 1, 1, 1);
	lapic(&t, 0xff, 0xff, 0);	/* a dead slot does not make type 0 present */
	assert_int_equal(parse(&t, NULL), OK);
	assert_int_equal(out.cpu_count, 2);
}

static void listed_twice_and_never_enabled_stays_so(void **state)
{
	struct table t;

	(void)state;
	begin(&t);
	lapic(&t, 1, 1, 0);
	lapic(&t, 2, 1, 0);
	assert_int_equal(parse(&t, NULL), OK);
	assert_int_equal(out.cpu_count, 1);
	assert_int_equal(out.enabled_count, 0);
	assert_false(out.cpus[0].enabled);
}

static void more_ioapics_than_there_is_room_for(void **state)
{
	struct table t;
	unsigned i;

	(void)state;
	begin(&t);
	lapic(&t, 1, 1, 1);
	for (i = 0; i < MADT_IOAPIC_MAX + 2; i++)
		put32(entry(&t, 1, 12) + 4, 0xfec00000 + i);
	assert_int_equal(parse(&t, NULL), OK);
	assert_int_equal(out.ioapic_count, MADT_IOAPIC_MAX);
	assert_int_equal(out.ioapic_base[MADT_IOAPIC_MAX - 1], 0xfec00000 + MADT_IOAPIC_MAX - 1);
	assert_int_equal(out.cpus[0].apic_id, 1);
}

static void broadcast_ids_are_nobody(void **state)
{
	struct table t;

	(void)state;
	begin(&t);
	lapic(&t, 0, 0, 1);
	lapic(&t, 1, 0xff, 1);
	x2apic(&t, 2, 0xffffffff, 1);
	assert_int_equal(parse(&t, NULL), OK);
	assert_int_equal(out.cpu_count, 1);
}

static void flags_decide(void **state)
{
	struct table t;

	(void)state;
	begin(&t);
	lapic(&t, 0, 0, 1);
	lapic(&t, 1, 1, 0);
	lapic(&t, 2, 2, 2);
	lapic(&t, 3, 3, 3);
	assert_int_equal(parse(&t, NULL), OK);
	assert_int_equal(out.cpu_count, 4);
	assert_int_equal(out.enabled_count, 2);
	assert_false(out.cpus[1].enabled);
	assert_false(out.cpus[2].enabled);
	assert_true(out.cpus[2].online_capable);
	assert_true(out.cpus[3].enabled);
}

static void address_override_and_wakeup(void **state)
{
	struct table t;
	uint8_t *e;

	(void)state;
	begin(&t);
	lapic(&t, 0, 0, 1);
	e = entry(&t, 5, 12);
	put32(e + 4, 0xfee01000);
	put32(e + 8, 1);
	e = entry(&t, 0x10, 24);
	put32(e + 8, 0x7000);
	assert_int_equal(parse(&t, NULL), OK);
	assert_int_equal(out.lapic_base, 0x1fee01000);
	assert_true(out.mp_wakeup);
	assert_int_equal(out.mp_wakeup_mailbox, 0x7000);
}

/* where: words of the problem. */
static void refused(struct table *t, const char *where)
{
	struct problem p = { 0 };

	assert_int_equal(parse(t, &p), E_ACPI_TABLE);
	assert_non_null(strstr(p.text, where));
	assert_int_equal(out.cpu_count, 0);		/* wrong anywhere: used nowhere */
}

static void hostile_lengths(void **state)
{
	static const uint8_t types[] = { 0, 1, 5, 9, 0x10, 0x33 };
	static const uint8_t needed[] = { 8, 12, 12, 16, 16, 2 };
	struct table t;
	unsigned i, length;

	(void)state;
	for (i = 0; i < sizeof(types); i++)
		for (length = needed[i]; length-- > 0;) {
			begin(&t);
			lapic(&t, 0, 0, 1);
			entry(&t, types[i], needed[i])[1] = (uint8_t)length;
			refused(&t, "offset 52:");
		}
}

static void a_last_entry_that_is_too_short(void **state)
{
	struct table t;

	(void)state;
	begin(&t);
	lapic(&t, 0, 0, 1);
	entry(&t, 0, 4);
	refused(&t, "offset 52:");
}

static sigjmp_buf beyond;

static void on_beyond(int signal)
{
	(void)signal;
	siglongjmp(beyond, 1);
}

/* One byte of an entry is left at the end of the last page. */
static void nothing_behind_the_table_is_read(void **state)
{
	uint8_t *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sigaction old, catch = { .sa_handler = on_beyond };
	static enum status status;		/* kept over siglongjmp() */
	struct problem p = { 0 };
	bool reached;
	struct table t;

	(void)state;
	begin(&t);
	t.length = 45;
	memcpy(pages + 4096 - t.length, t.bytes, t.length);
	assert_int_equal(mprotect(pages + 4096, 4096, PROT_NONE), 0);
	sigaction(SIGSEGV, &catch, &old);
	reached = sigsetjmp(beyond, 1);
	if (!reached)
		status = madt_parse(&out, pages + 4096 - t.length, t.length, &p);
	sigaction(SIGSEGV, &old, NULL);
	munmap(pages, 8192);
	assert_false(reached);
	assert_int_equal(status, E_ACPI_TABLE);
	assert_non_null(strstr(p.text, "offset 44:"));
}

static void cut_anywhere(void **state)
{
	struct table whole, t;
	unsigned length;

	(void)state;
	begin(&whole);
	lapic(&whole, 0, 0, 1);
	x2apic(&whole, 1, 0x101, 1);
	for (length = 0; length < whole.length; length++) {
		t = whole;
		t.length = length;
		if (length == 44 || length == 52)
			assert_int_equal(parse(&t, NULL), OK);
		else
			refused(&t, "MADT");
	}
}

static void too_many_are_left_out(void **state)
{
	struct problem p = { 0 };
	struct table t;
	unsigned i;

	(void)state;
	begin(&t);
	for (i = 0; i < SMP_CPUS_MAX; i++)
		x2apic(&t, i, 0x100 + i, 1);
	assert_int_equal(parse(&t, &p), OK);
	assert_int_equal(out.cpu_count, SMP_CPUS_MAX);
	x2apic(&t, 9999, 0x9999, 1);
	assert_int_equal(parse(&t, &p), E_TOO_MANY_CPUS);
	assert_non_null(strstr(p.text, "9999"));
	assert_int_equal(out.cpu_count, SMP_CPUS_MAX);
	put32(entry(&t, 1, 12) + 4, 0xfec00000);	/* what is behind it counts, and does not hide it */
	assert_int_equal(parse(&t, &p), E_TOO_MANY_CPUS);
	assert_int_equal(out.ioapic_count, 1);
}

/* Any bytes at all: the verdict may differ, ASan and UBSan must stay silent and the counts in bounds. */
static void noise(void **state)
{
	struct table t;
	unsigned round, i;

	(void)state;
	srand(20);
	for (round = 0; round < 3000; round++) {
		begin(&t);
		t.length = 44 + (unsigned)rand() % 200;
		for (i = 44; i < t.length; i++)
			t.bytes[i] = rand() % 3 ? (uint8_t)(rand() % 17) : (uint8_t)rand();
		(void)!parse(&t, NULL);
		assert_true(out.cpu_count <= SMP_CPUS_MAX && out.enabled_count <= out.cpu_count);
		assert_true(out.ioapic_count <= MADT_IOAPIC_MAX);
	}
}

static void uniprocessor(void **state)
{
	(void)state;
	madt_uniprocessor(&out, 7, 0xfee00000);
	assert_int_equal(out.cpu_count, 1);
	assert_int_equal(out.cpus[0].apic_id, 7);
	assert_true(out.cpus[0].enabled);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_table),
		cmocka_unit_test(same_id_counts_once),
		cmocka_unit_test(low_x2apic_ids_count_without_type_0),
		cmocka_unit_test(listed_twice_and_never_enabled_stays_so),
		cmocka_unit_test(more_ioapics_than_there_is_room_for),
		cmocka_unit_test(broadcast_ids_are_nobody),
		cmocka_unit_test(flags_decide),
		cmocka_unit_test(address_override_and_wakeup),
		cmocka_unit_test(hostile_lengths),
		cmocka_unit_test(a_last_entry_that_is_too_short),
		cmocka_unit_test(nothing_behind_the_table_is_read),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(too_many_are_left_out),
		cmocka_unit_test(noise),
		cmocka_unit_test(uniprocessor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
