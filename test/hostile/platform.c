// SPDX-License-Identifier: MIT
/* CPUs as IPIs, the trampoline page and the clock see them; rights by root. */
#include <string.h>

#include "purgatory/lot.h"
#include "smp/ap.h"
#include "smp/online.h"
#include "test/hostile/internal.h"
#include "test/hostile/platform.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/entry/trampoline.h"
#include "x86/percpu.h"
#include "x86/regs.h"

#define ROOT(cr3)	((cr3) & 0x000ffffffffff000ull)
#define INIT_US		10000u		/* MP specification 1.4, B.4 */

/* --- memory --------------------------------------------------------------------------------------------------------- */

void *platform_pointer(uint64_t phys)
{
	unsigned i;

	/* A pointer that was passed on as a number: the kernel runs identity mapped. */
	if (phys - ARENA < ARENA_BYTES)
		return (void *)phys;
	for (i = 0; i < M->region_count; i++)
		if (phys - M->region[i].phys < M->region[i].bytes)
			return (void *)(ARENA + M->region[i].at + (phys - M->region[i].phys));
	return NULL;
}

struct slot *slot_of(unsigned cpu)
{
	return (struct slot *)(ARENA + M->slots_at) + cpu;
}

/* This VERIFY told the CPU to read there. A boss that has given it up writes the next command's stripe first: both then
 * count, since the CPU may have started on either. */
static bool is_told(const struct seat *s, uint32_t at)
{
	return slot_value(s->seen) == COMMAND_VERIFY && s->told >> (at % 4096 / 64) & 1;
}

static uint32_t stripe_mask(uint32_t first, uint32_t stride)
{
	uint32_t mask = 0, chunk;

	for (chunk = first; stride && chunk < CHUNKS; chunk += stride)
		mask |= 1u << chunk;
	return mask;
}

/* Of the block's three roots (protocol rule 6); another one is the kernel's and maps all. */
static bool root_allows(const struct seat *s, uint64_t root, enum region_kind kind, uint32_t at, bool write)
{
	bool boss = s->place == IN_BLOCK;

	if (kind == REGION_NOTES)
		return boss;
	if (kind == REGION_PLAN)
		return !write;
	if (kind == REGION_SLOTS)
		return boss || (at - M->slots_at) / SLOT_BYTES == M->current;
	if (root == PLATFORM_HANDOVER)
		return boss && (kind == REGION_SEGMENT || kind == REGION_LOW);
	if (root != PLATFORM_VERIFY)
		return false;
	return (kind == REGION_APIC && boss) || (!write && (kind == REGION_TABLE || (kind == REGION_SEGMENT &&
		(boss || is_told(s, at)))));
}

void platform_access(uint32_t at, bool write)
{
	const struct seat *s = &self()->seat;
	uint64_t root = ROOT(self()->sets.root);
	bool blocks = root == PLATFORM_PARK || root == PLATFORM_VERIFY || root == PLATFORM_HANDOVER;

	if ((M->jumped && !M->current) || (!blocks && !s->parked) || current_scenario->trusting)
		return;
	if (!in_pages(at) || !blocks || !root_allows(s, root, M->page_kind[page_of_at(at)], at, write))
		broken("outside-the-block", "CPU %u %s %s on root 0x%llx", M->current, write ? "writes" : "reads", trace_word(at),
		       (unsigned long long)root);
}

static bool of_slot(uint32_t at, unsigned *slot, uint32_t *offset)
{
	if (!in_pages(at) || M->page_kind[page_of_at(at)] != REGION_SLOTS)
		return false;
	*slot = (at - M->slots_at) / SLOT_BYTES;
	*offset = (at - M->slots_at) % SLOT_BYTES;
	return true;
}

void platform_loads(uint32_t at, uint64_t value)
{
	struct seat *s = &self()->seat;
	uint32_t offset;
	unsigned slot;

	if (!of_slot(at, &slot, &offset))
		return;
	if (!M->current)
		promise_loads(slot, offset, value);
	if ((s->place != IN_LOT && !current_scenario->trusting) || slot != M->current || offset >= MONITOR_LINE_BYTES)
		return;
	s->looked = true;
	s->flushed = s->flushing = false;
	if (offset == offsetof(struct slot_control, command)) {
		if (value != s->seen)
			s->told = 0;
		s->seen = value;
	} else if (offset == offsetof(struct slot_control, work_first)) {
		s->first = (uint32_t)value;
	} else {
		s->told |= stripe_mask(s->first, (uint32_t)value);
	}
}

void platform_stores(uint32_t at, uint64_t value)
{
	uint32_t offset;
	unsigned slot;

	if (!of_slot(at, &slot, &offset))
		return;
	if (offset == offsetof(struct slot, status))
		lot_status_stored(slot, value);
	if (offset == offsetof(struct slot, next_chunk) && slot == M->current)
		promise_begins((uint32_t)value);
	if (offset < MONITOR_LINE_BYTES && M->cpu[slot].seat.place == IN_LOT && slot == M->current)
		broken("own-line-written", "CPU %u stores to the line that it monitors", slot);
	/* Between INIT and its proof a CPU counts as LOST, and the HALT that it is to prove comes now. */
	if (offset == 0 && slot_of(slot)->boss.verdict == VERDICT_LOST && !slot_of(slot)->boss.recalled)
		broken("lost-is-commanded", "CPU %u is LOST and gets command 0x%llx", slot, (unsigned long long)value);
}

/* Another CPU's store to the line that a CPU monitors. */
void platform_stored(uint32_t at)
{
	uint32_t offset;
	unsigned slot;
	struct vcpu *c;

	if (!of_slot(at, &slot, &offset) || offset >= MONITOR_LINE_BYTES)
		return;
	c = &M->cpu[slot];
	if (!c->seat.armed)
		return;
	c->seat.triggered = true;
	if (c->sleeps && parameters.mwait == MWAIT_EXACT && !c->seat.deaf)
		c->sleeps = false;
}

/* --- IPIs ------------------------------------------------------------------------------------------------------------ */

static bool is_between(const struct seat *s)
{
	return s->place == AWAITS_SIPI || s->place == IN_TRAMPOLINE || s->place == STOPPED_IN_PAGE;
}

static void stop_in_page(void)
{
	self()->seat.place = STOPPED_IN_PAGE;
	for (;;)
		cpu_sleep();
}

/* A CPU that still stands on the stack of that entry. */
static void other_in(uint64_t percpu)
{
	unsigned i;

	for (i = 0; i < parameters.cpus; i++)
		if (i != M->current && M->cpu[i].seat.percpu == platform_pointer(percpu))
			broken("stack-in-use", "CPU %u comes in on the stack of CPU %u", M->current, i);
}

/* trampoline.S and the entries that it leads to. */
static void trampoline(void)
{
	const struct trampoline_cpu *entry = NULL;
	uint32_t i;

	visible();
	if (M->page_freed)
		broken("trampoline-freed", "CPU %u runs in the page, which somebody else has", M->current);
	trace_event("is in the trampoline page, gate %s", M->page_gate == TRAMPOLINE_OPEN ? "open" : "closed");
	if (M->page_gate != TRAMPOLINE_OPEN)
		stop_in_page();
	visible();
	M->page_entered |= 1u << self()->seat.apic_id % 32;
	visible();
	if (M->page_gate != TRAMPOLINE_OPEN)
		stop_in_page();
	visible();
	if (M->page_entry == ENTRY_RECALL)
		lot_recalled();
	for (i = 0; i < M->page_count; i++) {
		entry = (const struct trampoline_cpu *)platform_pointer(M->page_table) + i;
		if (entry->apic_id == self()->seat.apic_id)
			break;
	}
	if (i == M->page_count)
		stop_in_page();
	other_in(entry->argument);
	tlb_load(M->current, M->page_cr3);
	self()->seat.place = IN_KERNEL;
	self()->seat.percpu = platform_pointer(entry->argument);
	trace_event("enters the kernel");
	if (cpu_state(((struct percpu *)self()->seat.percpu)->cpu) == CPU_NO_ANSWER)
		broken("no-answer-comes-in", "CPU %u, NO_ANSWER to the boss, comes into the kernel", M->current);
	ap_main(self()->seat.percpu);
}

static void take_init(unsigned cpu)
{
	struct vcpu *c = &M->cpu[cpu];

	if (cpu == M->bsp || M->no_bsp)
		broken("init-to-the-bsp", "CPU %u sends INIT to CPU %u, which may be the BSP", M->current, cpu);
	if (c->seat.halted && !slot_of(cpu)->boss.pending)
		broken("init-to-the-healthy", "CPU %u gets INIT and the boss has its answer to HALT", cpu);
	if (c->seat.dead)
		return;
	tlb_load(cpu, 0);
	c->sp = c->other_sp = NULL;
	c->sleeps = true;
	c->waits = c->spins = c->done = c->irq_on = false;
	c->seat = (struct seat){ .apic_id = c->seat.apic_id, .place = AWAITS_SIPI, .odd = c->seat.odd,
				 .ours = c->seat.ours, .misses = c->seat.misses,
				 .init_at = current_scenario->old_processor ? M->clock : 0 };
	platform_check_ivt();
}

static void take_sipi(unsigned cpu, uint32_t page)
{
	struct vcpu *c = &M->cpu[cpu];

	if (page != PLATFORM_LOW)
		broken("wrong-answer", "SIPI to 0x%x", page);
	if (c->seat.place != AWAITS_SIPI || c->seat.dead)
		return;
	if (c->seat.misses) {
		c->seat.misses--;
		return;
	}
	if (current_scenario->old_processor && M->clock - c->seat.init_at < INIT_US)
		broken("init-too-short", "SIPI to CPU %u %u us after INIT", cpu, (unsigned)(M->clock - c->seat.init_at));
	cpu_start(cpu, trampoline);
	c->seat.place = IN_TRAMPOLINE;
	c->sleeps = false;
}

static void take_ipi(unsigned cpu, uint32_t icr)
{
	struct seat *s = &M->cpu[cpu].seat;

	switch (icr & 0x700) {
	case 0x400:
		if (is_between(s))
			broken("nmi-after-init", "CPU %u sends an NMI to CPU %u, which has had INIT", M->current, cpu);
		s->nmi = !s->deaf && (s->place == IN_LOT || s->parked);
		break;
	case 0x500:
		if (icr == ICR_INIT_ASSERT)
			take_init(cpu);
		break;
	case 0x600:
		take_sipi(cpu, (icr & 0xff) << 12);
		break;
	default:
		s->irq = s->place == IN_KERNEL && !s->deaf;
	}
}

void platform_ipi(uint32_t id, uint32_t icr)
{
	unsigned cpu;

	visible();
	M->steps += M->counting && !M->current;
	trace_event("IPI 0x%x to APIC ID %u", icr, id);
	for (cpu = 0; cpu < parameters.cpus; cpu++)
		if (M->cpu[cpu].seat.apic_id == id)
			take_ipi(cpu, icr);
}

void platform_icr_busy(void)
{
	uint32_t at = arena_offset((uint8_t *)platform_pointer(APIC_AT) + APIC_ICR_LOW);

	if (M->icr_sticks && !M->icr_left)
		arena_write(at, arena_read(at, 4) | ICR_BUSY, 4);
}

void platform_icr_written(void)
{
	const uint8_t *apic = platform_pointer(APIC_AT);

	self()->seat.icr = false;
	memory_drain(M->current);		/* uncached: after all earlier stores */
	platform_ipi(*(const uint32_t *)(apic + APIC_ICR_HIGH) >> 24, *(const uint32_t *)(apic + APIC_ICR_LOW));
	M->icr_left -= M->icr_left > 0;
	platform_icr_busy();
}

uint64_t twin_cpu_rdmsr(uint32_t msr)
{
	switch (msr) {
	case MSR_APIC_BASE:
		return APIC_AT | APIC_BASE_EN | (M->xapic ? 0 : APIC_BASE_EXTD) |
		       (M->current != M->bsp || M->no_bsp ? 0 : APIC_BASE_BSP);
	case MSR_X2APIC_ID:
		return self()->seat.apic_id;
	case MSR_X2APIC + APIC_VERSION / 16:
		return 6u << 16 | 0x14;
	default:
		return 0;
	}
}

void platform_wrmsr(uint32_t msr, uint64_t value)
{
	if (msr == MSR_X2APIC_ICR)
		platform_ipi((uint32_t)(value >> 32), (uint32_t)value);
}

struct cpuid_regs twin_cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
	(void)subleaf;
	if (leaf == 0)
		return (struct cpuid_regs){ .eax = 1, .ebx = 0x756e6547 };	/* GenuineIntel */
	return (struct cpuid_regs){ .eax = current_scenario->old_processor ? 0x540 : 0x6f0,
				    .ecx = current_scenario->guest ? 1u << 31 : 0 };
}

uint64_t twin_cpu_read_cr4(void) { return self()->seat.cr4; }
void twin_cpu_write_cr4(uint64_t v)
{
	cpu_stop_private();
	self()->seat.cr4 = v;
	self()->seat.dirty = true;
}

/* --- interrupts and time ----------------------------------------------------------------------------------------------- */

static bool others_can_act(void)
{
	unsigned i;

	for (i = 0; i < parameters.cpus; i++)
		if (i != M->current && (cpu_runnable(i) || M->cpu[i].seat.nmi || M->cpu[i].seat.irq))
			return true;
	return M->pending_count;
}

unsigned platform_offers(unsigned cpu, struct offer *o)
{
	const struct vcpu *v = &M->cpu[cpu];
	const struct seat *s = &v->seat;
	unsigned runs = cpu_runnable(cpu), strays = current_scenario->strays, n = 0;

	if (v->done || s->deaf)
		return 0;
	if (s->place == IN_LOT) {
		if (s->nmi || strays & STRAY_NMI)
			o[n++] = (struct offer){ TAKE_NMI, s->nmi ? runs : 1, s->nmi ? runs : 1 };
		if (strays & STRAY_MC && !s->in_gate)
			o[n++] = (struct offer){ TAKE_MC, 1, 1 };
	}
	/* Of a command that its CPU had seen by itself and left the lot for: the kernel's gate counts it. */
	if (s->place == IN_KERNEL && s->nmi)
		o[n++] = (struct offer){ TAKE_NMI, runs, runs };
	if (s->place == IN_KERNEL && s->irq && v->irq_on && v->sleeps)
		o[n++] = (struct offer){ TAKE_IRQ, 0, 0 };
	if ((s->place == IN_KERNEL || s->place == IN_LOT) && v->sleeps && strays & STRAY_WAKE)
		o[n++] = (struct offer){ TAKE_WAKE, 1, 1 };
	if (s->place == IN_TRAMPOLINE && strays & STRAY_NMI)
		o[n++] = (struct offer){ TAKE_NMI, 1, 1 };
	if (cpu == M->current && cpu == 0 && strays & STRAY_LATE &&
	    (stop == STOP_CLOCK || (stop == STOP_WAIT && v->spins && others_can_act())))
		o[n++] = (struct offer){ TAKE_LATE, 1, 1 };
	return n;
}

static void gate_nmi(void)
{
	trace_event("NMI");
	self()->seat.nmi = false;
	gate_run(2, SLOT_IST_NMI_TOP, SLOT_NMI_COUNT);
	lot_goes_on();
}

static void gate_mc(void)
{
	struct seat *s = &self()->seat;

	trace_event("machine check");
	if (s->mcip || !(s->cr4 & CR4_MCE))
		broken("shutdown", "CPU %u takes a machine check with MCIP %u, CR4 0x%llx", M->current, s->mcip,
		       (unsigned long long)s->cr4);
	promise_struck();
	s->mcip = s->in_gate = true;
	s->mcip = !gate_run(18, SLOT_IST_MC_TOP, SLOT_MC_COUNT);
	s->in_gate = false;
	lot_goes_on();
}

/* Who is between INIT and long mode takes NMIs through IVT[2], unless it happens to hold them back. Asked at each INIT and
 * whenever the vector changes. */
void platform_check_ivt(void)
{
	unsigned i;

	for (i = 0; i < parameters.cpus; i++)
		if (is_between(&M->cpu[i].seat) && M->ivt != PLATFORM_LOW && !M->no_page_0)
			broken("nmi-into-firmware", "CPU %u is between INIT and long mode, and IVT[2] is firmware's", i);
}

void platform_interrupt(enum take take)
{
	struct vcpu *c = self();

	memory_drain(M->current);
	c->sleeps = c->spins = c->waits = false;
	switch (take) {
	case TAKE_NMI:
		if (c->seat.place == IN_LOT)
			gate_nmi();
		if (c->seat.place == IN_KERNEL) {
			trace_event("NMI in the kernel");
			c->seat.nmi = false;
			break;
		}
		trace_event("NMI in the trampoline page: starts over");
		cpu_start(M->current, trampoline);
		cpu_goes_on();
		break;
	case TAKE_MC:
		gate_mc();
		break;
	case TAKE_IRQ:
		trace_event("takes the call's interrupt");
		c->seat.irq = false;
		break;
	case TAKE_LATE:
		trace_event("an SMI: 10 s later");
		memory_drain_all();
		M->clock += 10000000;
		M->times_late++;
		break;
	default:
		trace_event("wakes for no reason");
	}
}

bool platform_ended(unsigned cpu)
{
	const struct vcpu *v = &M->cpu[cpu];

	if (v->done || v->seat.deaf || (v->sleeps && v->seat.place != IN_LOT && v->seat.place != IN_KERNEL))
		return true;
	return M->cpu[0].done && (v->sleeps || v->spins) && !v->seat.nmi &&
	       !(v->seat.irq && v->seat.place == IN_KERNEL && !v->seat.parked);
}

/* First what was stored becomes visible, then the clock runs: to the first NMI of a kick, to the next, past the deadlines. */
void platform_time_passes(unsigned stuck)
{
	static const uint32_t steps[] = { 0, 0, 60, 1100, 1100, 6000, 3000000, 30000000 };

	if (stuck >= sizeof(steps) / sizeof(steps[0]))
		broken("wait-never-ends", "no CPU can go on");
	M->clock += steps[stuck];
}

/* --- what the boss's program does -------------------------------------------------------------------------------------- */

void platform_free_low_page(void)
{
	unsigned i;

	visible();
	M->page_freed = true;
	for (i = 0; i < parameters.cpus; i++)
		if (is_between(&M->cpu[i].seat))
			broken("trampoline-freed", "the page is given away and CPU %u is in it or on its way", i);
}
