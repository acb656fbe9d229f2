// SPDX-License-Identifier: MIT
/* The end of a handover that must not happen: never silent, never a triple fault, then what the policy says. */
#include <stdarg.h>

#include "lib/fmt.h"
#include "purgatory/main_fault.h"
#include "purgatory/purgatory.h"
#include "x86/cpu.h"

#define HEARTBEAT_S	60u

static const struct plan *current;	/* for exceptions, which know nothing else */
static uint32_t exceptions;		/* taken here: the second leaves the record alone, the third does not speak */

static void wait_s(const struct plan *plan, uint32_t seconds)
{
	uint64_t start = cpu_rdtsc(), ticks = plan->tsc_khz * 1000 * seconds;

	while (cpu_rdtsc() - start < ticks)
		cpu_relax();
}

static _Noreturn void by_policy(const struct plan *plan)
{
	uint32_t left = plan->reset_after_s, beats;

	watchdog_end(plan);		/* from here on the policy resets, when it says so */
	if (plan->on_failure == PLAN_HALT) {
		for (beats = 0;; beats++) {
			say("baton: event=halted seconds=%u", beats * HEARTBEAT_S);
			wait_s(plan, HEARTBEAT_S);
		}
	}
	for (; left; left--) {
		if (left % 5 == 0 || left < 5)
			say("baton: event=reset in=%u", left);
		wait_s(plan, 1);
	}
	reset_warm(plan);
}

/* The number's two digits, as a card on port 0x80 shows them. */
static void post(enum status code)
{
	cpu_out8(0x80, (uint8_t)(code / 10 << 4 | code % 10));
}

static _Noreturn void end(const struct plan *plan, enum status code, const char *where, const char *text)
{
	post(code);
	say_on_screen();
	say("baton: event=error code=E%02u %s%stext=\"%s\"", (unsigned)code, where, *where ? " " : "", text);
	record_failure(plan, code, text);
	by_policy(plan);
}

_Noreturn void fail(const struct plan *plan, enum status code, const char *format, ...)
{
	char text[200];
	va_list arguments;

	va_start(arguments, format);
	fmt_vsnprint(text, sizeof(text), format, arguments);
	va_end(arguments);
	end(plan, code, "", text);
}

_Noreturn void fail_at(const struct plan *plan, enum status code, const char *where, const char *format, ...)
{
	char text[200];
	va_list arguments;

	va_start(arguments, format);
	fmt_vsnprint(text, sizeof(text), format, arguments);
	va_end(arguments);
	end(plan, code, where, text);
}

void fail_init(const struct plan *plan)
{
	current = plan;
}

/* The block's gates stay loaded over the jump (docs/handover.md), so the next kernel's first mistakes end here too. */
static bool own_code(uint64_t rip)
{
	return rip >= (uint64_t)__text_start && rip < (uint64_t)__data_start;
}

_Noreturn void fail_exception(const struct boss_frame *frame)
{
	const struct plan *plan = current;
	uint32_t before = exceptions++;
	char text[200];

	while (!plan)
		cpu_hlt();
	if (before > 1)
		reset_warm(plan);
	cpu_write_cr3(plan->verify_root);		/* the hand-over root maps no device */
	post(E_EXCEPTION);
	if (!before) {
		fmt_snprint(text, sizeof(text), "vector %llu at 0x%llx %s, CR2 0x%llx",
			    (unsigned long long)frame->vector, (unsigned long long)frame->rip,
			    own_code(frame->rip) ? "inside the block" : "in what was started",
			    (unsigned long long)cpu_read_cr2());
		record_failure(plan, E_EXCEPTION, text);	/* before the consoles, which may fault */
		handler_fault(plan);
		say_on_screen();
	}
	say("baton: event=exception vector=%llu error=0x%llx rip=0x%llx cr2=0x%llx rsp=0x%llx cr3=0x%llx",
	    (unsigned long long)frame->vector, (unsigned long long)frame->error, (unsigned long long)frame->rip,
	    (unsigned long long)cpu_read_cr2(), (unsigned long long)frame->rsp, (unsigned long long)cpu_read_cr3());
	if (!before)
		say("baton: event=error code=E%02u text=\"%s\"", (unsigned)E_EXCEPTION, text);
	by_policy(plan);
}
