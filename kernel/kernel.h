// SPDX-License-Identifier: MIT
/*
 * The mini-kernel's one entry: what a door calls when firmware or the previous loader is behind it.
 */
#ifndef KERNEL_KERNEL_H
#define KERNEL_KERNEL_H

#include "boot/boot_info.h"

/*
 * The one continuation of every door; does not return. Takes over info and everything it points to.
 * Context: boss CPU, interrupts off, boot services gone, firmware's or the loader's identity map and stack
 * still in use. Ends in the next kernel, or as the policy in info->config says.
 */
_Noreturn void kernel_main(struct boot_info *info);

/* True in the build that injects faults (kernel/faults.h): only there a door takes baton.fault=. */
extern const bool faults_built_in;

#endif
