// SPDX-License-Identifier: MIT
/* The two 8259 interrupt controllers. */
#ifndef X86_PC_PIC_H
#define X86_PC_PIC_H

/* Masks all 16 inputs. Call only where MADT flag PCAT_COMPAT says that they exist. Boss, interrupts off. */
void pic_mask_all(void);

#endif
