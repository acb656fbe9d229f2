/* SPDX-License-Identifier: MIT */
/* The faults build has its own file of this name earlier in the include path; here nothing misbehaves. */
#ifndef PURGATORY_GATE_FAULT_H
#define PURGATORY_GATE_FAULT_H

	.macro NMI_GATE_FAULT slot
	.endm

#endif
