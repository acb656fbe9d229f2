// SPDX-License-Identifier: MIT
#include "x86/probe.h"

#include "x86/cpu.h"

/* x86/entry/probe.S */
extern const uint8_t probe_load_at[], probe_store_at[], probe_call_back[], probe_faulted[];

bool probe_recover(struct trap_frame *frame)
{
	bool own = frame->rip == (uint64_t)probe_load_at || frame->rip == (uint64_t)probe_store_at;

	/* A fetch faults at its target, with the way back on the stack. */
	if (!own && frame->error & PF_FETCH && frame->rip == frame->rdi && cpu_read_cr2() == frame->rip &&
	    *(const uint64_t *)frame->rsp == (uint64_t)probe_call_back) {
		frame->rsp += 8;
		own = true;
	}
	if (!own)
		return false;
	frame->rax = PROBE_FAULT | frame->error;
	frame->rip = (uint64_t)probe_faulted;
	return true;
}
