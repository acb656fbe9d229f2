// SPDX-License-Identifier: MIT
/*
 * A loader's page tables (kexec, Baton before us) show memory only, and no screen to say a failure on. So here is a map
 * for the end: the image and the consoles, nothing else.
 */
#ifndef KERNEL_STOP_MAP_H
#define KERNEL_STOP_MAP_H

#include "boot/boot_info.h"
#include "x86/pc/reset.h"

/* Loads it and opens the consoles, once; does nothing where devices are mapped, before memory_open() and where it does
 * not fit: then false. Nothing outside the image may be touched afterwards. Context: boss, on a stack in the image. */
bool stop_map(const struct boot_info *info, const struct reset_info *reset);

#endif
