// SPDX-License-Identifier: MIT
/*
 * Hashing on firmware's other CPUs while the boss reads (PI 1.8, EFI_MP_SERVICES_PROTOCOL). They are started when
 * enough has been read to be worth it and are back in firmware's hands before ExitBootServices, which waits for them
 * without a deadline on EDK2 (protocol rule 23).
 */
#ifndef EFI_MP_H
#define EFI_MP_H

#include "boot/load.h"

/* For one load_entry(); mp_join() has to follow. Hashes on the boss alone where there is no second CPU, or where the
 * boss has SHA instructions and reading is the slower part. */
const struct hasher *mp_hasher(void);

/* Sends the CPUs back to firmware. E2: one did not come back within its deadline, boot services cannot be left. */
enum status MUST_CHECK mp_join(struct problem *problem);

#endif
