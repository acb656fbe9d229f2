// SPDX-License-Identifier: MIT
/*
 * Processors as coroutines: each has a stack in the arena and gives control back to the search at every visible
 * operation, before it does it.
 */
#include <string.h>

#include "test/hostile/internal.h"
#include "test/hostile/platform.h"
#include "x86/cpu.h"

#define DEPTH_MAX 3000u

enum stop stop;
unsigned stop_choices;
static void *search_sp;

/* Saves the registers that a call keeps, and goes on where to was saved. */
__asm__(".globl hostile_switch\n"
	"hostile_switch:\n"
	"	push %rbp\n	push %rbx\n	push %r12\n	push %r13\n	push %r14\n	push %r15\n"
	"	mov %rsp, (%rdi)\n"
	"	mov %rsi, %rsp\n"
	"	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n	pop %rbx\n	pop %rbp\n"
	"	ret\n");

static void stop_here(enum stop why)
{
	stop = why;
	hostile_switch(&self()->sp, search_sp);
}

static bool answers_are_in(const void *argument)
{
	(void)argument;
	return !(self()->unanswered & ~(current_scenario->deaf | M->dead));
}

/* The handler of the cross call: as smp/ does it. */
static void serve_ipi(void)
{
	struct vcpu *c = self();
	unsigned sender;

	for (sender = 0; sender < parameters.cpus; sender++) {
		if (!(c->ipi >> sender & 1))
			continue;
		c->ipi &= (uint8_t)~(1 << sender);
		trace_event("IPI from CPU %u arrives", sender);
		if (current_scenario->on_ipi) {
			current_scenario->on_ipi(sender);
			continue;
		}
		flush_on_cpu(&world->cpu[M->current], c->request[sender]);
		visible();
		if (c->wc)
			broken("streaming-store-at-ack", "CPU %u acknowledges a flush with streaming stores under way",
			       M->current);
		trace_event("acknowledges the flush of CPU %u", sender);
		M->cpu[sender].unanswered &= (uint8_t)~(1 << M->current);
	}
}

/* As an interrupt; an NMI's handler may be interrupted by it. */
static void machine_check(void)
{
	trace_event("machine check");
	self()->in_mc = true;
	current_scenario->on_mc();
	self()->in_mc = false;
	trace_event("machine check ends");
}

void cpu_dies(void)
{
	M->dead |= 1ull << M->current;
	self()->done = true;
	trace_event("is dead");
	for (;;)
		stop_here(STOP_END);
}

bool cpu_is_dead(unsigned cpu)
{
	return M->dead >> cpu & 1;
}

/* Interrupts and NMIs that the search lets in now. Entry drains the store buffer. */
void cpu_interrupt(void)
{
	struct vcpu *c = self();
	enum take take = c->take;
	bool irq_on = c->irq_on, done = c->done, waits = c->waits;

	c->take = TAKE_NOTHING;
	if (take == TAKE_NOTHING)
		return;
	if (current_scenario->platform) {
		platform_interrupt(take);
		return;
	}
	memory_drain(M->current);
	c->fence_open = false;
	c->irq_on = c->done = c->waits = c->sleeps = c->spins = false;
	if (take == TAKE_IPI) {
		serve_ipi();
	} else if (take == TAKE_MC) {
		machine_check();
	} else {
		trace_event("NMI");
		c->in_nmi = true;
		current_scenario->on_nmi();
		c->in_nmi = false;
		trace_event("NMI ends");
	}
	c->irq_on = irq_on;
	c->done = done;
	c->waits = waits;
}

static void stop_and_serve(enum stop why)
{
	stop_here(why);
	while (self()->take) {
		cpu_interrupt();
		stop_here(why);
	}
}

/* The search calls this on the CPU's own stack. */
static void cpu_main(void)
{
	self()->program();
	cpu_ends();
}

void cpu_ends(void)
{
	self()->irq_on = true;
	self()->done = true;
	trace_event("ends");
	for (;;)
		stop_and_serve(STOP_END);
}

void cpu_start_on(unsigned cpu, unsigned stack, void (*program)(void))
{
	uint64_t *sp = (uint64_t *)(ARENA + STACKS_AT + (cpu * STACKS + stack + 1) * STACK_BYTES);

	memset(sp - 16, 0, 16 * 8);	/* the chain of frames ends with 0 */
	sp -= 1;
	*--sp = (uint64_t)cpu_main;
	sp -= 6;
	M->cpu[cpu].sp = sp;
	M->cpu[cpu].program = program;
}

void cpu_start(unsigned cpu, void (*program)(void))
{
	cpu_start_on(cpu, 0, program);
}

void cpu_goes_on(void)
{
	void *none;

	hostile_switch(&none, self()->sp);
	__builtin_unreachable();
}

void cpu_run(unsigned cpu)
{
	M->current = cpu;
	hostile_switch(&search_sp, M->cpu[cpu].sp);
}

void run_on_start(void (*fn)(void))
{
	cpu_start(M->current, fn);
	stop = STOP_OPERATION;
	cpu_stop_for_good();
}

bool cpu_runnable(unsigned cpu)
{
	const struct vcpu *c = &M->cpu[cpu];
	unsigned before = M->current;
	bool ready;

	if (c->done || c->spins || c->sleeps || cpu >= parameters.cpus)
		return false;
	if (!c->waits)
		return true;
	M->current = cpu;
	ready = c->ready(c->argument);
	M->current = before;
	return ready;
}

void looks(void)
{
	if (!M->running || M->atomic)
		return;
	stop_and_serve(STOP_OPERATION);
	self()->looked = 0;
	if (++run_depth[M->current] > DEPTH_MAX)
		broken("never-ends", "CPU %u: %u visible operations", M->current, DEPTH_MAX);
}

void cpu_stop_private(void)
{
	if (!M->running || M->atomic || self()->seat.place != IN_LOT || !self()->seat.dirty)
		return;
	self()->seat.dirty = false;
	if (M->interrupts_left && M->bound_left)
		stop_and_serve(STOP_PRIVATE);
}

void visible(void)
{
	unsigned i;

	if (!M->running || M->atomic)
		return;
	fence_settle();
	looks();
	/* Whoever spins may see something new now. */
	for (i = 0; i < parameters.cpus; i++)
		M->cpu[i].spins = false;
	M->stuck = 0;
}

void cpu_stop_clock(void)
{
	if (current_scenario->strays & STRAY_LATE && M->interrupts_left && M->bound_left && !M->jumped)
		stop_and_serve(STOP_CLOCK);
}

unsigned choose(unsigned choices)
{
	if (choices < 2)
		return 0;
	stop_choices = choices;
	stop_here(STOP_CHOOSE);
	return self()->chosen;
}

void cpu_stop_for_good(void)
{
	void *none;

	hostile_switch(&none, search_sp);
	__builtin_unreachable();
}

void restart_search(void)
{
	stop = STOP_SHARED;
	cpu_stop_for_good();
}

void cpu_wait_for(bool (*ready)(const void *argument), const void *argument)
{
	struct vcpu *c = self();

	c->ready = ready;
	c->argument = argument;
	while (!ready(argument)) {
		c->waits = true;
		stop_and_serve(STOP_WAIT);
	}
	c->waits = false;
}

/* --- the hook of flush.h: what smp/ does, as one step each ------------------------------------------------------- */

bool hostile_flush_others(const struct flush_request *request)
{
	struct vcpu *c = self();
	unsigned i, silent;

	if (!M->running)
		return true;
	for (i = 0; i < parameters.cpus; i++) {
		/* What a lost CPU may walk was quarantined when it was lost; nobody asks it again. */
		if (i == M->current || M->lost >> i & 1 || !flush_wanted(request, &world->cpu[i]))
			continue;
		visible();
		trace_event("IPI to CPU %u", i);
		M->cpu[i].ipi |= (uint8_t)(1 << M->current);
		M->cpu[i].request[M->current] = request;
		c->unanswered |= (uint8_t)(1 << i);
		if (current_scenario->deaf >> i & 1)
			M->lost |= 1ull << i;
	}
	cpu_wait_for(answers_are_in, NULL);
	silent = c->unanswered;
	M->lost |= silent;
	if (silent) {
		/* The request lies on this CPU's stack: nobody may find it later. */
		for (i = 0; i < parameters.cpus; i++)
			if (silent >> i & 1)
				M->cpu[i].ipi &= (uint8_t)~(1 << M->current);
		c->unanswered = 0;
		trace_event("the deadline passes: a CPU did not answer");
	}
	return !silent;
}

/* --- the seam's instructions -------------------------------------------------------------------------------------- */

void twin_cpu_write_cr3(uint64_t v)
{
	visible();
	if (M->running)
		trace_event("CR3 := 0x%llx", (unsigned long long)v);
	self()->seat.dirty = true;
	tlb_load(M->current, v);
}

uint64_t twin_cpu_read_cr3(void)
{
	return self()->sets.root;
}

void twin_cpu_invlpg(uint64_t va)
{
	visible();
	if (M->running)
		trace_event("INVLPG 0x%llx", (unsigned long long)va);
	tlb_invalidate(M->current, va);
}

void twin_cpu_relax(void)
{
	if (!M->running)
		return;
	M->steps += M->counting && !M->current;
	self()->spins = true;
	stop_and_serve(STOP_WAIT);
}

void twin_cpu_monitor(const void *p)
{
	if (current_scenario->platform)
		lot_monitor(p);
}

void twin_cpu_mwait(void)
{
	if (current_scenario->platform)
		lot_mwait();
	else if (parameters.mwait == MWAIT_DEAF)
		cpu_sleep();
	else
		twin_cpu_relax();
}

void cpu_sleep(void)
{
	self()->sleeps = true;
	while (self()->sleeps)
		stop_and_serve(STOP_WAIT);
}

void twin_cpu_hlt(void)
{
	self()->seat.armed = false;
	cpu_sleep();
}

void twin_cpu_wait_irq(void)
{
	self()->irq_on = true;
	twin_cpu_hlt();
	self()->irq_on = false;
}

void twin_cpu_poll_irq(void)
{
	if (!self()->ipi)
		return;
	self()->irq_on = true;
	self()->take = TAKE_IPI;
	cpu_interrupt();
	self()->irq_on = false;
}

void twin_cpu_irq_off(void) { self()->irq_on = false; }
void twin_cpu_irq_on(void) { self()->irq_on = true; }

bool twin_cpu_irq_save(void)
{
	bool on = self()->irq_on;

	twin_cpu_irq_off();
	return on;
}

uint32_t twin_cpu_index(void) { return M->current; }

uint64_t twin_cpu_rdtsc(void)
{
	if (!current_scenario->platform)
		return M->time;
	if (M->running && !M->current) {
		cpu_stop_clock();
		promise_clock_read();
	}
	return M->clock;
}


void *twin_cpu_phys_pointer(uint64_t phys)
{
	if (current_scenario->platform && platform_pointer(phys))
		return platform_pointer(phys);
	if (!in_memory(phys))
		broken("no-memory-there", "CPU %u reaches for physical 0x%llx", M->current, (unsigned long long)phys);
	return (void *)(WINDOW + (phys - HOSTILE_BASE));
}
