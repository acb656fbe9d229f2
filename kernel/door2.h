// SPDX-License-Identifier: MIT
/*
 * Door 2: Linux's boot protocol. Between door2.c (its story), door2_memory.c, door2_firmware.c and bundle.c only.
 *
 * All of it runs on the loader's page tables, on the stack in .bss and without an IDT: an exception is the end, so no
 * address of the loader's is followed before door2_readable() says so. Other CPUs may still wait in the old kernel's
 * memory, so nothing is written but .bss, the digest table and the place for firmware's map (protocol rule 9).
 */
#ifndef KERNEL_DOOR2_H
#define KERNEL_DOOR2_H

#include "boot/boot_info.h"
#include "boot/params_in.h"
#include "boot/setup_data.h"
#include "lib/acpi.h"
#include "lib/range.h"

#define DOOR2_READABLE_MAX	64
#define DOOR2_E820_MAX		1024
#define DOOR2_CMDLINE_MAX	2048	/* what our setup header allows, NUL included */

/* efi_setup_data, the payload of SETUP_EFI: physical addresses. */
struct door2_setup_efi {
	uint64_t fw_vendor, runtime, tables, smbios, reserved[8];
};

struct door2 {
	struct boot_info *info;
	struct params_in in;
	struct range ranges[DOOR2_READABLE_MAX];
	struct range_list readable;
	struct e820_entry e820[DOOR2_E820_MAX];
	unsigned e820_count;
	bool has_setup_efi;
	struct door2_setup_efi setup_efi;
	char cmdline[DOOR2_CMDLINE_MAX];
};

/* There is memory at [base, base + size), and the loader's page tables show it at its own address. */
bool door2_readable(const struct door2 *d, uint64_t base, uint64_t size);

/* For what walks tables: shows what door2_readable() allows. */
struct acpi_reader door2_reader(struct door2 *d);

/* Keeps a problem that a start can go on without, until there is a console. */
void door2_note(struct boot_info *info, const struct problem *problem);

/* Finds out what is readable. First. E51: the loader's page tables make no sense. */
enum status MUST_CHECK door2_find_readable(struct door2 *d, struct problem *problem);

/* Checks the setup_data list, builds info->efi_map and marks in it what is in use: Baton, the bundle, the list, the
 * loader's page tables; finds the page for starting CPUs. E41, E42, E50, E51, E52. */
enum status MUST_CHECK door2_build_map(struct door2 *d, struct problem *problem);

/* Fills rsdp and the SMBIOS names. What is missing stays empty. */
void door2_find_tables(struct door2 *d);

/* Settings and the entry to start out of the bundle, its files placed. config has the settings of the files even if
 * it fails later. E29, E30: the bundle; E10, E13, E14: no entry; E2x, E5x: as load_place(). */
enum status MUST_CHECK door2_open_bundle(struct door2 *d, struct problem *problem);

#endif
