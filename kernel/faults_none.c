// SPDX-License-Identifier: MIT
#include "kernel/faults.h"
#include "kernel/old_park.h"
#include "kernel/prober.h"

const bool faults_built_in = false;

enum status faults_configure(const char *words, uint64_t seed, uint64_t generation, struct problem *problem)
{
	(void)seed;
	(void)generation;
	if (words[0])
		return problem_set(problem, E_CONFIG_WORD, "baton.fault=%s: only the faults build injects faults",
				   words);
	return OK;
}

void faults_damage(const char *segment, uint64_t base, uint64_t size)
{
	(void)segment;
	(void)base;
	(void)size;
}

mm_flush_others_fn faults_flush_others(mm_flush_others_fn real)
{
	return real;
}

void faults_exchange(struct boot_plan *plan)
{
	(void)plan;
}

bool faults_canary(void)
{
	return false;
}

void faults_apic(void)
{
}

void faults_request(void)
{
}

void faults_iommu(uint64_t registers)
{
	(void)registers;
}

void faults_trip(uint64_t segment)
{
	(void)segment;
}

enum fault_boss faults_boss(void)
{
	return FAULT_BOSS_NONE;
}

bool faults_deaf(uint32_t apic_id)
{
	(void)apic_id;
	return false;
}

bool faults_no_park(uint32_t apic_id)
{
	(void)apic_id;
	return false;
}

enum fault_kick faults_ignore_kick(uint32_t apic_id)
{
	(void)apic_id;
	return FAULT_KICK_NONE;
}

bool faults_tell(const struct report_header *report)
{
	(void)report;
	return false;
}

void faults_madt(struct acpi_table *table)
{
	(void)table;
}

bool faults_left(uint32_t apic_id)
{
	(void)apic_id;
	return false;
}

bool faults_leak(void)
{
	return false;
}

void faults_stray(uint64_t address)
{
	(void)address;
}

void faults_bundle(uint64_t address)
{
	(void)address;
}

bool faults_prober(uint32_t *machine_checks)
{
	(void)machine_checks;
	return false;
}

enum status prober_attack(const struct boot_info *info, struct problem *problem)
{
	(void)info;
	(void)problem;
	return OK;
}

enum status old_park_check(const struct boot_info *info, struct problem *problem)
{
	(void)info;
	(void)problem;
	return OK;
}
