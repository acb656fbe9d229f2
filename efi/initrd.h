// SPDX-License-Identifier: MIT
/*
 * An initrd that the loader gave to Baton as to any Linux kernel: by LoadFile2 (GRUB, systemd-boot, QEMU's -kernel) or
 * in the boot_params of the EFI handover. For Baton it is a bundle: the tree of an EFI system partition, used instead
 * of the partition that Baton was loaded from. Before ExitBootServices only.
 */
#ifndef EFI_INITRD_H
#define EFI_INITRD_H

#include "boot/cpio.h"
#include "efi/firmware.h"

/* archive->data NULL: the loader gave none, or (E02, E22, E29, E42, E50) one that is of no use. Its memory is kept. */
enum status MUST_CHECK initrd_find(struct cpio *archive, struct problem *problem);

#endif
