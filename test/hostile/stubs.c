// SPDX-License-Identifier: MIT
/*
 * What smp/ and the block call besides the seam, as far as the machine has it: registers that are equal everywhere, the
 * clock, the trampoline page, digests, and the ends of a handover.
 */
#include <string.h>

#include "lib/crc32.h"
#include "lib/digest.h"
#include "lib/sha256.h"
#include "purgatory/purgatory.h"
#include "test/hostile/internal.h"
#include "test/hostile/platform.h"
#include "x86/cpu.h"
#include "x86/entry/ivt.h"
#include "x86/entry/trampoline.h"
#include "x86/fpu.h"
#include "x86/percpu.h"
#include "x86/state.h"
#include "x86/tsc.h"

void ap_entry(void);

/* Its address is a number for the trampoline only. */
void ap_entry(void) {}

/* --- x86/ ------------------------------------------------------------------------------------------------------------ */

void percpu_init(struct percpu *p, uint32_t index, uint32_t apic_id, uint64_t bottom, uint64_t top, uint64_t df, uint64_t nmi,
		 uint64_t mc)
{
	arena_writes(p, sizeof(*p));
	*p = (struct percpu){ .self = p, .index = index, .apic_id = apic_id, .stack_bottom = bottom, .stack_top = top,
			      .ist_top = { df, nmi, mc } };
}

void percpu_load(struct percpu *p) { self()->seat.percpu = p; }
struct percpu *percpu_self(void) { return self()->seat.percpu; }
void fpu_enable(void) {}
void state_save_found(struct state_found *found)
{
	if (self()->seat.ours)
		broken("found-is-ours", "CPU %u saves as found what the kernel has put there", M->current);
	arena_writes(found, sizeof(*found));
	memset(found, 0, sizeof(*found));
}

void state_restore_found(const struct state_found *found)
{
	(void)found;
	self()->seat.ours = false;
}

void state_replay(const struct cpu_features_state *boss)
{
	(void)boss;
	self()->seat.ours = true;
}

void state_capture(struct cpu_features_state *state)
{
	arena_writes(state, sizeof(*state));
	memset(state, 0, sizeof(*state));
	state->cr4 = self()->seat.cr4;
	state->pat = self()->seat.odd;
}

uint64_t tsc_khz(void) { return 1000; }
uint64_t tsc_to_us(uint64_t ticks) { return ticks; }

void tsc_delay_us(uint64_t us)
{
	uint64_t until = twin_cpu_rdtsc() + us;

	while (M->running && twin_cpu_rdtsc() < until)
		cpu_relax();
}

enum status trampoline_install(const struct trampoline_config *config, struct problem *p)
{
	(void)p;
	if (config->page != PLATFORM_LOW)
		broken("wrong-answer", "the trampoline is installed at 0x%llx", (unsigned long long)config->page);
	M->page_table = config->table;
	M->page_count = config->count;
	M->page_cr3 = config->cr3;
	M->page_entry = ENTRY_AP;
	M->page_entered = 0;
	M->page_gate = TRAMPOLINE_OPEN;
	return OK;
}

void trampoline_close(uint64_t page)
{
	(void)page;
	visible();
	trace_event("closes the trampoline page");
	M->page_gate = TRAMPOLINE_CLOSED;
}

bool trampoline_entered(uint64_t page, uint32_t apic_id)
{
	(void)page;
	visible();
	return M->page_entered >> apic_id % 32 & 1;
}

/* Page 0: writable in the kernel's tables and in the hand-over root, never in the two others. */
static void need_page_0(void)
{
	if (self()->sets.root == PLATFORM_PARK || self()->sets.root == PLATFORM_VERIFY)
		broken("outside-the-block", "CPU %u writes IVT[2] on root 0x%llx", M->current,
		       (unsigned long long)self()->sets.root);
}

uint32_t ivt_nmi_take(uint64_t page)
{
	uint32_t old = M->ivt;

	need_page_0();
	visible();
	M->ivt = (uint32_t)page;
	return old;
}

void ivt_nmi_restore(uint32_t old)
{
	need_page_0();
	visible();
	M->ivt = old;
	platform_check_ivt();
}

/* --- digests: as good as any for a machine that damages nothing by design ---------------------------------------------- */

static void read_all(const uint8_t *data, uint64_t size)
{
	uint64_t at = (uint64_t)data - ARENA, word;

	for (word = 0; at + word < STACKS_AT && word < size; word += size > 64 ? 64 : 8)
		memory_plain((uint32_t)(at + word) & ~7u, 8, false);
}

void sha256_compute(uint8_t out[SHA256_BYTES], const void *data, uint64_t size)
{
	const uint8_t *bytes = data;
	uint64_t hash[4] = { 1, 2, 3, 4 }, i;

	read_all(data, size);
	for (i = 0; i < size; i++)
		hash[i % 4] = (hash[i % 4] ^ bytes[i]) * 0x100000001b3ull;
	memcpy(out, hash, sizeof(hash));
	promise_digested(data);
}

void chunk_digest_compute(struct chunk_digest *out, const void *data, uint32_t bytes)
{
	sha256_compute(out->sha256, data, bytes);
}

uint32_t crc32(uint32_t crc, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	while (size--)
		crc = (crc ^ *bytes++) * 0x01000193u;
	return crc;
}

uint32_t crc32c(uint32_t crc, const void *data, size_t size) { return crc32(crc, data, size); }
enum sha256_engine sha256_engine(void) { return SHA256_PLAIN; }
void choose_engines(const struct plan *plan) { (void)plan; }

/* --- the ends of a handover -------------------------------------------------------------------------------------------- */

void say_init(const struct plan *plan) { (void)plan; }
void say(const char *format, ...) { (void)format; }
void fail_init(const struct plan *plan) { (void)plan; M->committed = true; }
void record_phase(const struct plan *plan, const char *name, uint64_t from) { (void)plan; (void)name; (void)from; }
void record_success(struct handover *h) { (void)h; }
uint64_t record_us(const struct plan *plan, uint64_t tsc) { (void)plan; return tsc; }

void record_segment(const struct plan *plan, uint32_t segment, uint32_t verified, uint32_t chunk, uint64_t page)
{
	(void)plan; (void)segment; (void)verified; (void)chunk; (void)page;
}

void record_share(const struct plan *plan, uint32_t apic_id, uint64_t bytes, uint64_t us)
{
	(void)plan; (void)apic_id; (void)bytes; (void)us;
}

void watchdog_before_jump(const struct plan *plan) { (void)plan; }

void fail(const struct plan *plan, enum status code, const char *format, ...)
{
	(void)plan;
	trace_event("the handover fails: E%02u %s", code, format);
	M->failed = code;
	cpu_ends();
	__builtin_unreachable();
}

void fail_at(const struct plan *plan, enum status code, bool entry, const char *where, const char *format, ...)
{
	(void)entry; (void)where;
	fail(plan, code, "%s", format);
}

void mismatch_chunk(const struct plan *plan, uint32_t chunk, bool machine_check)
{
	M->failed_chunk = chunk;
	M->failed_by_mc = machine_check;
	fail(plan, E_VERIFY, "mismatch");
}

void mismatch_tail(const struct plan *plan, uint32_t segment, uint64_t at)
{
	(void)segment; (void)at;
	fail(plan, E_VERIFY, "mismatch");
}

bool mismatch_mended(uint32_t segment)
{
	(void)segment;
	return false;
}

void mismatch_forget(void) {}

void jump_protected(uint64_t entry, uint64_t info, uint32_t magic)
{
	(void)magic;
	jump_next(entry, info, 0);
}

/* Whose hands everything outside the block is in now. */
void jump_next(uint64_t entry, uint64_t boot_params, uint64_t cr4)
{
	unsigned i;

	(void)entry; (void)boot_params; (void)cr4;
	visible();
	trace_event("jumps");
	if (self()->sets.root != PLATFORM_HANDOVER)
		broken("wrong-answer", "the boss jumps on root 0x%llx", (unsigned long long)self()->sets.root);
	for (i = 1; i < parameters.cpus; i++) {
		const struct seat *s = &M->cpu[i].seat;

		if (!((s->place == IN_LOT || current_scenario->trusting) && s->halted) &&
		    slot_of(i)->boss.verdict != VERDICT_LOST && slot_of(i)->boss.verdict != VERDICT_INIT_HELD)
			broken("jumped-early", "the boss jumps and CPU %u, verdict %u, has not halted", i,
			       slot_of(i)->boss.verdict);
	}
	promise_jump();
	M->jumped = true;
	platform_overwrite();
	cpu_ends();
	__builtin_unreachable();
}
