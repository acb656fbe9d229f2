// SPDX-License-Identifier: MIT
#include "efi/exit.h"

#include "efi/firmware.h"
#include "efi/memory.h"
#include "efi/print.h"
#include "kernel/kernel.h"
#include "x86/cpu.h"

#define MAP_GROWTH	64		/* descriptors: firmware's own growth, and kernel/'s reservations */
#define EXIT_TRIES	8
#define RESET_WAIT_US	10000000

/* The buffer outlives the jump: the next kernel reads the map where it is (EFI handover rule of boot_params). */
static enum status map_reserve(struct efi_map *map, struct problem *problem)
{
	struct place_request request = { .kind = PLACE_RESERVED, .align = 4096, .min = 1 << 20, .max = 1ull << 32 };
	UINTN size = 0, key, stride = 0;
	UINT32 version = 0;
	enum status error;

	if (firmware.boot->GetMemoryMap(&size, NULL, &key, &stride, &version) != EFI_BUFFER_TOO_SMALL ||
	    stride < sizeof(struct efi_descriptor) || version != EFI_MEMORY_DESCRIPTOR_VERSION)
		return problem_set(problem, E_MEMORY_MAP, "firmware's memory map: descriptor size %u, version %u",
				   (unsigned)stride, version);
	request.size = (size + MAP_GROWTH * stride + 4095) & ~4095ull;
	error = memory_place(&request, &map->base, problem);
	if (error)
		return error;
	map->capacity = (uint32_t)request.size;
	return OK;
}

/*
 * UEFI 2.10, 7.4.6: the key must be that of the last map. A failed call may have run the notifications and stopped
 * the timer, so after it only GetMemoryMap, into the same buffer, and ExitBootServices are called.
 */
static EFI_STATUS leave_firmware(struct efi_map *map)
{
	EFI_STATUS status = EFI_NOT_READY;
	unsigned tries;

	for (tries = 0; tries < EXIT_TRIES; tries++) {
		UINTN size = map->capacity, key = 0, stride = 0;
		UINT32 version = 0;

		status = firmware.boot->GetMemoryMap(&size, (EFI_MEMORY_DESCRIPTOR *)map->base, &key, &stride,
						     &version);
		if (status)
			break;
		map->size = (uint32_t)size;
		map->descriptor_size = (uint32_t)stride;
		map->descriptor_version = version;
		status = firmware.boot->ExitBootServices(firmware.image, key);
		if (status != EFI_INVALID_PARAMETER)
			break;
	}
	return status;
}

/* Half of firmware is gone: say it where firmware still may listen, wait so that it can be read, reset. */
static _Noreturn void give_up(EFI_STATUS status)
{
	struct problem problem = { .code = OK };
	uint64_t start = firmware_now_us();

	problem_set(&problem, E_EXIT_BOOT_SERVICES, "ExitBootServices: %s; resetting in 10 s",
		    firmware_status_text(status));
	print_problem(&problem);
	while (firmware_now_us() - start < RESET_WAIT_US)
		cpu_relax();
	firmware.runtime->ResetSystem(EfiResetCold, EFI_SUCCESS, 0, NULL);
	for (;;)
		cpu_hlt();
}

enum status exit_to_kernel(struct boot_info *info, struct problem *problem)
{
	EFI_STATUS status;
	enum status error;

	info->door = firmware.door;
	info->engines = firmware.engines;
	info->efi = EFI_PHYSICAL;
	info->tsc_at_door = firmware.tsc_at_door;
	info->tsc_hz_hint = firmware.tsc_hz;
	info->started = firmware.clock;
	error = map_reserve(&info->efi_map, problem);
	if (error)
		return error;
	info->low_page = memory_take_low_page();
	status = leave_firmware(&info->efi_map);
	if (status)
		give_up(status);
	cpu_irq_off();
	info->tsc_at_exit = cpu_rdtsc();
	kernel_main(info);
}
