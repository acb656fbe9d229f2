// SPDX-License-Identifier: MIT
/*
 * An EFI program for the tests: installs what OVMF does not have and real firmware or an earlier Linux may leave, an ESRT
 * with one entry and a LINUX_EFI_MEMRESERVE table that promises a range of free memory, filled with one byte, and ends.
 * (UEFI 2.10, 23.4; Linux, include/linux/efi.h.)
 */
#include <efi.h>

#include "lib/fmt.h"

#define RANGE		0x2000000ull	/* in the middle of where a kernel goes */
#define RANGE_PAGES	4u
#define FILL		0xb5

struct esrt {
	UINT32 count, most;
	UINT64 version;
	EFI_GUID firmware;
	UINT32 type, firmware_version, lowest_version, capsule_flags, last_version, last_status;
};

struct memreserve {
	UINT32 room, count;
	UINT64 next, base, size;
};

_Static_assert(sizeof(struct esrt) == 16 + 40 && sizeof(struct memreserve) == 32, "as Linux reads them");

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

static EFI_SYSTEM_TABLE *table;

static void say(const char *format, UINT64 value)
{
	CHAR16 wide[80];
	char text[80];
	unsigned i = 0;

	fmt_snprint(text, sizeof(text), format, (unsigned long long)value);
	for (; text[i]; i++)
		wide[i] = (CHAR16)text[i];
	wide[i] = 0;
	table->ConOut->OutputString(table->ConOut, wide);
}

static EFI_STATUS install_esrt(void)
{
	static const EFI_GUID guid = { 0xb122a263, 0x3661, 0x4f68, { 0x99, 0x29, 0x78, 0xf8, 0xb0, 0xd6, 0x21, 0x80 } };
	EFI_PHYSICAL_ADDRESS at = 0;
	EFI_STATUS status = table->BootServices->AllocatePages(AllocateAnyPages, EfiBootServicesData, 1, &at);

	if (status)
		return status;
	*(struct esrt *)at = (struct esrt){ 1, 1, 1, { 0xba70ba70, 1, 2, { 3 } }, 1, 7, 5, 0, 6, 0 };
	say("tables: esrt=0x%llx\r\n", at);
	return table->BootServices->InstallConfigurationTable((EFI_GUID *)&guid, (void *)at);
}

static EFI_STATUS install_memreserve(void)
{
	static const EFI_GUID guid = { 0x888eb0c6, 0x8ede, 0x4ff5, { 0xa8, 0xf0, 0x9a, 0xee, 0x5c, 0xb9, 0x77, 0xc2 } };
	EFI_BOOT_SERVICES *boot = table->BootServices;
	EFI_PHYSICAL_ADDRESS at = 0, range = RANGE;
	EFI_STATUS status = boot->AllocatePages(AllocateAnyPages, EfiLoaderData, 1, &at);

	if (!status)
		status = boot->AllocatePages(AllocateAddress, EfiLoaderData, RANGE_PAGES, &range);
	if (status)
		return status;
	/* Filled when it is free: some firmware fills what is given back. */
	boot->FreePages(range, RANGE_PAGES);
	boot->SetMem((void *)range, RANGE_PAGES * EFI_PAGE_SIZE, FILL);
	*(struct memreserve *)at = (struct memreserve){ 1, 1, 0, range, RANGE_PAGES * EFI_PAGE_SIZE };
	say("tables: memreserve=0x%llx\r\n", at);
	return boot->InstallConfigurationTable((EFI_GUID *)&guid, (void *)at);
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
	EFI_STATUS status;

	(void)image;
	table = system;
	status = install_esrt();
	if (!status)
		status = install_memreserve();
	say("tables: status=0x%llx\r\n", status);
	return status;
}
