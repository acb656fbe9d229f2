// SPDX-License-Identifier: MIT
/*
 * When a loop ends before its last generation, or gives way to the entry's kernel for a while. Boss only.
 */
#ifndef KERNEL_LOOP_END_H
#define KERNEL_LOOP_END_H

#include "boot/boot_info.h"

/* Door 2, settings merged, previous_find() done, before anything is chosen to be loaded: hours are over, the power
 * button was pressed (then info->config.loop is 0 and loop_stop says why), or it is the entry's kernel's turn (loop is
 * 0, loop_left the rest, and the kernel's command line ends in baton.left= and baton.seed=). Ports only. */
void loop_end_decide(struct boot_info *info);

/* Finds the power button for loop_end_watch_button(), unless loop_end_decide() has looked for it. Under the loader's
 * page tables: Baton's own do not map a BIOS's RSDP at 0xe0000-0xfffff. */
void loop_end_find_button(const struct boot_info *info);

/* In each generation that another follows: lets the button's status be set, and switches ACPI mode on, without which
 * firmware keeps the button to itself. The first one says whether that works. */
void loop_end_watch_button(const struct boot_info *info);

#endif
