// SPDX-License-Identifier: MIT
#include "efi/initrd.h"

#include "boot/load.h"
#include "boot/params_in.h"
#include "efi/memory.h"
#include "efi/protocols.h"
#include "lib/string.h"

#define NODE_MEDIA	4
#define MEDIA_VENDOR	3
#define NODE_END	0x7f

/* UEFI 2.10, 10.3.5.3 and 10.3.1: a vendor's media node, then the end. */
struct initrd_path {
	uint8_t type, subtype;
	uint16_t length;
	EFI_GUID vendor;
	uint8_t end[4];
} __attribute__((packed));

_Static_assert(sizeof(struct initrd_path) == 24, "UEFI ABI");

static struct initrd_path initrd_path = { NODE_MEDIA, MEDIA_VENDOR, 20, { 0, 0, 0, { 0 } }, { NODE_END, 0xff, 4, 0 } };

static enum status take_file(struct load_file2 *loader, const void *rest, struct cpio *archive,
			     struct problem *problem)
{
	struct place_request request = { .kind = PLACE_INITRD, .align = 4096, .min = 1 << 20, .max = 1ull << 46 };
	UINTN bytes = 0;
	EFI_STATUS status = loader->load_file(loader, rest, FALSE, &bytes, NULL);
	uint64_t phys;
	enum status error;

	if (status == EFI_NOT_FOUND)
		return OK;
	if (status != EFI_BUFFER_TOO_SMALL)
		return problem_set(problem, E_FIRMWARE, "initrd: LoadFile2: %s", firmware_status_text(status));
	if (!bytes || bytes > LOAD_INITRD_BYTES_MAX)
		return problem_set(problem, E_FILE_SIZE, "initrd: %llu bytes", (unsigned long long)bytes);
	request.size = bytes;
	error = memory_place(&request, &phys, problem);
	if (error)
		return error;
	status = loader->load_file(loader, rest, FALSE, &bytes, (void *)phys);
	if (status) {
		memory_release(phys, request.size);
		return problem_set(problem, E_FIRMWARE, "initrd: LoadFile2: %s", firmware_status_text(status));
	}
	*archive = (struct cpio){ (const uint8_t *)phys, bytes };
	return OK;
}

static enum status find(struct cpio *archive, struct problem *problem)
{
	EFI_DEVICE_PATH *path = (EFI_DEVICE_PATH *)&initrd_path;
	struct load_file2 *loader;
	struct params_in in;
	EFI_HANDLE handle;
	enum status error;

	if (firmware.params) {
		error = params_parse(firmware.params, &in, problem);
		if (error)
			return error;
		*archive = (struct cpio){ (const uint8_t *)in.initrd, in.initrd_size };
		if (in.initrd_size)
			return OK;
	}
	archive->data = NULL;
	initrd_path.vendor = guid_linux_initrd;
	if (firmware.boot->LocateDevicePath(&guid_load_file2, &path, &handle) ||
	    firmware.boot->HandleProtocol(handle, &guid_load_file2, (void **)&loader))
		return OK;
	return take_file(loader, path, archive, problem);
}

enum status initrd_find(struct cpio *archive, struct problem *problem)
{
	enum status error = find(archive, problem);

	if (!error && archive->data)
		error = cpio_check(archive, problem);
	if (error)
		archive->data = NULL;
	return error;
}
