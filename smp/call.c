// SPDX-License-Identifier: MIT
#include "smp/call.h"

#include "lib/digest.h"
#include "mm/load.h"
#include "smp/online.h"
#include "smp/park.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/tsc.h"

#define OPERATION_MASK	0x7fu
#define ANSWER		0x80u

static bool request_outstanding(const struct cpu *cpu)
{
	uint32_t request = shared_load_relaxed_u32(&cpu->box.request);

	/* order: the answer before its result. pairs with: call_serve(). else: the caller reads an old result, or
	 * reuses arguments that the operation still reads. */
	return request && shared_load_acquire_u32(&cpu->box.answer) != (request | ANSWER);
}

bool call_start(struct cpu *cpu, enum call_operation operation, uint64_t a0, uint64_t a1, uint64_t a2)
{
	enum cpu_state state = cpu_state(cpu);
	uint32_t sequence = (shared_load_relaxed_u32(&cpu->box.request) >> 8) + 1;

	/* PARK: the boss has moved the CPU to PARKING first. */
	if (state != CPU_ONLINE && !(state == CPU_ARRIVED && operation == CALL_PING) &&
	    !(state == CPU_PARKING && operation == CALL_PARK))
		return false;
	if (request_outstanding(cpu))
		return false;
	cpu->box.argument[0] = a0;
	cpu->box.argument[1] = a1;
	cpu->box.argument[2] = a2;
	/* order: arguments (and what they point to) before the request. pairs with: call_serve(). else: the CPU, awake
	 * for another reason, works on the previous arguments. */
	shared_store_release_u32(&cpu->box.request, (sequence << 8 | operation) & ~ANSWER);
	return apic_send(cpu->apic_id, ICR_FIXED | VECTOR_CALL);
}

bool call_answered(struct cpu *cpu, uint64_t *result)
{
	if (request_outstanding(cpu))
		return false;
	*result = cpu->box.result;
	return true;
}

static void lose(struct cpu *cpu)
{
	enum cpu_state state = cpu_state(cpu);

	cpu_move(cpu, state, CPU_LOST);
}

bool call_await(struct cpu *cpu, uint64_t deadline)
{
	while (request_outstanding(cpu)) {
		/* The answer once more after the deadline: we may have been the one who slept. */
		if (tsc_passed(deadline) && request_outstanding(cpu)) {
			lose(cpu);
			return false;
		}
		cpu_relax();
	}
	return true;
}

/* Waits until each ONLINE CPU with a request outstanding has answered or is LOST; returns how many were lost. */
static unsigned call_await_all(uint64_t us)
{
	uint64_t deadline = tsc_deadline(us);
	unsigned i, lost = 0;

	for (i = 0; i < smp_cpu_count(); i++) {
		struct cpu *cpu = smp_cpu(i);

		if (cpu_state(cpu) == CPU_ONLINE)
			lost += !call_await(cpu, deadline);
	}
	return lost;
}

uint64_t call_deadline_us(void)
{
	uint64_t us = (uint64_t)smp_cpu_count() * CALL_DEADLINE_VM_CPU_US;

	if (!(cpu_cpuid(1, 0).ecx >> 31))
		return CALL_DEADLINE_US;
	return us > CALL_DEADLINE_VM_US ? us : CALL_DEADLINE_VM_US;
}

static unsigned start_or_lose(struct cpu *cpu, enum call_operation operation, uint64_t a0, uint64_t a1, uint64_t a2)
{
	if (call_start(cpu, operation, a0, a1, a2))
		return 0;
	lose(cpu);
	return 1;
}

unsigned call_all(enum call_operation operation, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t us)
{
	unsigned i, lost = 0;

	for (i = 0; i < smp_cpu_count(); i++) {
		struct cpu *cpu = smp_cpu(i);

		if (cpu_state(cpu) == CPU_ONLINE)
			lost += start_or_lose(cpu, operation, a0, a1, a2);
	}
	return lost + call_await_all(us);
}

bool call_flush_others(const struct flush_request *request)
{
	unsigned i, lost = 0;

	for (i = 0; i < smp_cpu_count(); i++) {
		struct cpu *cpu = smp_cpu(i);

		if (cpu_state(cpu) == CPU_ONLINE && flush_wanted(request, &cpu->mm))
			lost += start_or_lose(cpu, CALL_FLUSH, (uint64_t)(uintptr_t)request, 0, 0);
	}
	return lost + call_await_all(call_deadline_us()) == 0;
}

static uint64_t perform(struct cpu *self, uint32_t operation)
{
	const uint64_t *a = self->box.argument;

	switch (operation) {
	case CALL_PING:
		return cpu_index();
	case CALL_FLUSH:
		flush_on_cpu(&self->mm, (const struct flush_request *)(uintptr_t)a[0]);
		return 0;
	case CALL_HASH:
		chunk_digest_compute((struct chunk_digest *)(uintptr_t)a[0], (const void *)(uintptr_t)a[1],
				     (uint32_t)a[2]);
		return 0;
	default:
		return UINT64_MAX;
	}
}

void call_serve(struct cpu *self)
{
	/* order: the request before its arguments. pairs with: call_start(). else: old arguments. */
	uint32_t request = shared_load_acquire_u32(&self->box.request);

	if (!request || shared_load_relaxed_u32(&self->box.answer) == (request | ANSWER))
		return;
	if ((request & OPERATION_MASK) == CALL_PARK) {
		struct slot *slot = cpu_phys_pointer(self->box.argument[0]);
		uint64_t lot_enter = self->box.argument[1];

		/* order: arguments read before the answer. pairs with: call_start(). else: the next call overwrites
		 * them */
		shared_store_release_u32(&self->box.answer, request | ANSWER);
		park_here(slot, lot_enter);
		return;
	}
	if ((request & OPERATION_MASK) == CALL_RUN) {
		call_run_fn *run = (call_run_fn *)(uintptr_t)self->box.argument[0];
		uint64_t argument = self->box.argument[1];

		/* order: as above. pairs with: call_start(). else: as above */
		shared_store_release_u32(&self->box.answer, request | ANSWER);
		run(self, argument);
		return;
	}
	self->box.result = perform(self, request & OPERATION_MASK);
	/* order: the operation and its result before the answer. pairs with: request_outstanding(). else: the boss
	 * frees what this CPU still uses. */
	shared_store_release_u32(&self->box.answer, request | ANSWER);
}
