// SPDX-License-Identifier: MIT
/* The table of CPUs: laid out, filled from the MADT, and the boss's own world loaded. */
#include "smp/online.h"

#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/entry/trampoline.h"
#include "x86/percpu.h"

#define FOUR_GIB (1ull << 32)

static struct cpu *cpus;
static unsigned count, boss;
static bool mp_wakeup;

unsigned smp_cpu_count(void) { return count; }
struct cpu *smp_cpu(unsigned index) { return &cpus[index]; }
struct cpu *smp_boss(void) { return &cpus[boss]; }
bool smp_mp_wakeup(void) { return mp_wakeup; }

bool smp_any_unaccounted(void)
{
	unsigned i;

	for (i = 0; i < count; i++) {
		enum cpu_state state = cpu_state(&cpus[i]);

		if (state == CPU_NO_ANSWER || state == CPU_INIT_HELD || state == CPU_LOST)
			return true;
	}
	return false;
}

static void cpu_fill(struct cpu *cpu, unsigned index, const struct madt_cpu *listed, const struct smp_slice *slice)
{
	struct percpu *percpu = cpu_phys_pointer(slice->percpu);

	*cpu = (struct cpu){
		.mm.index = index,
		.index = index,
		.apic_id = listed->apic_id,
		.acpi_uid = listed->acpi_uid,
		.percpu = percpu,
	};
	percpu_init(percpu, index, listed->apic_id, slice->stack_bottom, slice->stack_top, slice->ist_df,
		    slice->ist_nmi, slice->ist_mc);
	percpu->cpu = cpu;
}

enum status smp_init(const struct madt *madt, uint64_t base, uint64_t bytes, struct problem *p)
{
	struct smp_common common = smp_common(base, madt->cpu_count);
	struct trampoline_cpu *table = cpu_phys_pointer(common.table);
	bool found = false;
	unsigned i;

	if (base % SMP_PAGE || bytes < smp_memory_needed(madt->cpu_count) || base + bytes > FOUR_GIB)
		return problem_set(p, E_NO_MEMORY, "CPU memory: %llx bytes at %llx, need %llx below 4 GiB",
				   (unsigned long long)bytes, (unsigned long long)base,
				   (unsigned long long)smp_memory_needed(madt->cpu_count));
	cpus = cpu_phys_pointer(common.cpus);
	count = madt->cpu_count;
	mp_wakeup = madt->mp_wakeup;
	for (i = 0; i < count; i++) {
		struct smp_slice slice = smp_slice(base, count, i);

		cpu_fill(&cpus[i], i, &madt->cpus[i], &slice);
		table[i] = (struct trampoline_cpu){
			.apic_id = cpus[i].apic_id,
			.stack_top = slice.stack_top,
			.argument = slice.percpu,
		};
		if (cpus[i].apic_id == apic_id()) {
			boss = i;
			found = true;
			cpu_move(&cpus[i], CPU_LISTED, CPU_BOSS);
		} else if (!madt->cpus[i].enabled) {
			cpu_move(&cpus[i], CPU_LISTED, CPU_DISABLED);
		}
	}
	if (!found)
		return problem_set(p, E_ACPI_TABLE, "MADT: does not list APIC ID %x, the CPU that runs this",
				   apic_id());
	cpus[boss].is_bsp = apic_is_bsp();
	percpu_load(cpus[boss].percpu);
	return OK;
}
