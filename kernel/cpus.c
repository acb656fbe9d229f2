// SPDX-License-Identifier: MIT
#include "kernel/cpus.h"

#include "kernel/faults.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/prober.h"
#include "kernel/watch.h"
#include "mm/flush.h"
#include "mm/table.h"
#include "smp/call.h"
#include "smp/layout.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/pc/ioapic.h"
#include "x86/pc/pic.h"
#include "x86/state.h"

#define GUARDS_MAX (SMP_CPUS_MAX * SMP_SLICE_GUARDS)

static uint64_t guards[GUARDS_MAX];

static unsigned list_guards(uint64_t base, unsigned cpu_count)
{
	unsigned count = 0;

	for (unsigned i = 0; i < cpu_count; i++) {
		struct smp_slice slice = smp_slice(base, cpu_count, i);

		for (unsigned g = 0; g < SMP_SLICE_GUARDS; g++)
			guards[count++] = slice.guard[g];
	}
	return count;
}

/* No interrupt source but ours: I/O APICs before local APICs (erratum AVR31). */
static void mask_devices(const struct machine *machine)
{
	for (unsigned i = 0; i < machine->madt.ioapic_count; i++)
		ioapic_mask_all(machine->madt.ioapic_base[i]);
	if (machine->madt.pcat_compat)
		pic_mask_all();
}

/* In the tables that are loaded, firmware's. */
static bool loaded_maps(uint64_t address)
{
	struct space loaded = { .root = cpu_read_cr3() & PTE_ADDRESS, .levels = kernel_memory.levels,
				.features = kernel_memory.features };
	struct mapping mapping;

	return space_query(&loaded, address, &mapping) && mapping.prot & MM_WRITE;
}

enum status cpus_check_boss(const struct boot_info *info, const struct machine *machine, uint32_t boss,
			    struct problem *problem)
{
	unsigned enabled = 0;
	enum status s;

	for (unsigned i = 0; i < machine->madt.cpu_count; i++)
		enabled += machine->madt.cpus[i].enabled;
	if (apic_is_bsp() || machine->madt.mp_wakeup || enabled < 2)
		return OK;
	s = problem_set(problem, E_NOT_BSP, "APIC ID %u is not the bootstrap processor: INIT must not be sent to that "
			"one, so %u other CPUs stay where they were", boss, enabled - 1);
	if (info->config.lost_cpu != LOST_CPU_CONTINUE)
		return s;
	log_problem(problem);
	return OK;
}

void cpus_hold(const struct boot_info *info, const struct machine *machine)
{
	struct online_config config = { .low_page = info->low_page, .boot_page_mapped = true };
	uint32_t unused;

	if (!faults_prober(&unused) && !info->devices_unmapped && loaded_maps(0) && loaded_maps(info->low_page) &&
	    (apic_mode() == APIC_MODE_X2APIC || loaded_maps(apic_base())))
		smp_hold(&machine->madt, &config);
}

/* In a loop, too, who is missing has a name. */
static void say_cpu(const struct cpu *cpu)
{
	enum cpu_state state = cpu_state(cpu);
	const char *verdict = cpu_verdict_text(state), *boss = cpu == smp_boss() ? " boss=1" : "";

	if (state == CPU_LOST || state == CPU_NO_ANSWER)
		log_always("cpu", "apic=%u verdict=%s us=%u", cpu->apic_id, verdict, cpu->online_us);
	else
		log_event("cpu", "apic=%u verdict=%s us=%u%s", cpu->apic_id, verdict, cpu->online_us, boss);
}

static void log_verdicts(const struct machine *machine, const struct online_result *result)
{
	for (unsigned i = 0; i < smp_cpu_count(); i++) {
		const struct cpu *cpu = smp_cpu(i);

		say_cpu(cpu);
		if (cpu->left_difference)
			log_event("cpu-differs", "apic=%u first=\"%s\"", cpu->apic_id,
				  state_difference_text(cpu->left_difference));
	}
	log_event("cpus", "listed=%u online=%u no_answer=%u lost=%u us=%u", smp_cpu_count(), result->online,
		  result->no_answer, result->lost, result->total_us);
	if (apic_mode() == APIC_MODE_XAPIC && machine->madt.lapic_base != apic_base())
		log_text("MADT has the local APIC at 0x%lx, IA32_APIC_BASE at 0x%lx: the latter is used",
			 machine->madt.lapic_base, apic_base());
	if (result->mp_wakeup)
		log_text("firmware offers the MP wakeup mailbox: INIT-SIPI is not used, one CPU runs");
}

enum status cpus_take(const struct boot_info *info, const struct machine *machine, struct online_result *result,
		      struct problem *problem)
{
	unsigned count = machine->madt.cpu_count;
	struct mm_range memory = { 0, smp_memory_needed(count) };
	struct online_config config = { .low_page = info->low_page, .boot_page_mapped = true };
	enum status s = phys_alloc_run(&kernel_memory.phys, memory.size / MM_PAGE_BYTES, MM_PAGE_BYTES, 1ull << 32,
				       &memory.base, problem);

	if (s == OK)
		s = memory_map(info, memory, guards, list_guards(memory.base, count), problem);
	if (s != OK)
		return s;
	log_devices_mapped(info);
	watch_start(info, count);
	apic_save_found();
	s = smp_init(&machine->madt, memory.base, memory.size, problem);
	if (s != OK)
		return s;
	apic_enable();
	space_load(&smp_boss()->mm, &kernel_memory.space);
	config.space = &kernel_memory.space;
	config.pat = kernel_memory.features.pat;
	s = prober_attack(info, problem);
	if (s != OK)
		return s;
	s = smp_bring_up(&config, result, problem);
	log_release();
	mask_devices(machine);
	if (s == OK)
		log_verdicts(machine, result);
	mm_set_flush_others(faults_flush_others(call_flush_others));
	/* A CPU lost on its way in may still walk our tables: none of them is freed from here on. */
	if (result->lost) {
		space_quarantine(&kernel_memory.space);
		if (s == OK)
			s = problem_set(problem, E_CPU_LOST, "handover refused: %u CPUs were lost on their way in",
					result->lost);
	}
	return s;
}
