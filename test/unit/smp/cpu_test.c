// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "smp/cpu.h"

/* Index of a state named as in docs/smp.md, CPU_STATE_COUNT if there is none. */
static unsigned state_of(const char *name)
{
	unsigned i;

	for (i = 0; i < CPU_STATE_COUNT && strcmp(cpu_state_text((enum cpu_state)i), name) != 0; i++)
		;
	return i;
}

/* The document's moves, one a line of that format, against the table in both directions. */
static void compare_with_document(const char *format)
{
	bool documented[CPU_STATE_COUNT][CPU_STATE_COUNT] = { { false } };
	char line[400], from[40], to[40];
	FILE *f = fopen("docs/smp.md", "r");
	unsigned a, b, rows = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, format, from, to) != 2 || !strcmp(from, "from") || !strcmp(from, "---"))
			continue;
		a = state_of(from);
		b = state_of(to);
		if (a == CPU_STATE_COUNT || b == CPU_STATE_COUNT)
			fail_msg("docs/smp.md: no such state: %s", line);
		assert_false(documented[a][b]);
		documented[a][b] = true;
		rows++;
	}
	fclose(f);
	assert_true(rows > 10);
	for (a = 0; a < CPU_STATE_COUNT; a++)
		for (b = 0; b < CPU_STATE_COUNT; b++)
			if (cpu_move_allowed((enum cpu_state)a, (enum cpu_state)b) != documented[a][b])
				fail_msg("%s -> %s: table and docs/smp.md differ", cpu_state_text((enum cpu_state)a),
					 cpu_state_text((enum cpu_state)b));
}

static void table_is_the_documents(void **unused)
{
	(void)unused;
	compare_with_document("| %39s | %39s |");
}

static void diagram_is_the_table(void **unused)
{
	(void)unused;
	compare_with_document("    %39[A-Z_] --> %39[A-Z_]");
}

static void forbidden_move_changes_nothing(void **unused)
{
	struct cpu cpu = { 0 };

	(void)unused;
	assert_false(cpu_move(&cpu, CPU_LISTED, CPU_ONLINE));
	assert_int_equal(cpu_state(&cpu), CPU_LISTED);
	assert_true(cpu_move(&cpu, CPU_LISTED, CPU_STARTING));
	assert_int_equal(cpu_state(&cpu), CPU_STARTING);
}

static void late_arrival_loses_the_race(void **unused)
{
	struct cpu cpu = { 0 };

	(void)unused;
	assert_true(cpu_move(&cpu, CPU_LISTED, CPU_STARTING));
	assert_true(cpu_move(&cpu, CPU_STARTING, CPU_NO_ANSWER));
	assert_false(cpu_move(&cpu, CPU_STARTING, CPU_ARRIVED));
	assert_int_equal(cpu_state(&cpu), CPU_NO_ANSWER);
}

static void final_states_are_final(void **unused)
{
	static const enum cpu_state final[] = { CPU_BOSS, CPU_DISABLED, CPU_UNREACHABLE, CPU_IS_BSP, CPU_HALTED,
						CPU_INIT_RECALLED, CPU_INIT_HELD, CPU_LOST };
	unsigned i, to;

	(void)unused;
	for (i = 0; i < sizeof(final) / sizeof(final[0]); i++)
		for (to = 0; to < CPU_STATE_COUNT; to++)
			assert_false(cpu_move_allowed(final[i], (enum cpu_state)to));
}

static unsigned loads, stores, updates;
static struct cpu *watched;

void twin_shared_access(enum twin_access access, const void *p, memory_order order)
{
	(void)order;
	if (!watched || p != &watched->state)
		return;
	loads += access == TWIN_LOAD;
	stores += access == TWIN_STORE;
	updates += access == TWIN_UPDATE;
}

/* Boss and CPU may move it at the same time: only one of them does. */
static void a_move_is_one_operation(void **unused)
{
	struct cpu cpu = { 0 };

	(void)unused;
	watched = &cpu;
	assert_true(cpu_move(&cpu, CPU_LISTED, CPU_STARTING));
	watched = NULL;
	assert_int_equal(loads + stores, 0);
	assert_int_equal(updates, 1);
}

static void out_of_range_is_refused(void **unused)
{
	unsigned a, b;

	(void)unused;
	for (a = 0; a < CPU_STATE_COUNT + 64; a++)
		for (b = a < CPU_STATE_COUNT ? CPU_STATE_COUNT : 0; b < CPU_STATE_COUNT + 64; b++)
			assert_false(cpu_move_allowed((enum cpu_state)a, (enum cpu_state)b));
	assert_false(cpu_move_allowed((enum cpu_state)CPU_STATE_COUNT, CPU_LOST));
	assert_false(cpu_move_allowed(CPU_ONLINE, (enum cpu_state)77));
	assert_string_equal(cpu_verdict_text((enum cpu_state)77), "?");
	assert_string_equal(cpu_verdict_text(CPU_BOSS), "ONLINE");
	assert_string_equal(cpu_verdict_text(CPU_INIT_RECALLED), "INIT_RECALLED");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_the_documents),
		cmocka_unit_test(diagram_is_the_table),
		cmocka_unit_test(forbidden_move_changes_nothing),
		cmocka_unit_test(late_arrival_loses_the_race),
		cmocka_unit_test(final_states_are_final),
		cmocka_unit_test(a_move_is_one_operation),
		cmocka_unit_test(out_of_range_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
