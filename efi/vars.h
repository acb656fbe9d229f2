// SPDX-License-Identifier: MIT
/*
 * EFI variables: the Boot Loader Interface (systemd's, so that bootctl and systemctl understand Baton), the
 * setup request and Secure Boot's state. Writes are best effort: a firmware that refuses one must still boot.
 * Before ExitBootServices only. Source of names and meanings: systemd.io/BOOT_LOADER_INTERFACE.
 */
#ifndef EFI_VARS_H
#define EFI_VARS_H

#include <stdbool.h>

#include "efi/firmware.h"

/* Volatile facts of this start: firmware, loader, our partition, features, time at the door. */
void vars_announce(void);

/* LoaderTimeMenuUSec, LoaderTimeExecUSec: now. */
void vars_set_time(const CHAR16 *name);

/* LoaderEntries: append one id at a time, then publish. Cut at an internal bound of 16 KiB. */
void vars_add_entry(const char *id);
void vars_publish_entries(void);

/* A UTF-8 text as UTF-16 variable of the loader interface; persistent: non-volatile. "" deletes it. False: the firmware
 * refused. */
bool vars_set_text(const CHAR16 *name, const char *text, bool persistent);

/* Reads one into text (size bytes, NUL terminated); false if absent or not text. */
bool vars_get_text(const CHAR16 *name, char *text, unsigned size);

/* Asks firmware to open its setup at the next start; false if it cannot do that. */
bool vars_request_setup(void);

/* boot_params.secure_boot: 1 unknown, 2 disabled, 3 enabled. */
uint8_t vars_secure_boot(void);

#endif
