// SPDX-License-Identifier: MIT
#include "x86/idt.h"

#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/gdt.h"
#include "x86/idt_fault.h"
#include "x86/probe.h"
#include "x86/regs.h"

struct gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_middle;
	uint32_t offset_high, reserved;
};

_Static_assert(sizeof(struct gate) == 16, "64-bit gates");

#define GATE_INTERRUPT	0x8e		/* present, DPL 0, interrupts stay off */

extern const uint8_t isr_stubs[];
extern struct table_pointer idt_pointer;
void idt_dispatch(struct trap_frame *frame);

static struct gate gates[256] __attribute__((aligned(4096)));
struct table_pointer idt_pointer;

static void (*panic_hook)(const struct trap_frame *frame);

void idt_set_panic(void (*hook)(const struct trap_frame *frame)) { panic_hook = hook; }

static uint8_t ist_of(unsigned vector)
{
	switch (vector) {
	case VECTOR_DF: return IST_DF;
	case VECTOR_NMI: return IST_NMI;
	case VECTOR_MC: return IST_MC;
	default: return 0;
	}
}

void idt_build(void)
{
	unsigned vector;

	for (vector = 0; vector < 256; vector++) {
		uint64_t target = (uint64_t)(uintptr_t)isr_stubs + vector * 16;

		gates[vector] = (struct gate){
			.offset_low = (uint16_t)target,
			.selector = SEL_CODE,
			.ist = ist_of(vector),
			.type = GATE_INTERRUPT,
			.offset_middle = (uint16_t)(target >> 16),
			.offset_high = (uint32_t)(target >> 32),
		};
	}
	idt_pointer.limit = sizeof(gates) - 1;
	idt_pointer.base = (uint64_t)(uintptr_t)gates;
}

void idt_load(void)
{
	__asm__ volatile("lidt %0" : : "m"(idt_pointer));
}

/* Called by isr.S. */
void idt_dispatch(struct trap_frame *frame)
{
	if (frame->vector == VECTOR_NMI)
		return;
	if (frame->vector == VECTOR_PF && probe_recover(frame))
		return;
	if (idt_fault_taken(frame))
		return;
	if (frame->vector < VECTOR_EXCEPTIONS) {
		if (panic_hook)
			panic_hook(frame);
		for (;;) {
			cpu_irq_off();
			cpu_hlt();
		}
	}
	if (frame->vector == VECTOR_CALL) {
		apic_eoi();
		return;
	}
	/* Left over from whoever ran before us: spurious ones and the 8259's have no EOI to give. */
	if (frame->vector != VECTOR_SPURIOUS && apic_in_service((uint8_t)frame->vector))
		apic_eoi();
}
