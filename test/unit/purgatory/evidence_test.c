// SPDX-License-Identifier: MIT
/* What a CPU read back before PARKED, register by register (protocol rule 1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "purgatory/boss.h"
#include "x86/regs.h"

static struct boss_place place = { .code = 0x1000, .code_end = 0x2000, .park_root = 0x5000, .lot_idt = 0x6000,
				   .cr4_must = CR4_PAE | CR4_MCE, .cr4_must_not = CR4_PGE | CR4_LA57 };

static void good_evidence(struct slot *s)
{
	s->evidence = (struct slot_evidence){ .rip = 0x1fff, .rsp = (uintptr_t)s + SLOT_STACK_TOP - 64, .cr3 = 0x5000,
					      .cr4 = CR4_PAE | CR4_MCE, .idtr_base = 0x6000,
					      .gdtr_base = (uintptr_t)s + SLOT_GDT, .tr = SEL_TSS };
}

static void wrong(struct slot *s, const char *name)
{
	uint64_t found;
	const char *seen = boss_check_evidence(&place, s, &found);

	assert_string_equal(seen ? seen : "nothing", name);
	good_evidence(s);
}

static void test_evidence(void **state)
{
	static struct slot slots[3];
	struct slot *s = &slots[1];
	uint64_t found;

	(void)state;
	good_evidence(s);
	assert_null(boss_check_evidence(&place, s, &found));
	s->evidence.rip = 0x2000; wrong(s, "RIP");
	s->evidence.rip = 0xfff; wrong(s, "RIP");
	s->evidence.rsp = (uintptr_t)&slots[2] + SLOT_STACK_TOP - 64; wrong(s, "RSP");
	s->evidence.rsp = (uintptr_t)s + SLOT_IST_NMI_TOP; wrong(s, "RSP");
	s->evidence.rsp = (uintptr_t)&slots[0] + SLOT_STACK_TOP - 64; wrong(s, "RSP");
	s->evidence.rsp = (uintptr_t)s + offsetof(struct slot, stack) - 1; wrong(s, "RSP");
	s->evidence.cr3 = 0x4000; wrong(s, "CR3");
	s->evidence.cr4 |= CR4_PGE; wrong(s, "CR4");
	s->evidence.cr4 = CR4_PAE; wrong(s, "CR4");
	s->evidence.cr4 |= CR4_LA57; wrong(s, "CR4");
	s->evidence.idtr_base = 0; wrong(s, "IDTR");
	s->evidence.gdtr_base = (uintptr_t)&slots[2] + SLOT_GDT; wrong(s, "GDTR");
	s->evidence.tr = 0x28; wrong(s, "TR");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_evidence) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
