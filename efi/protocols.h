// SPDX-License-Identifier: MIT
/*
 * GUIDs and protocols of the UEFI specification (2.10), the PI specification (1.8) and Linux's boot interface
 * that the gnu-efi headers lack or spell differently.
 */
#ifndef EFI_PROTOCOLS_H
#define EFI_PROTOCOLS_H

#include <stddef.h>
#include <stdint.h>

#include <efi.h>
#include <efigpt.h>

extern EFI_GUID guid_loaded_image, guid_device_path, guid_file_system, guid_file_info, guid_block_io,
	guid_graphics_output, guid_rng, guid_partition_info, guid_mp_services, guid_global_variable, guid_shim,
	guid_loader_interface, guid_acpi1, guid_acpi2, guid_smbios, guid_smbios3, guid_linux_random_seed,
	guid_partition_esp, guid_partition_xbootldr, guid_refusal, guid_load_file2, guid_linux_initrd;

/* UEFI 2.10, 13.18 EFI_PARTITION_INFO_PROTOCOL. Packed by the specification. */
struct partition_info {
	uint32_t revision;
	uint32_t type;			/* 0 other, 1 MBR, 2 GPT */
	uint8_t system;			/* 1: EFI system partition */
	uint8_t reserved[7];
	EFI_PARTITION_ENTRY gpt;	/* if type is 2 */
} __attribute__((packed));
#define PARTITION_INFO_GPT 2

_Static_assert(offsetof(struct partition_info, gpt) == 16, "UEFI ABI");
_Static_assert(sizeof(struct partition_info) == 144, "UEFI ABI");

/* PI 1.8, volume 2, 13.4 EFI_MP_SERVICES_PROTOCOL. */
typedef void (EFIAPI *mp_procedure)(void *argument);
struct mp_services {
	EFI_STATUS (EFIAPI *get_number_of_processors)(struct mp_services *this, UINTN *total, UINTN *enabled);
	void *get_processor_info;
	EFI_STATUS (EFIAPI *startup_all_aps)(struct mp_services *this, mp_procedure procedure, BOOLEAN single_thread,
					     EFI_EVENT event, UINTN timeout_us, void *argument, UINTN **failed);
	void *startup_this_ap, *switch_bsp, *enable_disable_ap, *who_am_i;
};

_Static_assert(sizeof(struct mp_services) == 7 * 8, "PI ABI");

/* UEFI 2.10, 13.2 EFI_LOAD_FILE2_PROTOCOL. */
struct load_file2 {
	EFI_STATUS (EFIAPI *load_file)(struct load_file2 *this, const void *path, BOOLEAN boot_policy, UINTN *bytes,
				       void *buffer);
};

_Static_assert(sizeof(struct load_file2) == 8, "UEFI ABI");

/* Linux, drivers/firmware/efi: the table under guid_linux_random_seed. */
struct linux_random_seed {
	uint32_t size;
	uint8_t bits[];
};

_Static_assert(sizeof(struct linux_random_seed) == 4, "Linux ABI");

#endif
