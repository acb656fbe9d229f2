// SPDX-License-Identifier: MIT
#include "efi/file.h"

#include "efi/memory.h"
#include "efi/print.h"
#include "efi/progress.h"
#include "efi/protocols.h"
#include "efi/secure.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define PATH_UNITS	256
#define INFO_BYTES	1024	/* EFI_FILE_INFO with the longest FAT name: 80 + 2 * 256 */

/* '/' to '\', doubled separators dropped. E20 if it is too long to exist. */
static enum status path_convert(CHAR16 *to, const char *path, struct problem *problem)
{
	unsigned units = utf8_to_ucs2(to, PATH_UNITS, path), i, n = 0;

	if (strlen(path) >= PATH_UNITS)
		return problem_set(problem, E_FILE_MISSING, "%.60s...: path too long", path);
	for (i = 0; i < units; i++) {
		CHAR16 c = to[i] == '/' ? '\\' : to[i];

		if (c == '\\' && n && to[n - 1] == '\\')
			continue;
		to[n++] = c;
	}
	to[n] = 0;
	return OK;
}

static enum status open_handle(struct volume *volume, const char *path, UINT64 mode, EFI_FILE_HANDLE *handle,
			       struct problem *problem)
{
	CHAR16 name[PATH_UNITS];
	EFI_STATUS status;
	enum status error = path_convert(name, path, problem);

	if (error)
		return error;
	status = volume->root->Open(volume->root, handle, name, mode, 0);
	if (status == EFI_NOT_FOUND)
		return problem_set(problem, E_FILE_MISSING, "%s: file not found", path);
	if (status)
		return problem_set(problem, E_FILE_READ, "%s: open: %s", path, firmware_status_text(status));
	return OK;
}

/* Fills info (INFO_BYTES, aligned). */
static enum status get_info(EFI_FILE_HANDLE handle, const char *path, EFI_FILE_INFO *info, struct problem *problem)
{
	UINTN bytes = INFO_BYTES;
	EFI_STATUS status = handle->GetInfo(handle, &guid_file_info, &bytes, info);

	if (status)
		return problem_set(problem, E_FILE_READ, "%s: size: %s", path, firmware_status_text(status));
	return OK;
}

static enum status source_list(void *ctx, const char *directory, source_list_fn *each, void *arg,
			       struct problem *problem)
{
	uint64_t buffer[INFO_BYTES / sizeof(uint64_t)];
	EFI_FILE_INFO *info = (EFI_FILE_INFO *)buffer;
	char name[256 * 3];
	struct volume *volume = ctx;
	EFI_FILE_HANDLE handle;
	enum status error;

	if (volume->archive.data)
		return cpio_list(&volume->archive, directory, each, arg, problem);
	error = open_handle(volume, directory, EFI_FILE_MODE_READ, &handle, problem);
	if (error)
		return error;
	for (;;) {
		UINTN bytes = sizeof buffer;
		EFI_STATUS status = handle->Read(handle, &bytes, buffer);

		if (status) {
			error = problem_set(problem, E_FILE_READ, "%s: list: %s", directory,
					    firmware_status_text(status));
			break;
		}
		if (bytes < SIZE_OF_EFI_FILE_INFO)
			break;
		if (info->Attribute & EFI_FILE_DIRECTORY)
			continue;
		ucs2_to_utf8(name, sizeof name, info->FileName,
			     (unsigned)((bytes - SIZE_OF_EFI_FILE_INFO) / sizeof(CHAR16)));
		each(arg, name, info->FileSize);
	}
	handle->Close(handle);
	return error;
}

static struct open_file *take_slot(struct volume *volume)
{
	unsigned i;

	for (i = 0; i < FILE_OPEN_MAX; i++)
		if (!volume->files[i].used)
			return &volume->files[i];
	return NULL;
}

static enum status source_open(void *ctx, const char *path, void **out, uint64_t *size, struct problem *problem)
{
	struct volume *volume = ctx;
	struct open_file *file = take_slot(volume);
	uint64_t buffer[INFO_BYTES / sizeof(uint64_t)];
	EFI_FILE_INFO *info = (EFI_FILE_INFO *)buffer;
	enum status error;

	if (!file)
		return problem_set(problem, E_FILE_READ, "%s: more than %u files open", path, FILE_OPEN_MAX);
	memset(file, 0, sizeof *file);
	fmt_snprint(file->path, sizeof file->path, "%s", path);
	if (volume->approved && strcmp(path, volume->approved_path) == 0) {
		file->memory = volume->approved;
		file->size = volume->approved_bytes;
	} else if (volume->archive.data) {
		struct cpio_entry found;

		error = cpio_find(&volume->archive, path, &found, problem);
		if (error)
			return error;
		file->memory = volume->archive.data + found.offset;
		file->size = found.size;
	} else {
		error = open_handle(volume, path, EFI_FILE_MODE_READ, &file->handle, problem);
		if (error)
			return error;
		error = get_info(file->handle, path, info, problem);
		if (!error && (info->Attribute & EFI_FILE_DIRECTORY))
			error = problem_set(problem, E_FILE_MISSING, "%s: is a directory", path);
		if (error) {
			file->handle->Close(file->handle);
			return error;
		}
		file->size = info->FileSize;
	}
	file->used = true;
	*out = file;
	*size = file->size;
	return OK;
}

static enum status source_read(void *ctx, void *opened, uint64_t offset, void *to, uint32_t length,
			       struct problem *problem)
{
	struct open_file *file = opened;
	uint8_t *at = to;
	EFI_STATUS status;

	(void)ctx;
	if (offset > file->size || length > file->size - offset)
		return problem_set(problem, E_FILE_READ, "%s: read past its end", file->path);
	if (file->memory) {
		memcpy(to, file->memory + offset, length);
		return OK;
	}
	status = file->handle->SetPosition(file->handle, offset);
	while (!status && length) {
		UINTN bytes = length < SOURCE_READ_MAX ? length : SOURCE_READ_MAX;

		status = file->handle->Read(file->handle, &bytes, at);
		if (status)
			break;
		if (bytes == 0 || bytes > length)
			return problem_set(problem, E_FILE_READ, "%s: ended %u bytes early", file->path, length);
		at += bytes;
		length -= (uint32_t)bytes;
	}
	if (status)
		return problem_set(problem, E_FILE_READ, "%s: read at %llu: %s", file->path,
				   (unsigned long long)offset, firmware_status_text(status));
	return OK;
}

static void source_close(void *ctx, void *opened)
{
	struct open_file *file = opened;

	(void)ctx;
	if (file->handle)
		file->handle->Close(file->handle);
	file->used = false;
}

static enum status source_place(void *ctx, const struct place_request *request, uint64_t *phys, struct problem *problem)
{
	(void)ctx;
	return memory_place(request, phys, problem);
}

static void source_release(void *ctx, uint64_t phys, uint64_t size)
{
	(void)ctx;
	memory_release(phys, size);
}

static enum status source_may_overwrite(void *ctx, uint64_t base, uint64_t size, const char *what,
					struct problem *problem)
{
	(void)ctx;
	return memory_may_overwrite(base, size, what, problem);
}

static void source_progress(void *ctx, const char *name, uint64_t done, uint64_t total)
{
	(void)ctx;
	progress_show(name, done, total);
}

static void set_source(struct volume *volume)
{
	memset(volume, 0, sizeof *volume);
	volume->source = (struct source){
		.ctx = volume, .efi = true, .verified = firmware_secure_boot_on(), .list = source_list,
		.open = source_open, .read = source_read, .close = source_close,
		.place = source_place, .release = source_release, .may_overwrite = source_may_overwrite,
		.progress = source_progress,
	};
}

void volume_open_archive(struct volume *volume, const struct cpio *archive)
{
	set_source(volume);
	volume->archive = *archive;
}

enum status volume_open(struct volume *volume, EFI_HANDLE device, struct problem *problem)
{
	EFI_FILE_IO_INTERFACE *system;
	EFI_STATUS status;

	set_source(volume);
	volume->device = device;
	status = firmware.boot->HandleProtocol(device, &guid_file_system, (void **)&system);
	if (!status)
		status = system->OpenVolume(system, &volume->root);
	if (status)
		return problem_set(problem, E_FIRMWARE, "file system of the boot device: %s",
				   firmware_status_text(status));
	return OK;
}

enum status file_rename(struct volume *volume, const char *path, const char *new_name, struct problem *problem)
{
	uint64_t buffer[INFO_BYTES / sizeof(uint64_t)];
	EFI_FILE_INFO *info = (EFI_FILE_INFO *)buffer;
	EFI_FILE_HANDLE handle;
	EFI_STATUS status;
	unsigned units;
	enum status error = open_handle(volume, path, EFI_FILE_MODE_READ | EFI_FILE_MODE_WRITE, &handle, problem);

	if (error)
		return error;
	error = get_info(handle, path, info, problem);
	if (!error) {
		units = utf8_to_ucs2(info->FileName, (INFO_BYTES - SIZE_OF_EFI_FILE_INFO) / sizeof(CHAR16), new_name);
		info->Size = SIZE_OF_EFI_FILE_INFO + (units + 1) * sizeof(CHAR16);
		status = handle->SetInfo(handle, &guid_file_info, info->Size, info);
		if (status)
			error = problem_set(problem, E_FILE_READ, "%s: rename to %s: %s", path, new_name,
					    firmware_status_text(status));
	}
	handle->Close(handle);
	return error;
}

static enum status read_whole(struct volume *volume, void *file, uint8_t *to, uint64_t bytes, const char *path,
			      struct problem *problem)
{
	uint64_t done = 0;

	while (done < bytes) {
		uint32_t length = bytes - done < SOURCE_READ_MAX ? (uint32_t)(bytes - done) : SOURCE_READ_MAX;
		enum status error = source_read(volume, file, done, to + done, length, problem);

		if (error)
			return error;
		done += length;
		progress_show(path, done, bytes);
	}
	return OK;
}

enum status file_load(struct volume *volume, const char *path, uint64_t *phys, uint64_t *bytes,
		      struct problem *problem)
{
	struct place_request request = { .kind = PLACE_INITRD, .align = 4096, .min = 1 << 20, .max = 1ull << 46 };
	void *file;
	enum status error = source_open(volume, path, &file, bytes, problem);

	if (error)
		return error;
	request.size = *bytes;
	if (*bytes == 0 || *bytes > FILE_LOAD_BYTES_MAX)
		error = problem_set(problem, E_FILE_SIZE, "%s: %llu bytes", path, (unsigned long long)*bytes);
	else
		error = memory_place(&request, phys, problem);
	if (!error) {
		error = read_whole(volume, file, (uint8_t *)*phys, *bytes, path, problem);
		if (error)
			memory_release(*phys, *bytes);
	}
	source_close(volume, file);
	return error;
}

enum status file_approve(struct volume *volume, const char *path, struct problem *problem)
{
	uint64_t bytes, phys;
	enum status error;

	if (!firmware_secure_boot_on())
		return OK;
	error = file_load(volume, path, &phys, &bytes, problem);
	if (error)
		return error;
	error = secure_check_kernel(path, (void *)phys, bytes, problem);
	if (error) {
		memory_release(phys, bytes);
		return error;
	}
	volume->approved = (void *)phys;
	volume->approved_bytes = bytes;
	fmt_snprint(volume->approved_path, sizeof volume->approved_path, "%s", path);
	return OK;
}

void file_forget_approved(struct volume *volume)
{
	if (volume->approved)
		memory_release((uint64_t)volume->approved, volume->approved_bytes);
	volume->approved = NULL;
}
