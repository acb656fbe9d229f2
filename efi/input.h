// SPDX-License-Identifier: MIT
/*
 * Keys of firmware's console, screen keyboard and serial alike. Before ExitBootServices only.
 */
#ifndef EFI_INPUT_H
#define EFI_INPUT_H

#include <stdbool.h>
#include <stdint.h>

struct key { uint16_t scan, character; };	/* one of them 0; SCAN_* of eficon.h */

#define INPUT_FOREVER 0xffffffffu

/* Waits up to wait_ms for a key. False: none came. */
bool input_wait(struct key *key, uint32_t wait_ms);

/*
 * Edits text in one row of the screen. True: Enter. False: Esc, text is as it was typed so far. Long text scrolls
 * sideways. Ctrl-A, -E, -U, -K as in a shell.
 */
bool input_edit(char *text, unsigned size);

#endif
