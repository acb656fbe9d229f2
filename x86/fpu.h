// SPDX-License-Identifier: MIT
/* SSE for the few files that use vector registers (lib/sha256_ni.c), and a clean unit for the next kernel. */
#ifndef X86_FPU_H
#define X86_FPU_H

/* CR0.MP/NE on, EM/TS off, CR4.OSFXSR/OSXMMEXCPT on; x87 and MXCSR at their reset values. Calling CPU; XCR0 is
 * left as found. Safe to call again: that is how the state is cleaned before the jump. */
void fpu_enable(void);

#endif
