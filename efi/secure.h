// SPDX-License-Identifier: MIT
/*
 * Secure Boot: firmware (or shim, which replaces LoadImage from 16.1 on) judges the kernel file before Baton
 * uses a byte of it.
 */
#ifndef EFI_SECURE_H
#define EFI_SECURE_H

#include <stdint.h>

#include "lib/status.h"

/* Passes bytes at data to firmware's LoadImage and unloads the result. OK if Secure Boot is off or firmware
 * accepts; E_SECURE_BOOT naming path otherwise. Before ExitBootServices. */
enum status MUST_CHECK secure_check_kernel(const char *path, void *data, uint64_t bytes, struct problem *problem);

#endif
