// SPDX-License-Identifier: MIT
#include "efi/vars.h"

#include "efi/print.h"
#include "efi/protocols.h"
#include "efi/volume.h"
#include "gen/identity.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define VOLATILE_ACCESS	(EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS)
#define TEXT_UNITS	512
#define ENTRIES_UNITS	8192
#define OS_INDICATION_SETUP 1ull

/* LoaderFeatures: 2 default, 3 one-shot entry, 4 counting, 5 XBOOTLDR,
 * 8 sort-key, 9 saved. Only what Baton does. */
#define FEATURES ((1ull << 2) | (1ull << 3) | (1ull << 4) | (1ull << 5) | (1ull << 8) | (1ull << 9))

static CHAR16 entries[ENTRIES_UNITS];
static unsigned entries_units;

static bool set_raw(const CHAR16 *name, const void *data, UINTN bytes, bool persistent)
{
	return !firmware.runtime->SetVariable((CHAR16 *)name, &guid_loader_interface,
					      VOLATILE_ACCESS | (persistent ? EFI_VARIABLE_NON_VOLATILE : 0),
					      bytes, (void *)data);
}

bool vars_set_text(const CHAR16 *name, const char *text, bool persistent)
{
	CHAR16 value[TEXT_UNITS];
	unsigned units = utf8_to_ucs2(value, TEXT_UNITS, text);

	return set_raw(name, value, units ? (units + 1) * sizeof *value : 0, persistent);
}

bool vars_get_text(const CHAR16 *name, char *text, unsigned size)
{
	CHAR16 value[TEXT_UNITS];
	UINTN bytes = sizeof value;

	if (firmware.runtime->GetVariable((CHAR16 *)name, &guid_loader_interface, NULL, &bytes, value) ||
	    bytes % sizeof *value)
		return false;
	return ucs2_to_utf8(text, size, value, (unsigned)(bytes / sizeof *value)) > 0;
}

void vars_set_time(const CHAR16 *name)
{
	char text[24];

	fmt_snprint(text, sizeof text, "%llu", (unsigned long long)firmware_now_us());
	vars_set_text(name, text, false);
}

void vars_add_entry(const char *id)
{
	unsigned room = ENTRIES_UNITS - entries_units;

	if (strlen(id) + 1 < room)
		entries_units += utf8_to_ucs2(entries + entries_units, room, id) + 1;
}

void vars_publish_entries(void)
{
	set_raw(L"LoaderEntries", entries, entries_units * sizeof *entries, false);
}

/* The unique GUID of the GPT partition we were started from. */
static void announce_partition(void)
{
	struct partition partition;
	char text[40];
	EFI_GUID g;

	if (!volume_find_partition(firmware.loaded->DeviceHandle, &partition))
		return;
	g = partition.unique;
	fmt_snprint(text, sizeof text, "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", g.Data1, g.Data2, g.Data3,
		    g.Data4[0], g.Data4[1], g.Data4[2], g.Data4[3], g.Data4[4], g.Data4[5], g.Data4[6], g.Data4[7]);
	vars_set_text(L"LoaderDevicePartUUID", text, false);
}

void vars_announce(void)
{
	EFI_SYSTEM_TABLE *table = firmware.table;
	uint64_t features = FEATURES;
	char vendor[64], text[128];

	vars_set_time(L"LoaderTimeInitUSec");
	vars_set_text(L"LoaderInfo", "baton " BATON_VERSION, false);
	ucs2_to_utf8(vendor, sizeof vendor, table->FirmwareVendor, table->FirmwareVendor ? sizeof vendor : 0);
	fmt_snprint(text, sizeof text, "%s %u.%02u", vendor, table->FirmwareRevision >> 16,
		    table->FirmwareRevision & 0xffff);
	vars_set_text(L"LoaderFirmwareInfo", text, false);
	fmt_snprint(text, sizeof text, "UEFI %u.%02u", table->Hdr.Revision >> 16, table->Hdr.Revision & 0xffff);
	vars_set_text(L"LoaderFirmwareType", text, false);
	set_raw(L"LoaderFeatures", &features, sizeof features, false);
	announce_partition();
}

bool vars_request_setup(void)
{
	uint64_t supported = 0, wanted = 0;
	UINTN bytes = sizeof supported;

	if (firmware.runtime->GetVariable(L"OsIndicationsSupported", &guid_global_variable, NULL, &bytes, &supported) ||
	    bytes != sizeof supported || !(supported & OS_INDICATION_SETUP))
		return false;
	bytes = sizeof wanted;
	if (firmware.runtime->GetVariable(L"OsIndications", &guid_global_variable, NULL, &bytes, &wanted))
		wanted = 0;
	wanted |= OS_INDICATION_SETUP;
	return !firmware.runtime->SetVariable(L"OsIndications", &guid_global_variable,
					      VOLATILE_ACCESS | EFI_VARIABLE_NON_VOLATILE, sizeof wanted, &wanted);
}

static EFI_STATUS get_byte(const CHAR16 *name, EFI_GUID *vendor, uint8_t *value, UINT32 *attributes)
{
	UINTN bytes = sizeof *value;

	return firmware.runtime->GetVariable((CHAR16 *)name, vendor, attributes, &bytes, value);
}

/* The same questions in the same order as Linux's efi_get_secureboot(): shim's switch counts only when it is
 * volatile, since a persistent one could have been written by anybody. */
uint8_t vars_secure_boot(void)
{
	uint8_t secure = 0, setup = 0, mok = 0;
	UINT32 attributes = 0;
	EFI_STATUS status = get_byte(L"SecureBoot", &guid_global_variable, &secure, NULL);

	if (status == EFI_NOT_FOUND)
		return 2;
	if (status || get_byte(L"SetupMode", &guid_global_variable, &setup, NULL))
		return 1;
	if (secure == 0 || setup == 1)
		return 2;
	if (get_byte(L"MokSBStateRT", &guid_shim, &mok, &attributes) ||
	    (attributes & EFI_VARIABLE_NON_VOLATILE))
		return 3;
	return mok == 1 ? 2 : 3;
}
