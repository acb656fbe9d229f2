// SPDX-License-Identifier: MIT
#include "smp/ap.h"

#include "smp/bringup.h"
#include "smp/call.h"
#include "smp/cpu.h"
#include "smp/online.h"
#include "smp/table_fault.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/fpu.h"
#include "x86/state.h"

/* INIT resets these, so they differ on every CPU and say nothing about the firmware. */
#define RESET_BY_INIT (STATE_CR0 | STATE_CR4 | STATE_EFER)

static void become_equal(struct cpu *cpu)
{
	struct cpu_features_state own;

	cpu_write_cr4(bringup_boss_state()->cr4);	/* CR4.MCE first of all; XCR0 can be read after it */
	fpu_enable();
	state_capture(&own);
	cpu->found_difference = state_compare(bringup_boss_state(), &own) & ~(uint32_t)RESET_BY_INIT;
	/* As the boss found it; what it has now is ours. */
	if (own.pat == smp_boss()->percpu->found.pat)
		cpu->found_difference &= ~(uint32_t)STATE_PAT;
	state_replay(bringup_boss_state());
	state_capture(&own);
	cpu->left_difference = state_compare(bringup_boss_state(), &own);
}

_Noreturn void ap_main(struct percpu *percpu)
{
	struct cpu *cpu = percpu->cpu;

	/* INIT keeps what we have put there meanwhile, so what was found is what was found first. */
	if (!cpu->was_here)
		state_save_found(&percpu->found);
	become_equal(cpu);
	/* On its tables since the trampoline, in its mask from here on; the boss changes nothing in between. */
	space_load(&cpu->mm, bringup_space());
	apic_enable_after_init();
	cpu->is_bsp = apic_is_bsp();
	while (table_fault_stuck(cpu))
		cpu_relax();
	/* Fails if the boss gave up on us: then nobody ever calls, and this loop is where we stay. */
	cpu_move(cpu, CPU_STARTING, CPU_ARRIVED);
	for (;;) {
		call_serve(cpu);
		cpu_wait_irq();
	}
}
