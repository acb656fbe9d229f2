// SPDX-License-Identifier: MIT
/*
 * Taking the CPUs: every enabled listed ID gets INIT and SIPI at once, one deadline for all, and ONLINE means that the
 * CPU answered a cross call from its own stack, TSS, GS and IDT with registers equal to the boss's (protocol rules
 * 9-12). Order for the caller: idt_build, madt_parse, apic_init, smp_hold, tsc_init, smp_init, own page tables,
 * mce_enable, fpu_enable, apic_enable, smp_bring_up. What the boss has in CR0, CR4, EFER, XCR0, PAT and MTRRs then, all
 * get.
 */
#ifndef SMP_ONLINE_H
#define SMP_ONLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"
#include "smp/cpu.h"
#include "smp/layout.h"
#include "smp/madt.h"

#define ONLINE_DEADLINE_US	1000000u	/* all CPUs together after SIPI, on bare metal */
/* Under a hypervisor the longer of these: a busy host was seen not to run two of three CPUs for a second. */
#define ONLINE_DEADLINE_VM_US	2000000u
#define ONLINE_DEADLINE_VM_CPU_US 50000u

struct online_config {
	uint64_t low_page;		/* free page below 640 KiB, mapped executable */
	struct space *space;		/* the boss's, root below 4 GiB; unchanged until everybody is online */
	uint64_t pat;			/* IA32_PAT for every CPU while they are ours, 0: as found */
	bool boot_page_mapped;		/* page 0 is mapped writable: IVT[2] can be taken (rule 10) */
};

struct online_result {
	unsigned online;		/* boss included */
	unsigned no_answer, unreachable, disabled, is_bsp, lost;
	unsigned differing;		/* CPUs whose registers differed before the replay */
	uint32_t total_us;		/* from the first INIT to the last verdict */
	uint32_t apic_errors;		/* ESR bits after INIT and SIPI, of all CPUs: bit 2, somebody is missing */
	bool mp_wakeup;			/* INIT-SIPI not used: firmware offers the mailbox only */
	bool low_page_busy;		/* some CPU is unaccounted for: the page stays reserved for ever (rule 14) */
};

/* True if madt said so: firmware's mailbox is the only way to start CPUs. Valid after smp_init(). */
bool smp_mp_wakeup(void);

/* Lays out memory (smp_memory_needed(madt->cpu_count) bytes at base, below 4 GiB), fills the table from madt and
 * loads the boss's own GDT, TSS, GS and IDT. After idt_build(), tsc_init(), apic_save_found(). E_NO_MEMORY: too small,
 * not aligned, not below 4 GiB. E_ACPI_TABLE: madt does not list the boss. Boss, interrupts off. */
enum status MUST_CHECK smp_init(const struct madt *madt, uint64_t base, uint64_t bytes, struct problem *p);

/* INIT, and no more, to everybody whom smp_bring_up() will start: a CPU that spins in firmware's or in an older
 * kernel's code leaves it at once and waits for SIPI, in the closed page if an NMI reaches it. Rule 9: first thing
 * after the IDT; does nothing where IVT[2] cannot be taken, smp_bring_up() then sends INIT. After apic_init(), with
 * the local APIC and the low page mapped in whatever tables are loaded; no clock needed. CPUs that wait have CR4.MCE
 * clear, so smp_init() and smp_bring_up() follow with nothing slow in between. Boss, interrupts off. */
void smp_hold(const struct madt *madt, const struct online_config *config);

/* Starts everybody. CPUs that fail get a verdict, never an error; errors are of the call itself (E_LOW_PAGE,
 * E_NO_APIC). Boss, interrupts off, no other CPU runs our code. */
enum status MUST_CHECK smp_bring_up(const struct online_config *config, struct online_result *result,
				    struct problem *p);

/* INIT-SIPI once more for one CPU that is PARKED and answers nothing, or is NO_ANSWER; true: it is ONLINE. Else it
 * keeps its state if it may not get INIT (may be the BSP, mailbox, ID out of reach) or the page cannot be written (*p
 * says why), or it is NO_ANSWER as before, or LOST if it was here once. Its arrival is the proof that it left the lot,
 * so its stack and slot are in nobody's use then. The page is closed again after it. Boss, interrupts off, after
 * smp_bring_up(). */
bool MUST_CHECK smp_start_again(struct cpu *cpu, struct problem *p);

/* The table. Valid after smp_init(). */
unsigned smp_cpu_count(void);
struct cpu *smp_cpu(unsigned index);
struct cpu *smp_boss(void);

/* True while a CPU is NO_ANSWER, INIT_HELD or LOST: firmware and the low page are then off limits (rules 14, 16). */
bool smp_any_unaccounted(void);

#endif
