// SPDX-License-Identifier: MIT
/*
 * Leaving firmware: everything that has to be allocated is allocated, the memory map is taken, boot services end.
 */
#ifndef EFI_EXIT_H
#define EFI_EXIT_H

#include "boot/boot_info.h"
#include "lib/status.h"

/* Returns only if boot services are all still there (E50). Otherwise interrupts are off, info is complete and
 * kernel_main() runs; if ExitBootServices fails for good (E3) the machine is reset, since firmware has already begun
 * to tear itself down. Prints nothing on success: a console call would change the memory map. */
enum status MUST_CHECK exit_to_kernel(struct boot_info *info, struct problem *problem);

#endif
