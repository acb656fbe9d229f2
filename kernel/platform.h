// SPDX-License-Identifier: MIT
/*
 * What machine this is, for the report and for the few choices that depend on it.
 */
#ifndef KERNEL_PLATFORM_H
#define KERNEL_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

struct platform {
	const char *name;		/* bare, tcg, kvm, bochs, other */
	bool hypervisor;		/* CPUID.1:ECX[31] */
	bool intel, amd;		/* vendor; Hygon counts as amd */
	uint32_t family, model;		/* display values, SDM vol. 2A CPUID leaf 1 */
	char cpu_model[64];		/* brand string without leading blanks */
	uint64_t microcode;		/* revision, 0: unknown */
	bool monitor;			/* CPUID.1:ECX[3] */
	uint32_t monitor_line;		/* leaf 5 largest line in bytes, 0: not said */
};

/* Reads CPUID and the microcode revision MSR. Context: boss, any time; no errors. */
void platform_read(struct platform *p);

/* Whether a CPU may park in MWAIT at all (protocol rule 8): the instruction exists, its line fits the slot,
 * the model does not lose wake-ups, the vendor is not one that Linux keeps in HLT. */
bool platform_mwait_usable(const struct platform *p);

#endif
