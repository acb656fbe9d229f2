// SPDX-License-Identifier: MIT
#include "efi/tpm.h"

#include "boot/tpm_log.h"
#include "efi/firmware.h"
#include "efi/protocols.h"
#include "lib/string.h"

#define OLD_FORMAT	1u
#define AGILE_FORMAT	2u

struct log { uint32_t format; uint64_t at, last; };

static bool ask(struct tcg2 *tcg2, uint32_t format, struct log *log)
{
	BOOLEAN truncated;

	*log = (struct log){ .format = format };
	return !tcg2->get_event_log(tcg2, format, &log->at, &log->last, &truncated) && log->at &&
	       log->last >= log->at && log->last - log->at < TPM_LOG_MAX;
}

/* Bytes of the log and of the final events that are in it, 0: it cannot be read. */
static uint32_t measure(const struct log *log, uint32_t *final_bytes)
{
	const struct tpm_final_events *final = firmware_find_table(&guid_tpm_final_events);
	uint32_t before = (uint32_t)(log->last - log->at), room = TPM_LOG_MAX - before, bytes;
	const uint8_t *last = (const uint8_t *)log->last;
	struct tpm_algorithms algorithms;

	*final_bytes = 0;
	if (log->format == OLD_FORMAT) {
		bytes = tpm_old_event_bytes(last, room);
		return bytes ? before + bytes : 0;
	}
	bytes = tpm_read_header((const uint8_t *)log->at, TPM_LOG_MAX, &algorithms);
	if (bytes && final)
		*final_bytes = tpm_events_bytes(final->events, TPM_LOG_MAX, final->count, &algorithms);
	if (bytes && before)
		bytes = tpm_events_bytes(last, room, 1, &algorithms);
	return bytes ? before + bytes : 0;
}

void tpm_install_log(void)
{
	struct linux_tpm_log *table;
	uint32_t bytes, final_bytes;
	struct tcg2 *tcg2;
	struct log log;

	if (firmware_find_table(&guid_linux_tpm_log) || firmware.boot->LocateProtocol(&guid_tcg2, NULL, (void **)&tcg2))
		return;
	if (!ask(tcg2, AGILE_FORMAT, &log) && !ask(tcg2, OLD_FORMAT, &log))
		return;
	bytes = measure(&log, &final_bytes);
	if (!bytes || firmware.boot->AllocatePool(EfiACPIReclaimMemory, sizeof *table + bytes, (void **)&table))
		return;
	*table = (struct linux_tpm_log){ bytes, final_bytes, (uint8_t)log.format };
	memcpy(table->log, (const void *)log.at, bytes);
	if (firmware.boot->InstallConfigurationTable(&guid_linux_tpm_log, table))
		firmware.boot->FreePool(table);
}
