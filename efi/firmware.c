// SPDX-License-Identifier: MIT
#include "efi/firmware.h"

#include "lib/date.h"
#include "lib/string.h"
#include "x86/cpu.h"

#define TSC_STALL_US 2000

struct firmware firmware;

bool guid_equal(const EFI_GUID *a, const EFI_GUID *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

const char *firmware_status_text(EFI_STATUS status)
{
	switch (status) {
	case EFI_SUCCESS: return "success";
	case EFI_LOAD_ERROR: return "load error";
	case EFI_INVALID_PARAMETER: return "invalid parameter";
	case EFI_UNSUPPORTED: return "unsupported";
	case EFI_BAD_BUFFER_SIZE: return "bad buffer size";
	case EFI_BUFFER_TOO_SMALL: return "buffer too small";
	case EFI_NOT_READY: return "not ready";
	case EFI_DEVICE_ERROR: return "device error";
	case EFI_WRITE_PROTECTED: return "write protected";
	case EFI_OUT_OF_RESOURCES: return "out of resources";
	case EFI_VOLUME_CORRUPTED: return "volume corrupted";
	case EFI_VOLUME_FULL: return "volume full";
	case EFI_NO_MEDIA: return "no media";
	case EFI_MEDIA_CHANGED: return "media changed";
	case EFI_NOT_FOUND: return "not found";
	case EFI_ACCESS_DENIED: return "access denied";
	case EFI_TIMEOUT: return "timeout";
	case EFI_SECURITY_VIOLATION: return "security violation";
	default: return "firmware error";
	}
}

void *firmware_find_table(const EFI_GUID *guid)
{
	UINTN i;

	for (i = 0; i < firmware.table->NumberOfTableEntries; i++)
		if (guid_equal(&firmware.table->ConfigurationTable[i].VendorGuid, guid))
			return firmware.table->ConfigurationTable[i].VendorTable;
	return NULL;
}

void firmware_measure_tsc(void)
{
	uint64_t start = cpu_rdtsc();

	firmware.boot->Stall(TSC_STALL_US);
	firmware.tsc_hz = (cpu_rdtsc() - start) * (1000000 / TSC_STALL_US);
}

uint64_t firmware_us(uint64_t tsc)
{
	uint64_t hz = firmware.tsc_hz;

	if (!hz)
		return 0;
	return tsc / hz * 1000000 + tsc % hz * 1000000 / hz;
}

uint64_t firmware_now_us(void)
{
	return firmware_us(cpu_rdtsc());
}

uint64_t firmware_now_ms(void)
{
	return firmware_now_us() / 1000;
}

uint64_t firmware_clock(void)
{
	EFI_TIME now;

	if (firmware.runtime->GetTime(&now, NULL))
		return 0;
	return date_to_seconds(&(struct date){ now.Year, now.Month, now.Day, now.Hour, now.Minute, now.Second });
}
