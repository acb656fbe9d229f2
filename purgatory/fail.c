// SPDX-License-Identifier: MIT
/* The end of a handover that must not happen: never silent, never a triple fault, then what the policy says. */
#include <stdarg.h>

#include "lib/fmt.h"
#include "lib/sha256.h"
#include "purgatory/main_fault.h"
#include "purgatory/purgatory.h"
#include "purgatory/verify.h"
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

static _Noreturn void end(const struct plan *plan, enum status code, const char *text)
{
	say_on_screen();
	say("baton: event=error code=E%02u text=\"%s\"", code, text);
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
	end(plan, code, text);
}

static void say_digest(const char *what, const uint8_t digest[32])
{
	char hex[65];
	unsigned i;

	for (i = 0; i < 32; i++)
		fmt_snprint(hex + 2 * i, 3, "%02x", digest[i]);
	say("baton: event=digest which=%s sha256=%s", what, hex);
}

_Noreturn void fail_mismatch(const struct plan *plan, uint32_t index, bool machine_check)
{
	const struct chunk_digest *table = cpu_phys_pointer(plan->digest_table);
	struct verify_chunk chunk = { 0, 0, 0 };
	const struct plan_segment *segment;
	enum status code;
	char text[200];
	uint8_t actual[32];
	uint64_t page = 0;

	if (!verify_locate(plan, index, &chunk))
		fail(plan, E_VERIFY, "chunk %u of the digest table belongs to no segment", index);
	segment = &plan->segments[chunk.segment];
	code = segment->kind == SEGMENT_BLOCK ? E_BLOCK_DAMAGED : E_VERIFY;
	say_on_screen();
	say_digest("expected", table[index].sha256);
	if (!machine_check) {		/* else not read again: protocol rule 3 */
		verify_chunk(plan, index, actual);
		say_digest("actual", actual);
		page = verify_bad_page(plan, index);
	}
	record_segment(plan, chunk.segment, false, index - segment->first_chunk, page);
	fmt_snprint(text, sizeof(text), "segment %s chunk %u at 0x%llx %s, first bad page 0x%llx", segment->name,
		    index - segment->first_chunk, (unsigned long long)chunk.address,
		    machine_check ? "gave a machine check" : "differs from what was read", (unsigned long long)page);
	say("baton: event=error code=E%02u segment=%s chunk=%u page=0x%llx text=\"%s\"", (unsigned)code,
	    segment->name, index - segment->first_chunk, (unsigned long long)page, text);
	record_failure(plan, code, text);
	by_policy(plan);
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
