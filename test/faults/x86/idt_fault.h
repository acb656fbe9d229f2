// SPDX-License-Identifier: MIT
/* Faults build: machine checks that a test sends while the prober is at work. */
#ifndef X86_IDT_FAULT_H
#define X86_IDT_FAULT_H

#include <stdbool.h>

#include "kernel/prober.h"
#include "x86/idt.h"
#include "x86/regs.h"

static inline bool idt_fault_taken(const struct trap_frame *frame)
{
	return frame->vector == VECTOR_MC && prober_took_machine_check();
}

#endif
