// SPDX-License-Identifier: MIT
#include "efi/secure.h"

#include "efi/firmware.h"
#include "efi/protocols.h"

/* A memory-mapped device path: firmware wants a name for an image that comes from a buffer (UEFI 2.10, 10.3.2.5). */
struct memory_path {
	uint8_t type, subtype;
	uint16_t length;
	uint32_t memory_type;
	uint64_t start, end;
	uint8_t end_type, end_subtype;
	uint16_t end_length;
} __attribute__((packed));

_Static_assert(sizeof(struct memory_path) == 28, "24 and the end node's 4");

enum status secure_check_kernel(const char *path, void *data, uint64_t bytes, struct problem *problem)
{
	struct memory_path from = {
		.type = 1, .subtype = 3, .length = 24, .memory_type = EfiLoaderData,
		.start = (uint64_t)data, .end = (uint64_t)data + bytes - 1,
		.end_type = 0x7f, .end_subtype = 0xff, .end_length = 4,
	};
	EFI_HANDLE handle = NULL;
	EFI_STATUS status;

	if (!firmware_secure_boot_on())
		return OK;
	status = firmware.boot->LoadImage(FALSE, firmware.image, (EFI_DEVICE_PATH *)&from, data, bytes, &handle);
	/* A security violation still leaves a loaded image behind (UEFI 2.10, 7.4.1). */
	if (handle)
		firmware.boot->UnloadImage(handle);
	if (status)
		return problem_set(problem, E_SECURE_BOOT, "%s: firmware does not accept its signature (%s)", path,
				   firmware_status_text(status));
	return OK;
}
