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
#include "lib/engine.h"
#include "lib/range.h"

enum door { DOOR_EFI, DOOR_HANDOVER, DOOR_LINUX64, DOOR_LINUX32, DOOR_LINUX16 };

/* Pixel order of the framebuffer, as GOP names it. PIXEL_TEXT: a VGA text mode, width, height and stride in cells of 16
 * bits; for Baton's own lines only, the next kernel is told by screen_info. */
enum pixel_format { PIXEL_RGBX, PIXEL_BGRX, PIXEL_MASK, PIXEL_TEXT };

struct framebuffer {
	uint64_t base;			/* 0: there is none */
	uint64_t size;			/* bytes */
	uint32_t width, height;		/* pixels */
	uint32_t stride;		/* pixels per scan line */
	enum pixel_format format;
	uint32_t red_mask, green_mask, blue_mask, reserved_mask;	/* PIXEL_MASK only */
};

/* What EFI is to Baton and to the next kernel. */
enum efi_state {
	EFI_NONE,			/* the map is made from e820 */
	EFI_PHYSICAL,			/* the map is firmware's; no virtual addresses have been set */
	EFI_VIRTUAL,			/* a kernel before us set virtual addresses: runtime services are not ours to
					 * call. The map is made from e820; what that kernel left for the next one
					 * (efi_runtime, SETUP_EFI) is passed on */
};

#define BOOT_NOTES_MAX 6

struct boot_info {
	enum door door;
	uint64_t tsc_at_door, tsc_at_exit;	/* raw TSC: first instruction in C; ExitBootServices done */
	uint64_t tsc_hz_hint;			/* from firmware's Stall, 0: unknown */
	uint64_t started;			/* firmware's clock at the door (lib/date.h), 0: unknown */
	struct efi_map efi_map;			/* the memory map, also where it was made from e820 */
	enum efi_state efi;
	uint64_t efi_systab;			/* physical, 0: none */
	uint64_t efi_tables;			/* EFI_VIRTUAL: physical address of the configuration table; else 0 */
	struct efi_map efi_runtime;		/* EFI_VIRTUAL: what the kernel before us left, to be passed on */
	uint64_t rsdp;				/* 0: none */
	uint64_t smbios;			/* entry point, 0: none */
	struct framebuffer framebuffer;
	uint8_t secure_boot;			/* boot_params.secure_boot: 0 unset, 1 unknown, 2 disabled, 3 enabled */
	uint64_t low_page;			/* one page below 640 KiB for the trampoline, 0: find one */
	char smbios_vendor[64], smbios_product[64], smbios_bios[64];
	struct engines engines;			/* what hashes behind the door */
	struct config config;			/* merged: files, entry, command line */
	struct boot_plan plan;			/* what to start: placed, read and hashed (boot/segment.h) */
	struct boot_plan fallback;		/* on-failure fallback: loaded beside it, a Linux kernel, in place.
						 * segment_count 0: there is none */

	/* Door 2. Firmware's doors leave all of it zero. */
	struct problem refused;			/* why nothing can be started, code OK: something can */
	struct problem notes[BOOT_NOTES_MAX];	/* what a start can go on without, to be said */
	unsigned note_count;
	bool devices_unmapped;			/* the loader's page tables show memory only, no device registers */
	const struct range_list *readable;	/* ... and of that only this. NULL: everything is mapped */
	/* Reads and hashes what plan has placed; NULL: the door did. Context: boss, own tables, every CPU taken. */
	enum status (*finish_load)(struct boot_info *info, struct problem *problem);
	const uint8_t *found_params;		/* copy of the boot_params page, NULL: none */
	uint64_t loop_left;		/* generations to come after the entry's kernel, which starts now */
	uint32_t loop_stop;		/* enum report_stop */
	uint64_t found_setup_data;		/* checked list (boot/setup_data.h), 0: none */
};

#endif
