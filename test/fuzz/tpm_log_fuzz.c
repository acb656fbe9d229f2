// SPDX-License-Identifier: MIT
/* Any bytes as a TPM's event log of known length, and with a header that is good: what is measured ends within it. */
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "boot/tpm_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void want(bool so)
{
	if (!so)
		__builtin_trap();
}

static void walk(const uint8_t *log, uint32_t size)
{
	struct tpm_algorithms algorithms;
	uint32_t header = tpm_read_header(log, size, &algorithms), before = 0, bytes;

	want(tpm_old_event_bytes(log, size) <= size);
	if (!header)
		return;
	want(header <= size && algorithms.count && algorithms.count <= TPM_ALGORITHMS_MAX);
	for (uint64_t count = 1; (bytes = tpm_events_bytes(log + header, size - header, count, &algorithms)); count++) {
		want(bytes > before && bytes <= size - header);
		before = bytes;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *log;

	if (size < 68 || size > 4096)
		return 0;
	log = malloc(size);
	if (!log)
		return 0;
	memcpy(log, data, size);
	walk(log, (uint32_t)size);
	memcpy(log + 32, "Spec ID Event03", 16);
	log[29] = log[30] = log[31] = log[57] = log[58] = log[59] = 0;
	log[56] %= 4;
	walk(log, (uint32_t)size);
	free(log);
	return 0;
}
