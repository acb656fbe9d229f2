// SPDX-License-Identifier: MIT
/*
 * Behind door 2, what the last start's refusal left in free memory (docs/report.md). Door 1 has efi/last.h, with a
 * variable and a menu; here it is told on the consoles, and the start goes on. Boss only, in this order.
 */
#ifndef KERNEL_OLD_REFUSAL_H
#define KERNEL_OLD_REFUSAL_H

#include "boot/boot_info.h"

/* Looks where kernel/ puts such a record: near the ends of free memory below 4 GiB. Not where a Baton's block is found
 * (previous_find()): then there was no reset. Reads only. Context: door 2, info->efi_map says what the loader placed,
 * as it did when the record got its place; nothing of ours is placed. */
void old_refusal_find(struct boot_info *info);

/* Says it, once there are consoles. */
void old_refusal_tell(void);

/* So that no later start tells it again: cleared, where memory is still free. On a machine with EFI it stays, since
 * firmware's next start makes a variable of it. Context: every CPU accounted for (protocol rule 9). */
void old_refusal_forget(const struct boot_info *info);

#endif
