// SPDX-License-Identifier: MIT
/*
 * The menu's pages of text: help and status. Each waits for a key.
 */
#ifndef EFI_PAGES_H
#define EFI_PAGES_H

#include "efi/menu.h"

void pages_help(void);
void pages_status(const struct menu *menu);

#endif
