// SPDX-License-Identifier: MIT
#include "efi/program.h"

#include "boot/load.h"
#include "efi/memory.h"
#include "efi/print.h"
#include "efi/progress.h"
#include "efi/protocols.h"
#include "lib/fmt.h"
#include "lib/sha256.h"
#include "lib/string.h"

#define WATCHDOG_S		300	/* as firmware arms it before it starts a program itself (UEFI 2.10, 3.1.2) */
#define WATCHDOG_CODE		0x10000	/* the first that is not firmware's own (UEFI 2.10, 7.5.3) */
#define DEVICE_PATH_MAX		1024
#define NODE_END		0x7f
#define NODE_MEDIA		4
#define MEDIA_FILE_PATH		4

/* The device's path, then the file's as one node (UEFI 2.10, 10.3.5.4), then the end: 4 bytes each around it. */
static enum status make_path(EFI_HANDLE device, const char *path, uint8_t **out, struct problem *problem)
{
	const uint8_t *from;
	uint32_t at = 0, node;
	uint8_t *to;
	void *memory;

	if (firmware.boot->HandleProtocol(device, &guid_device_path, (void **)&from))
		return problem_set(problem, E_FIRMWARE, "%s: its device has no path", path);
	while (from[at] != NODE_END) {
		node = from[at + 2] | from[at + 3] << 8;
		if (node < 4 || at + node > DEVICE_PATH_MAX)
			return problem_set(problem, E_FIRMWARE, "%s: its device's path has no end", path);
		at += node;
	}
	if (memory_new(at + 4 + ENTRY_PATH_MAX * sizeof(CHAR16) + 4, &memory, problem))
		return problem->code;
	to = memory;
	memcpy(to, from, at);
	node = (utf8_to_ucs2((CHAR16 *)(to + at + 4), ENTRY_PATH_MAX, path) + 1) * (uint32_t)sizeof(CHAR16);
	for (uint32_t i = 0; i < node; i += sizeof(CHAR16))
		if (to[at + 4 + i] == '/' && !to[at + 5 + i])
			to[at + 4 + i] = '\\';
	node += 4;
	memcpy(to + at, (const uint8_t[]){ NODE_MEDIA, MEDIA_FILE_PATH, (uint8_t)node, (uint8_t)(node >> 8) }, 4);
	memcpy(to + at + node, (const uint8_t[]){ NODE_END, 0xff, 4, 0 }, 4);
	*out = to;
	return OK;
}

static enum status check_digest(const struct entry *entry, const void *data, uint64_t bytes, struct problem *problem)
{
	const uint8_t *wanted = entry_find_digest(entry, entry->efi_path);
	uint8_t found[SHA256_BYTES];

	if (!wanted)
		return OK;
	sha256_compute(found, data, bytes);
	if (memcmp(found, wanted, sizeof found) == 0)
		return OK;
	return load_refuse_digest(entry->efi_path, found, wanted, problem);
}

static enum status load_image(struct volume *volume, struct program *program, void *data, uint64_t bytes,
			      struct problem *problem)
{
	uint8_t *path = NULL;
	EFI_STATUS status;
	enum status error = make_path(volume->device, program->path, &path, problem);

	if (error)
		return error;
	status = firmware.boot->LoadImage(FALSE, firmware.image, (EFI_DEVICE_PATH *)path, data, bytes,
					  &program->handle);
	firmware.boot->FreePool(path);
	if (!status)
		return OK;
	/* A security violation still leaves a loaded image behind (UEFI 2.10, 7.4.1). */
	if (program->handle)
		firmware.boot->UnloadImage(program->handle);
	if (firmware_secure_boot_on() && (status == EFI_SECURITY_VIOLATION || status == EFI_ACCESS_DENIED))
		return problem_set(problem, E_SECURE_BOOT, "%s: firmware does not accept its signature (%s)",
				   program->path, firmware_status_text(status));
	return problem_set(problem, E_EFI_PROGRAM, "%s: firmware cannot load it: %s", program->path,
			   firmware_status_text(status));
}

/* LoadOptions: UCS-2 with its NUL, as loaders and programs expect it though no specification says so. */
static enum status set_options(struct program *program, const struct entry *entry, const char *append,
			       struct problem *problem)
{
	static char text[2 * CMDLINE_MAX];
	EFI_LOADED_IMAGE *loaded;
	void *memory;
	unsigned units;

	fmt_snprint(text, sizeof text, "%s%s%s", entry->options, entry->options[0] && append[0] ? " " : "", append);
	if (!text[0])
		return OK;
	if (firmware.boot->HandleProtocol(program->handle, &guid_loaded_image, (void **)&loaded))
		return problem_set(problem, E_FIRMWARE, "%s: no loaded image protocol", program->path);
	if (memory_new(sizeof text * sizeof(CHAR16), &memory, problem))
		return problem->code;
	program->options = memory;
	units = utf8_to_ucs2(program->options, sizeof text, text);
	loaded->LoadOptions = program->options;
	loaded->LoadOptionsSize = (units + 1) * (uint32_t)sizeof(CHAR16);
	return OK;
}

static void give_back(struct program *program)
{
	if (program->options)
		firmware.boot->FreePool(program->options);
	program->options = NULL;
}

enum status program_load(struct volume *volume, const struct entry *entry, const char *append, struct program *program,
			 struct problem *problem)
{
	uint64_t phys, bytes;
	enum status error;

	*program = (struct program){ .path = entry->efi_path };
	error = file_load(volume, entry->efi_path, &phys, &bytes, problem);
	progress_end();
	if (error)
		return error;
	error = check_digest(entry, (const void *)phys, bytes, problem);
	if (!error)
		error = load_image(volume, program, (void *)phys, bytes, problem);
	memory_release(phys, bytes);
	if (error)
		return error;
	error = set_options(program, entry, append, problem);
	if (error) {
		firmware.boot->UnloadImage(program->handle);
		give_back(program);
	}
	return error;
}

enum status program_start(struct program *program, struct problem *problem)
{
	CHAR16 *text = NULL;
	UINTN text_bytes = 0;
	EFI_STATUS status;

	firmware.boot->SetWatchdogTimer(WATCHDOG_S, WATCHDOG_CODE, 0, NULL);
	status = firmware.boot->StartImage(program->handle, &text_bytes, &text);
	firmware.boot->SetWatchdogTimer(0, 0, 0, NULL);
	if (text)
		firmware.boot->FreePool(text);
	give_back(program);
	print("%s ended: %s\n", program->path, status ? firmware_status_text(status) : "Success");
	if (status)
		return problem_set(problem, E_EFI_PROGRAM, "%s: ended with %s", program->path,
				   firmware_status_text(status));
	return OK;
}
