// SPDX-License-Identifier: MIT
#include "x86/percpu.h"

#include "x86/cpu.h"
#include "x86/idt.h"
#include "x86/regs.h"

void percpu_init(struct percpu *percpu, uint32_t index, uint32_t apic_id, uint64_t stack_bottom, uint64_t stack_top,
		 uint64_t ist_df, uint64_t ist_nmi, uint64_t ist_mc)
{
	*percpu = (struct percpu){
		.self = percpu,
		.index = index,
		.apic_id = apic_id,
		.stack_bottom = stack_bottom,
		.stack_top = stack_top,
		.ist_top = { ist_df, ist_nmi, ist_mc },
	};
	gdt_build(percpu->gdt, &percpu->tss, ist_df, ist_nmi, ist_mc);
	percpu->gdtr.limit = sizeof(percpu->gdt) - 1;
	percpu->gdtr.base = (uint64_t)(uintptr_t)percpu->gdt;
}

void percpu_load(struct percpu *percpu)
{
	gdt_load(percpu->gdt);
	cpu_wrmsr(MSR_GS_BASE, (uint64_t)(uintptr_t)percpu);
	idt_load();
}
