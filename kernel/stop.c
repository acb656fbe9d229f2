// SPDX-License-Identifier: MIT
#include "kernel/stop.h"

#include "kernel/image.h"
#include "kernel/log.h"
#include "mm/space.h"
#include "kernel/memory.h"
#include "x86/cpu.h"
#include "x86/tsc.h"

#define BACKTRACE_DEPTH 16

static const struct config *policy;
static const struct reset_info *reset_by;
static shared_u32 dumping;		/* W: the first CPU that faults, its APIC ID + 1. R: later ones */

void stop_configure(const struct config *config, const struct reset_info *reset)
{
	policy = config;
	reset_by = reset;
}

static _Noreturn void halt_with_heartbeat(void)
{
	for (uint64_t seconds = 0;; seconds += STOP_HEARTBEAT_S) {
		log_event("halted", "seconds=%lu", (unsigned long)seconds);
		tsc_delay_us(STOP_HEARTBEAT_S * 1000000ull);
	}
}

static _Noreturn void act(void)
{
	static const struct reset_info unknown;
	uint32_t seconds = policy && policy->reset_after_s ? policy->reset_after_s : STOP_RESET_AFTER_S;

	if (policy && policy->on_failure == ON_FAILURE_HALT)
		halt_with_heartbeat();
	if (policy && (policy->on_failure == ON_FAILURE_MENU || policy->on_failure == ON_FAILURE_FALLBACK))
		log_text("on-failure menu and fallback are not supported yet, restarting instead");
	for (uint32_t left = seconds; left; left--) {
		if (left % 10 == 0 || left <= 3)
			log_event("reset", "in=%u", left);
		tsc_delay_us(1000000);
	}
	reset_machine(reset_by ? reset_by : &unknown);
}

_Noreturn void stop_problem(const struct problem *problem)
{
	log_last_resort();
	log_release();
	log_problem(problem);
	act();
}

/* A frame pointer is followed only where our own map has memory behind it. */
static bool readable(uint64_t address)
{
	struct mapping mapping;

	return kernel_memory.space.root && !(address & 7) && space_query(&kernel_memory.space, address, &mapping) &&
	       space_query(&kernel_memory.space, address + 15, &mapping);
}

static void backtrace(const struct trap_frame *frame)
{
	uint64_t rbp = frame->rbp;

	log_event("backtrace", "depth=0 at=0x%lx", (unsigned long)(frame->rip - image_base()));
	for (unsigned depth = 1; depth < BACKTRACE_DEPTH && readable(rbp); depth++) {
		const uint64_t *link = (const uint64_t *)rbp;

		if (!link[1])
			break;
		log_event("backtrace", "depth=%u at=0x%lx", depth, (unsigned long)(link[1] - image_base()));
		if (link[0] <= rbp)
			break;
		rbp = link[0];
	}
}

/* Works before and after the local APIC is mapped. */
static uint32_t own_id(void)
{
	return cpu_cpuid(1, 0).ebx >> 24;
}

/* The dump itself faulted: most likely the serial port's registers are not there. The screen says so, then the
 * policy. */
static _Noreturn void stop_in_dump(void)
{
	log_serial_off();
	log_text("exception while an exception was told, serial console switched off");
	act();
}

void stop_exception(const struct trap_frame *f)
{
	struct problem problem = { 0 };

	/* order: nothing; only one CPU may print. pairs with: stop_exception(). else: two dumps mix. */
	if (!shared_cas_seq_cst_u32(&dumping, 0, own_id() + 1)) {
		if (shared_load_relaxed_u32(&dumping) == own_id() + 1)
			stop_in_dump();
		for (;;)
			cpu_hlt();
	}
	log_last_resort();
	log_release();
	log_event("exception", "vector=%lu error=0x%lx rip=0x%lx base=0x%lx cr2=0x%lx", (unsigned long)f->vector,
		  (unsigned long)f->error, (unsigned long)f->rip, (unsigned long)image_base(),
		  (unsigned long)cpu_read_cr2());
	log_event("registers", "rax=0x%lx rbx=0x%lx rcx=0x%lx rdx=0x%lx rsi=0x%lx rdi=0x%lx rbp=0x%lx rsp=0x%lx",
		  f->rax, f->rbx, f->rcx, f->rdx, f->rsi, f->rdi, f->rbp, f->rsp);
	log_event("registers", "r8=0x%lx r9=0x%lx r10=0x%lx r11=0x%lx r12=0x%lx r13=0x%lx r14=0x%lx r15=0x%lx",
		  f->r8, f->r9, f->r10, f->r11, f->r12, f->r13, f->r14, f->r15);
	log_event("registers", "cs=0x%lx ss=0x%lx rflags=0x%lx cr0=0x%lx cr3=0x%lx cr4=0x%lx", f->cs, f->ss, f->rflags,
		  cpu_read_cr0(), cpu_read_cr3(), cpu_read_cr4());
	backtrace(f);
	problem_set(&problem, E_EXCEPTION, "exception %lu at image+0x%lx, cr2=0x%lx", (unsigned long)f->vector,
		    (unsigned long)(f->rip - image_base()), (unsigned long)cpu_read_cr2());
	stop_problem(&problem);
}
