// SPDX-License-Identifier: MIT
/*
 * Partitions: which one we came from, and the extended boot loader partition of the same disk.
 * Before ExitBootServices only.
 */
#ifndef EFI_VOLUME_H
#define EFI_VOLUME_H

#include <stdbool.h>

#include "efi/firmware.h"

/* A partition as its device path describes it. */
struct partition {
	const uint8_t *path;		/* device path of the handle */
	uint32_t disk_bytes;		/* of it, the nodes before the partition: the disk */
	EFI_GUID unique;		/* GPT's unique GUID */
};

/* False: device has no device path, or it is no GPT partition. */
bool volume_find_partition(EFI_HANDLE device, struct partition *partition);

/* The handle of the XBOOTLDR file system on the disk that own is on, NULL: there is none. */
EFI_HANDLE volume_find_xbootldr(EFI_HANDLE own);

#endif
