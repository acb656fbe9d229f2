// SPDX-License-Identifier: MIT
/* What the block's own files share. Context of all: the boss inside the block, interrupts off, past commit: nothing
 * here returns an error to the kernel, which is gone. */
#ifndef PURGATORY_PURGATORY_H
#define PURGATORY_PURGATORY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"
#include "purgatory/boss.h"
#include "purgatory/plan.h"
#include "purgatory/report.h"

/* Pushed by gates.S and the processor. */
struct boss_frame { uint64_t vector, error, rip, cs, rflags, rsp, ss; };
_Static_assert(sizeof(struct boss_frame) == 7 * 8, "gates.S pushes 2 words, the processor 5");

struct handover {
	const struct plan *plan;
	struct boss boss;
	uint64_t verify_us;
	uint32_t verify_cpus;
	uint32_t silent;			/* CPUs that needed INIT */
};

/* entry.S's continuation on the boss's stack, park root, boss IDT. The order of a handover. */
_Noreturn void purgatory_main(const struct plan *plan);

/* The handover once more, by the fallback's plan: from entry.S's boss_again, on the boss's stack from its top. */
_Noreturn void purgatory_fall_back(const struct plan *plan);
_Noreturn void boss_again(const struct plan *plan);

/* say.c: one line to every console that the plan names. Cut at 240 characters. */
void say_init(const struct plan *plan);
/* From now on on the framebuffer too, cleared first: a handover that goes well leaves the screen alone. */
void say_on_screen(void);
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_serial(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* On the screen alone: the facts, and below them a line that is drawn over again and again. */
struct panel;
void say_facts(const struct panel *panel);
void say_next(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* lapic.c: struct boss's send_ipi and ipi_idle; context is the plan. */
bool lapic_send(void *context, uint32_t apic_id, uint32_t icr_low);
bool lapic_idle(void *context);
/* Masks what could interrupt the next kernel before it looks; LINT0, LINT1, SVR and the mode stay as found. */
void lapic_quiet(const struct plan *plan);

/* engines.c: the block's own choice, said and kept for the report. Returns if all that it chose is right (E71). */
void choose_engines(const struct plan *plan);
void record_engines(struct report_header *report);

/* check.c: VERIFY (protocol rules 15.4, 20). Returns only if every byte is as expected. */
void check_all(struct handover *h);
void check_own(const struct plan *plan);

/* record.c: the report in memory. */
void record_phase(const struct plan *plan, const char *name, uint64_t from_tsc);
void record_segment(const struct plan *plan, uint32_t segment, uint32_t verified, uint32_t chunk, uint64_t page);
void record_share(const struct plan *plan, uint32_t apic_id, uint64_t bytes, uint64_t us);
void record_success(struct handover *h);
void record_failure(const struct plan *plan, enum status code, const char *text);
/* plan's entry takes the place of the one that failed so; that stays the recorded failure until its own end. */
void record_fall_back(const struct plan *plan, enum status code, const char *text);
const struct report_header *record_header(const struct plan *plan);	/* NULL: there is none */
uint64_t record_us(const struct plan *plan, uint64_t tsc);

/* mismatch.c: what differs is said, with digests, page and the first bytes that differ; what can be copied from
 * its source again is, once, and verified again: then they return. Else the end, as in fail.c. */
void mismatch_chunk(const struct plan *plan, uint32_t index, bool machine_check);
void mismatch_tail(const struct plan *plan, uint32_t segment, uint64_t at);
bool mismatch_mended(uint32_t segment);
void mismatch_forget(void);			/* the plan is another one from here on */

/* fail.c: say it, record it, wait, then what the policy says. */
_Noreturn void fail(const struct plan *plan, enum status code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* where: more keys of the line, as logfmt. entry: only this entry is to blame, so that the fallback may be tried. */
_Noreturn void fail_at(const struct plan *plan, enum status code, bool entry, const char *where, const char *format,
		       ...) __attribute__((format(printf, 5, 6)));
_Noreturn void fail_exception(const struct boss_frame *frame);
void fail_init(const struct plan *plan);		/* before anything can go wrong */

/* reset.c: FADT register, 0xCF9, 8042, triple fault (protocol rule 16). */
_Noreturn void reset_warm(const struct plan *plan);

/* watchdog.c: what the image armed runs on through the handover; here it only ends. */
void watchdog_end(const struct plan *plan);		/* nobody resets the machine any more but we */
void watchdog_before_jump(const struct plan *plan);	/* the same, or handed over to the next Baton */

/* jump.S */
_Noreturn void jump_next(uint64_t entry, uint64_t boot_params, uint64_t cr4);
_Noreturn void jump_protected(uint64_t entry, uint64_t info, uint32_t magic);

extern const char __text_start[], __data_start[];	/* block.lds: the block's code lies between */
extern uint32_t boss_nmi_count;			/* NMIs that the boss took inside the block */

#endif
