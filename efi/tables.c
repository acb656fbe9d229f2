// SPDX-License-Identifier: MIT
#include "efi/tables.h"

#include "efi/firmware.h"
#include "efi/protocols.h"
#include "lib/fmt.h"
#include "lib/smbios.h"
#include "lib/string.h"

#define SEED_BYTES	32
#define SEED_OLD_MAX	480	/* Linux's stub takes 512 bytes in all */

static void collect_smbios(struct boot_info *info)
{
	void *entry = firmware_find_table(&guid_smbios3);
	struct smbios_names names;
	uint64_t table;
	uint32_t bytes;

	if (!entry)
		entry = firmware_find_table(&guid_smbios);
	if (!entry || smbios_parse_entry(entry, &table, &bytes))
		return;
	info->smbios = (uint64_t)entry;
	smbios_read_names((const void *)table, bytes, &names);
	fmt_snprint(info->smbios_vendor, sizeof info->smbios_vendor, "%s", names.vendor);
	fmt_snprint(info->smbios_product, sizeof info->smbios_product, "%s", names.product);
	fmt_snprint(info->smbios_bios, sizeof info->smbios_bios, "%s", names.bios);
}

/* Only modes with a linear framebuffer whose lines fit into what firmware says its size is. */
static bool take_mode(struct framebuffer *to, const EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE *mode)
{
	const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info;

	if (!mode || !mode->Info || !mode->FrameBufferBase)
		return false;
	info = mode->Info;
	if (info->PixelFormat > PixelBitMask || info->PixelsPerScanLine < info->HorizontalResolution ||
	    !info->HorizontalResolution || !info->VerticalResolution ||
	    (uint64_t)info->PixelsPerScanLine * info->VerticalResolution > mode->FrameBufferSize / 4)
		return false;
	*to = (struct framebuffer){
		.base = mode->FrameBufferBase, .size = mode->FrameBufferSize,
		.width = info->HorizontalResolution, .height = info->VerticalResolution,
		.stride = info->PixelsPerScanLine,
		.format = info->PixelFormat == PixelBitMask ? PIXEL_MASK :
			  info->PixelFormat == PixelBlueGreenRedReserved8BitPerColor ? PIXEL_BGRX : PIXEL_RGBX,
		.red_mask = info->PixelInformation.RedMask, .green_mask = info->PixelInformation.GreenMask,
		.blue_mask = info->PixelInformation.BlueMask, .reserved_mask = info->PixelInformation.ReservedMask,
	};
	return true;
}

/* The handle that also carries the text console is the screen somebody looks at; else the first usable one. */
static void collect_framebuffer(struct boot_info *info)
{
	EFI_GRAPHICS_OUTPUT_PROTOCOL *gop;
	EFI_HANDLE *handles = NULL;
	UINTN count = 0, i;

	if (!firmware.boot->HandleProtocol(firmware.table->ConsoleOutHandle, &guid_graphics_output, (void **)&gop) &&
	    take_mode(&info->framebuffer, gop->Mode))
		return;
	if (firmware.boot->LocateHandleBuffer(ByProtocol, &guid_graphics_output, NULL, &count, &handles))
		return;
	for (i = 0; i < count; i++)
		if (!firmware.boot->HandleProtocol(handles[i], &guid_graphics_output, (void **)&gop) &&
		    take_mode(&info->framebuffer, gop->Mode))
			break;
	firmware.boot->FreePool(handles);
}

void tables_collect(struct boot_info *info)
{
	void *rsdp = firmware_find_table(&guid_acpi2);

	if (!rsdp)
		rsdp = firmware_find_table(&guid_acpi1);
	info->rsdp = (uint64_t)rsdp;
	info->efi_systab = (uint64_t)firmware.table;
	info->secure_boot = firmware.secure_boot;
	collect_smbios(info);
	collect_framebuffer(info);
}

void tables_install_seed(void)
{
	struct linux_random_seed *old = firmware_find_table(&guid_linux_random_seed), *seed;
	uint32_t old_bytes = old && old->size <= SEED_OLD_MAX ? old->size : 0;
	EFI_RNG_PROTOCOL *rng;

	if (firmware.boot->LocateProtocol(&guid_rng, NULL, (void **)&rng) ||
	    firmware.boot->AllocatePool(EfiACPIReclaimMemory, sizeof *seed + SEED_BYTES + SEED_OLD_MAX,
					(void **)&seed))
		return;
	if (rng->GetRNG(rng, NULL, SEED_BYTES, seed->bits)) {
		firmware.boot->FreePool(seed);
		return;
	}
	seed->size = SEED_BYTES + old_bytes;
	if (old_bytes)
		memcpy(seed->bits + SEED_BYTES, old->bits, old_bytes);
	if (firmware.boot->InstallConfigurationTable(&guid_linux_random_seed, seed)) {
		memset(seed, 0, sizeof *seed + seed->size);
		firmware.boot->FreePool(seed);
		return;
	}
	/* Who reads the old copy later could predict half of the new pool. */
	if (old_bytes) {
		memset(old->bits, 0, old_bytes);
		old->size = 0;
	}
}
