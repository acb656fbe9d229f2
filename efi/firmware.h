// SPDX-License-Identifier: MIT
/*
 * What firmware handed to efi_main(), for every file of efi/. Written once at the top of efi_main(), read only
 * after that. Nothing in efi/ may be called after ExitBootServices except the tail of exit.c.
 */
#ifndef EFI_FIRMWARE_H
#define EFI_FIRMWARE_H

#include <stdbool.h>
#include <stdint.h>

#include <efi.h>

#include "boot/boot_info.h"

struct firmware {
	EFI_HANDLE image;
	EFI_SYSTEM_TABLE *table;
	EFI_BOOT_SERVICES *boot;
	EFI_RUNTIME_SERVICES *runtime;
	enum door door;			/* DOOR_EFI or DOOR_HANDOVER */
	EFI_LOADED_IMAGE *loaded;	/* DOOR_EFI: our own image; DOOR_HANDOVER: the loader's, for its device */
	const uint8_t *params;		/* DOOR_HANDOVER: the loader's boot_params, else NULL */
	uint64_t tsc_at_door;		/* raw */
	uint64_t tsc_hz;		/* measured against Stall(), 0: not possible */
	uint64_t clock;			/* firmware's clock at the door (lib/date.h), 0: unknown */
	struct engines engines;		/* what hashes here */
	uint8_t secure_boot;		/* boot_params.secure_boot: 1 unknown, 2 disabled, 3 enabled */
};

extern struct firmware firmware;

/* Secure Boot is on, or may be: its variables could not be read. */
static inline bool firmware_secure_boot_on(void)
{
	return firmware.secure_boot != 2;
}

/* Short text of a firmware status, for messages. */
const char *firmware_status_text(EFI_STATUS status);

/* The vendor table of a GUID in the configuration table, NULL if there is none. */
void *firmware_find_table(const EFI_GUID *guid);

bool guid_equal(const EFI_GUID *a, const EFI_GUID *b);

/* Microseconds since reset as the TSC counts them, 0 while its rate is unknown. */
uint64_t firmware_us(uint64_t tsc);
uint64_t firmware_now_us(void);

/* The same in milliseconds. */
uint64_t firmware_now_ms(void);

/* Firmware's clock as seconds since 1970 (lib/date.h), 0: there is none, or it makes no sense. */
uint64_t firmware_clock(void);

/* Measures firmware.tsc_hz with a stall of 2 ms: good enough for rates and a menu's clock. */
void firmware_measure_tsc(void);

#endif
