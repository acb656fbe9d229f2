// SPDX-License-Identifier: MIT
/*
 * Taking every CPU: memory for them, our page tables, bring-up, one serial line per CPU.
 */
#ifndef KERNEL_CPUS_H
#define KERNEL_CPUS_H

#include "boot/boot_info.h"
#include "kernel/machine.h"
#include "lib/status.h"
#include "smp/online.h"

/* E_NOT_BSP: the BSP is another CPU, so none may get INIT (protocol rule 11), and there are others, which sit in the
 * memory of whatever was before us. With lost-cpu continue only said. boss: its APIC ID.
 * Context: boss, after apic_init(), the local APIC not yet mapped. */
enum status MUST_CHECK cpus_check_boss(const struct boot_info *info, const struct machine *machine,
				       uint32_t boss, struct problem *problem);

/* INIT to all others, first of all (protocol rule 9), if the tables that are loaded allow it; else nothing. Context:
 * boss, IDT live, memory_open() and apic_init() done, nothing calibrated, nothing written to a console. */
void cpus_hold(const struct boot_info *info, const struct machine *machine);

/* Loads our tables on the way. CPUs that fail have a verdict; an error means that nothing can go on. Context: boss,
 * interrupts off, clock running, memory_start() done. */
enum status MUST_CHECK cpus_take(const struct boot_info *info, const struct machine *machine,
				 struct online_result *result, struct problem *problem);

#endif
