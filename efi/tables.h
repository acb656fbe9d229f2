// SPDX-License-Identifier: MIT
/*
 * What firmware leaves behind for the next kernel and for us: ACPI's root, SMBIOS, the framebuffer, a random seed.
 * Before ExitBootServices only.
 */
#ifndef EFI_TABLES_H
#define EFI_TABLES_H

#include "boot/boot_info.h"

/* Fills rsdp, smbios and its names, framebuffer, efi_systab and secure_boot of info. What is missing stays 0. */
void tables_collect(struct boot_info *info);

/* Installs Linux's random seed table from the RNG protocol, joined with one that is already there. Silent when the
 * machine has no RNG: the kernel has other sources. */
void tables_install_seed(void);

#endif
