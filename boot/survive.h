// SPDX-License-Identifier: MIT
/*
 * What must survive until the next system has read it, by name: the tables that firmware and earlier loaders leave in
 * memory, wherever they put them (EDK2 keeps some in memory of boot services, which is anybody's afterwards), and what
 * the memory map keeps. Pure over what a reader shows; any context.
 */
#ifndef BOOT_SURVIVE_H
#define BOOT_SURVIVE_H

#include "boot/efimap.h"
#include "lib/acpi.h"

#define SURVIVORS_MAX 96

struct survivor {
	const char *what;
	uint64_t base, size;		/* bytes, > 0 */
	bool promised;			/* LINUX_EFI_MEMRESERVE promises it, so nobody else may have allocated it */
};

struct survivors {
	unsigned count;
	bool full;			/* there were more */
	struct survivor list[SURVIVORS_MAX];
};

/* Adds one; an empty range is none. */
void survive_add(struct survivors *s, const char *what, uint64_t base, uint64_t size);

/* EFI's configuration tables, as firmware_each_table() finds them: ESRT, memory attributes, TPM logs, RNG seed,
 * MEMRESERVE with its ranges, SMBIOS, ACPI's root, MOK variables and their list itself. What a table says about its
 * own size is not believed beyond SURVIVE_BYTES_MAX. (UEFI 2.10, 4.6, 23.4; Linux, drivers/firmware/efi.) */
#define SURVIVE_BYTES_MAX (16u << 20)
void survive_find_efi(struct survivors *s, const struct acpi_reader *reader, uint64_t systab, uint64_t tables);

/* What ACPI's tables point to: the TPM's event log (TPM2, TCPA), the mailbox of CPUs (MADT), the picture (BGRT). */
void survive_find_acpi(struct survivors *s, const struct acpi_reader *reader, uint64_t rsdp);

/* What of the promised ranges the map calls free is reserved. E50: the map is full. */
enum status survive_keep_promised(const struct survivors *s, struct efi_map *map, struct problem *problem) MUST_CHECK;

/* What a runtime map lists (Linux makes one for its kexec: firmware's own ranges, and tables in memory of boot services
 * that it keeps) is reserved where the map calls it free, by whole pages. Of more than SURVIVE_RUNTIME_PAGES nothing is
 * believed; a map of descriptors that are too short is none. E50. */
#define SURVIVE_RUNTIME_PAGES 0x100000u	/* 4 GiB */
enum status survive_keep_runtime(const struct efi_map *runtime, struct efi_map *map,
				 struct problem *problem) MUST_CHECK;

/* E52 unless all of [base, base + size) is memory that its present users give up after commit (boot services, a loader,
 * Baton itself, nobody) and no survivor lies there. Each conflict is a line of its own: each() gets all but the last,
 * which stays in *problem. each may be NULL. */
typedef void survive_fn(void *ctx, const struct problem *conflict);
enum status survive_check(const struct survivors *s, const struct efi_map *map, uint64_t base, uint64_t size,
			  const char *what, survive_fn *each, void *ctx, struct problem *problem) MUST_CHECK;

#endif
