// SPDX-License-Identifier: MIT
/*
 * What a door knows when it calls kernel_main(): filled by efi/ or kernel/door2.c, read by kernel/ and
 * never by anything below it. It lives in the image's .bss; every pointer in it is a physical address
 * (Baton runs identity mapped) of memory that the door allocated and that stays untouched until the jump.
 */
#ifndef BOOT_BOOT_INFO_H
#define BOOT_BOOT_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/config.h"
#include "boot/efimap.h"
#include "boot/segment.h"

enum door { DOOR_EFI, DOOR_HANDOVER, DOOR_LINUX64, DOOR_LINUX32, DOOR_LINUX16 };

/* Pixel order of the framebuffer, as GOP names it. */
enum pixel_format { PIXEL_RGBX, PIXEL_BGRX, PIXEL_MASK };

struct framebuffer {
	uint64_t base;			/* 0: there is none */
	uint64_t size;			/* bytes */
	uint32_t width, height;		/* pixels */
	uint32_t stride;		/* pixels per scan line */
	enum pixel_format format;
	uint32_t red_mask, green_mask, blue_mask, reserved_mask;	/* PIXEL_MASK only */
};

struct boot_info {
	enum door door;
	uint64_t image_base, image_size;	/* Baton itself, BSS included */
	uint64_t tsc_at_door, tsc_at_exit;	/* raw TSC: first instruction in C; ExitBootServices done */
	uint64_t tsc_hz_hint;			/* from firmware's Stall, 0: unknown */
	struct efi_map efi_map;			/* base 0: the door has none */
	uint64_t efi_systab;			/* physical, 0: none */
	bool efi_runtime_mapped;		/* SetVirtualAddressMap has been called by somebody */
	uint64_t rsdp;				/* 0: none */
	uint64_t smbios;			/* entry point, 0: none */
	struct framebuffer framebuffer;
	uint8_t secure_boot;			/* boot_params.secure_boot: 0 unset, 1 unknown, 2 disabled, 3 enabled */
	uint64_t low_page;			/* one page below 640 KiB for the trampoline, 0: find one */
	char smbios_vendor[64], smbios_product[64], smbios_bios[64];
	struct config config;			/* merged: files, entry, command line */
	struct boot_plan plan;			/* what to start: placed, read and hashed (boot/segment.h) */
};

#endif
