// SPDX-License-Identifier: MIT
#include "efi/volume.h"

#include "efi/protocols.h"
#include "lib/string.h"

#define PATH_BYTES_MAX	1024
#define GPT_ENTRIES_MAX	256
#define GPT_ENTRY_MAX	1024
#define BLOCK_MAX	4096

enum { NODE_END = 0x7f, NODE_MEDIA = 4, MEDIA_HARD_DRIVE = 1, HARD_DRIVE_BYTES = 42, SIGNATURE_GUID = 2 };

/* Hard drive node (UEFI 2.10, 10.3.5.1): signature at byte 24, its type at byte 41. */
bool volume_find_partition(EFI_HANDLE device, struct partition *partition)
{
	const uint8_t *node;
	uint32_t at = 0;

	if (firmware.boot->HandleProtocol(device, &guid_device_path, (void **)&partition->path))
		return false;
	for (node = partition->path; node[0] != NODE_END; node = partition->path + at) {
		uint32_t length = node[2] | node[3] << 8;

		if (length < 4 || at + length > PATH_BYTES_MAX)
			return false;
		if (node[0] == NODE_MEDIA && node[1] == MEDIA_HARD_DRIVE && length >= HARD_DRIVE_BYTES &&
		    node[41] == SIGNATURE_GUID) {
			partition->disk_bytes = at;
			memcpy(&partition->unique, node + 24, sizeof partition->unique);
			return true;
		}
		at += length;
	}
	return false;
}

static bool same_disk(const struct partition *a, const struct partition *b)
{
	return a->disk_bytes == b->disk_bytes && memcmp(a->path, b->path, a->disk_bytes) == 0;
}

/* Firmware before UEFI 2.7 has no partition information: read the disk's own table. Its checksums are firmware's
 * business, it found our partition by the same table; sizes are checked. */
static bool read_table(EFI_BLOCK_IO_PROTOCOL *disk, uint8_t *block, EFI_GUID *unique)
{
	EFI_PARTITION_TABLE_HEADER *header = (EFI_PARTITION_TABLE_HEADER *)block;
	uint32_t block_bytes = disk->Media->BlockSize, count, stride, i;
	EFI_LBA first, at = 0;

	if (block_bytes < 512 || block_bytes > BLOCK_MAX ||
	    disk->ReadBlocks(disk, disk->Media->MediaId, PRIMARY_PART_HEADER_LBA, block_bytes, block) ||
	    memcmp(block, EFI_PTAB_HEADER_ID, 8) != 0)
		return false;
	count = header->NumberOfPartitionEntries < GPT_ENTRIES_MAX ? header->NumberOfPartitionEntries : GPT_ENTRIES_MAX;
	stride = header->SizeOfPartitionEntry;
	first = header->PartitionEntryLBA;
	if (stride < sizeof(EFI_PARTITION_ENTRY) || stride > block_bytes || block_bytes % stride)
		return false;
	for (i = 0; i < count; i++) {
		uint64_t offset = (uint64_t)i * stride;
		const EFI_PARTITION_ENTRY *entry = (const EFI_PARTITION_ENTRY *)(block + offset % block_bytes);

		if (first + offset / block_bytes != at) {
			at = first + offset / block_bytes;
			if (disk->ReadBlocks(disk, disk->Media->MediaId, at, block_bytes, block))
				return false;
		}
		if (memcmp(&entry->PartitionTypeGUID, &guid_partition_xbootldr, sizeof(EFI_GUID)) == 0) {
			memcpy(unique, &entry->UniquePartitionGUID, sizeof *unique);
			return true;
		}
	}
	return false;
}

/* The unique GUID of the disk's XBOOTLDR partition by its partition table. */
static bool find_by_table(const struct partition *own, EFI_GUID *unique)
{
	uint8_t path[PATH_BYTES_MAX + 4];
	EFI_DEVICE_PATH *rest = (EFI_DEVICE_PATH *)path;
	EFI_BLOCK_IO_PROTOCOL *disk;
	EFI_PHYSICAL_ADDRESS block = 0;
	EFI_HANDLE handle;
	bool found;

	memcpy(path, own->path, own->disk_bytes);
	memcpy(path + own->disk_bytes, (const uint8_t[]){ NODE_END, 0xff, 4, 0 }, 4);
	if (firmware.boot->LocateDevicePath(&guid_block_io, &rest, &handle) ||
	    firmware.boot->HandleProtocol(handle, &guid_block_io, (void **)&disk) ||
	    firmware.boot->AllocatePages(AllocateAnyPages, EfiLoaderData, 1, &block))
		return false;
	found = read_table(disk, (uint8_t *)block, unique);
	firmware.boot->FreePages(block, 1);
	return found;
}

EFI_HANDLE volume_find_xbootldr(EFI_HANDLE own_device)
{
	struct partition own, other;
	EFI_HANDLE *handles = NULL, found = NULL;
	EFI_GUID unique;
	UINTN count = 0, i;
	bool by_table;

	if (!volume_find_partition(own_device, &own) ||
	    firmware.boot->LocateHandleBuffer(ByProtocol, &guid_file_system, NULL, &count, &handles))
		return NULL;
	by_table = find_by_table(&own, &unique);
	for (i = 0; i < count && !found; i++) {
		struct partition_info *info;

		if (handles[i] == own_device || !volume_find_partition(handles[i], &other) || !same_disk(&own, &other))
			continue;
		if (by_table && guid_equal(&unique, &other.unique))
			found = handles[i];
		else if (!firmware.boot->HandleProtocol(handles[i], &guid_partition_info, (void **)&info) &&
			 info->type == PARTITION_INFO_GPT &&
			 memcmp(&info->gpt.PartitionTypeGUID, &guid_partition_xbootldr, sizeof(EFI_GUID)) == 0)
			found = handles[i];
	}
	firmware.boot->FreePool(handles);
	return found;
}
