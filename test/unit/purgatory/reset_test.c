// SPDX-License-Identifier: MIT
/* The ways to reset a machine, one after the other, for one that survives each of them. */
#include "test/unit/purgatory/block.h"

#define CHIPSET		"<out8 0xcf9=0x2>\n<out8 0xcf9=0x6>\n<out8 0x64=0xfe>\n"

static void resets(const char *first)
{
	char text[200];

	assert_string_equal(RUN(reset_warm(plan)), "triple fault");
	snprintf(text, sizeof(text), "%s" CHIPSET, first);
	expect(text);
}

static void test_chain(void **state)
{
	uint64_t start = now;

	(void)state;
	plan->reset = (struct plan_reset){ .address = 0xb2, .space = 1, .value = 5, .smi_port = 0xb3 };
	resets("<out8 0xb2=0x5>\n");
	assert_int_equal(out_at[0], start);
	assert_int_equal(out_at[1] - out_at[0], 20000);		/* 20 ms for each to take effect */
	assert_int_equal(out_at[2], out_at[1]);
	assert_int_equal(out_at[3] - out_at[2], 20000);
	assert_int_equal(now - out_at[3], 20000);
	assert_int_equal(relaxes, 60);
}

static void test_no_register(void **state)
{
	(void)state;
	resets("");
	plan->reset = (struct plan_reset){ .address = 0, .space = 1, .value = 5, .smi_port = 0xb2 };
	resets("");
	plan->reset = (struct plan_reset){ .address = 0x100cf9, .space = 1, .value = 5 };	/* no port has that number */
	resets("");
	plan->reset = (struct plan_reset){ .address = 0xb2, .space = 127, .value = 5 };
	resets("");
}

static void test_port_of_the_smi_is_no_way(void **state)
{
	(void)state;
	plan->reset = (struct plan_reset){ .address = 0xb2, .space = 1, .value = 5, .smi_port = 0xb2 };
	resets("");
	plan->reset = (struct plan_reset){ .address = 0x64, .space = 2, .value = 5, .smi_port = 0x64 };	/* not a port */
	resets("<out32 0xcf8=0x80000064>\n<out8 0xcfc=0x5>\n");
}

static void test_memory(void **state)
{
	(void)state;
	plan->reset = (struct plan_reset){ .address = LAPIC + 0x13, .space = 0, .value = 0x105, .smi_port = LAPIC + 0x13 };
	resets("");
	assert_int_equal(apic[4], 0x05000000);
	assert_int_equal(apic[3] | apic[5], 0);
}

static void test_configuration_space(void **state)
{
	(void)state;
	plan->reset = (struct plan_reset){ .address = 31ull << 32 | 5 << 16 | 0x66, .space = 2, .value = 0x10e };
	resets("<out32 0xcf8=0x8000fd64>\n<out8 0xcfe=0xe>\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_chain, good_block), cmocka_unit_test_setup(test_no_register, good_block),
		cmocka_unit_test_setup(test_port_of_the_smi_is_no_way, good_block),
		cmocka_unit_test_setup(test_memory, good_block),
		cmocka_unit_test_setup(test_configuration_space, good_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
