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
	guid_partition_esp, guid_partition_xbootldr, guid_refusal, guid_load_file2, guid_linux_initrd,
	guid_tcg2, guid_linux_tpm_log, guid_tpm_final_events;

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

/* TCG EFI Protocol 1.00, 6. */
struct tcg2 {
	void *get_capability;
	EFI_STATUS (EFIAPI *get_event_log)(struct tcg2 *this, uint32_t format, uint64_t *log, uint64_t *last,
					   BOOLEAN *truncated);
	void *hash_log_extend_event, *submit_command, *get_active_banks, *set_active_banks, *get_result;
};

_Static_assert(sizeof(struct tcg2) == 7 * 8, "TCG ABI");

/* TCG EFI Protocol 1.00, 7: what was measured since somebody asked for the log, under guid_tpm_final_events. */
struct tpm_final_events { uint64_t version, count; uint8_t events[]; };

_Static_assert(sizeof(struct tpm_final_events) == 16, "TCG ABI");

/* Linux, drivers/firmware/efi: the table under guid_linux_tpm_log. */
struct linux_tpm_log {
	uint32_t size;
	uint32_t final_preboot;		/* bytes of the final events that are in this log already */
	uint8_t version;		/* 1: the old format, 2: crypto-agile */
	uint8_t log[];
} __attribute__((packed));

_Static_assert(sizeof(struct linux_tpm_log) == 9, "Linux ABI");

/* Linux, drivers/firmware/efi: the table under guid_linux_random_seed. */
struct linux_random_seed {
	uint32_t size;
	uint8_t bits[];
};

_Static_assert(sizeof(struct linux_random_seed) == 4, "Linux ABI");

#endif
