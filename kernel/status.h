// SPDX-License-Identifier: MIT
/*
 * A loop's one line on the screen: drawn over itself by generation after generation, each of which starts afresh. What
 * it needs to know of the one before it comes with the loop's figures.
 */
#ifndef KERNEL_STATUS_H
#define KERNEL_STATUS_H

#include <stdint.h>

#include "boot/boot_info.h"
#include "purgatory/report.h"

/* Draws it, at most four times a second, and writes when into loop. Nothing without a framebuffer or while log lines
 * fill the screen. Context: boss, own tables. */
void status_show(const struct boot_info *info, struct report_loop *loop, uint64_t generation);

#endif
