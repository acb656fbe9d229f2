// SPDX-License-Identifier: MIT
/* The end of a handover that must not happen: never silent, never a triple fault, then what the policy says. */
#include <stdarg.h>

#include "lib/fmt.h"
#include "lib/panel.h"
#include "lib/sha256.h"
#include "lib/string.h"
#include "purgatory/main_fault.h"
#include "purgatory/purgatory.h"
#include "x86/cpu.h"
#include "x86/regs.h"

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
			say_serial("baton: event=halted seconds=%u", beats * HEARTBEAT_S);
			say_next("Halted for %u s, as on-failure says. Reset the machine by hand.",
				 beats * HEARTBEAT_S);
			wait_s(plan, HEARTBEAT_S);
		}
	}
	for (; left; left--) {
		if (left % 5 == 0 || left < 5)
			say_serial("baton: event=reset in=%u", left);
		say_next("Restart in %u s. The next start of Baton tells this again.", left);
		wait_s(plan, 1);
	}
	reset_warm(plan);
}

/* on-failure fallback: for what the other entry does not share with the one that failed. Returns if there is none. */
static void fall_back(const struct plan *failed, enum status code, const char *text)
{
	const struct plan *plan = cpu_phys_pointer(failed->fallback);
	uint8_t actual[SHA256_BYTES];

	if (!failed->fallback)
		return;
	sha256_compute(actual, plan, sizeof(*plan));
	if (memcmp(actual, failed->fallback_sha256, sizeof(actual))) {
		say("baton: event=fallback verdict=damaged page=0x%llx", (unsigned long long)failed->fallback);
		return;
	}
	record_fall_back(plan, code, text);
	say("baton: event=fallback verdict=started code=E%02u entry=\"%s\"", (unsigned)code, plan->entry_id);
	boss_again(plan);
}

/* The report's texts end: kernel/ wrote them. */
static void show_facts(const struct plan *plan, enum status code, const char *text)
{
	static const struct report_header unknown;
	const struct report_header *r = record_header(plan);
	static struct panel panel;
	struct panel_facts facts = { .code = code, .text = text, .where = "in the block",
				     .us = record_us(plan, cpu_rdtsc()) };

	r = r ? r : &unknown;
	facts.entry = r->entry;
	facts.version = r->baton_version;
	facts.commit = r->commit;
	facts.vendor = r->vendor;
	facts.product = r->product;
	facts.bios = r->bios;
	facts.generation = r->generation;
	facts.seed = r->seed;
	panel_make(&panel, &facts);
	say_facts(&panel);
}

/* The number's two digits, as a card on port 0x80 shows them. */
static void post(enum status code)
{
	cpu_out8(0x80, (uint8_t)(code / 10 << 4 | code % 10));
}

static _Noreturn void end(const struct plan *plan, enum status code, bool entry, const char *where, const char *text)
{
	post(code);
	say_on_screen();
	say_serial("baton: event=error code=E%02u %s%stext=\"%s\"", (unsigned)code, where, *where ? " " : "", text);
	record_failure(plan, code, text);
	show_facts(plan, code, text);
	if (entry)		/* the block and the CPUs are the same for every entry */
		fall_back(plan, code, text);
	by_policy(plan);
}

_Noreturn void fail(const struct plan *plan, enum status code, const char *format, ...)
{
	char text[200];
	va_list arguments;

	va_start(arguments, format);
	fmt_vsnprint(text, sizeof(text), format, arguments);
	va_end(arguments);
	end(plan, code, false, "", text);
}

_Noreturn void fail_at(const struct plan *plan, enum status code, bool entry, const char *where, const char *format,
		       ...)
{
	char text[200];
	va_list arguments;

	va_start(arguments, format);
	fmt_vsnprint(text, sizeof(text), format, arguments);
	va_end(arguments);
	end(plan, code, entry, where, text);
}

void fail_init(const struct plan *plan)
{
	current = plan;
	exceptions = 0;
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
	if (frame->vector == VECTOR_MC)			/* MCIP left set turns the next #MC into a shutdown */
		cpu_wrmsr(MSR_MCG_STATUS, 0);
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
	if (!before) {
		say_serial("baton: event=error code=E%02u text=\"%s\"", (unsigned)E_EXCEPTION, text);
		show_facts(plan, E_EXCEPTION, text);
		if (own_code(frame->rip))
			fall_back(plan, E_EXCEPTION, text);
	}
	by_policy(plan);
}
