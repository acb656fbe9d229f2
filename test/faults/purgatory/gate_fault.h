/* SPDX-License-Identifier: MIT */
/* Faults build: a CPU stuck inside its NMI handler, where no further NMI reaches it (FAULT_NMI_STUCK). */
#ifndef PURGATORY_GATE_FAULT_H
#define PURGATORY_GATE_FAULT_H

	.macro NMI_GATE_FAULT slot
	cmpl	$2, SLOT_FAULT(\slot)
	jne	2f
1:	pause
	jmp	1b
2:
	.endm

#endif
