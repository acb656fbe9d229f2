// SPDX-License-Identifier: MIT
#include "boot/tpm_log.h"

#include "boot/field.h"
#include "lib/string.h"

#define OLD_HEADER	32u		/* PCR, type, SHA-1, size of the data */
#define EVENT_HEADER	12u		/* PCR, type, count of digests */
#define SPEC_ID		24u		/* signature, platform, versions, size of UINTN; then the algorithms */

uint32_t tpm_old_event_bytes(const uint8_t *log, uint32_t room)
{
	uint32_t data;

	if (room > TPM_LOG_MAX)
		room = TPM_LOG_MAX;
	if (room < OLD_HEADER)
		return 0;
	data = field32(log + OLD_HEADER - 4);
	return data <= room - OLD_HEADER ? OLD_HEADER + data : 0;
}

uint32_t tpm_read_header(const uint8_t *log, uint32_t room, struct tpm_algorithms *algorithms)
{
	uint32_t bytes = tpm_old_event_bytes(log, room), count;
	const uint8_t *at = log + OLD_HEADER + SPEC_ID + 4;

	if (bytes < OLD_HEADER + SPEC_ID + 4 || memcmp(log + OLD_HEADER, "Spec ID Event03", 16))
		return 0;
	count = field32(at - 4);
	if (!count || count > TPM_ALGORITHMS_MAX || bytes < OLD_HEADER + SPEC_ID + 4 + 4 * count)
		return 0;
	algorithms->count = count;
	for (uint32_t i = 0; i < count; i++, at += 4) {
		algorithms->list[i].id = field16(at);
		algorithms->list[i].bytes = field16(at + 2);
	}
	return bytes;
}

static const uint16_t *digest_bytes(const struct tpm_algorithms *algorithms, uint16_t id)
{
	for (uint32_t i = 0; i < algorithms->count; i++)
		if (algorithms->list[i].id == id)
			return &algorithms->list[i].bytes;
	return NULL;
}

/* One event, 0: it does not end within room. */
static uint32_t event_bytes(const uint8_t *event, uint32_t room, const struct tpm_algorithms *algorithms)
{
	uint32_t at = EVENT_HEADER, digests, data;

	if (room < EVENT_HEADER)
		return 0;
	digests = field32(event + EVENT_HEADER - 4);
	if (digests > TPM_ALGORITHMS_MAX)
		return 0;
	for (; digests; digests--) {
		const uint16_t *bytes = room - at < 2 ? NULL : digest_bytes(algorithms, field16(event + at));

		if (!bytes || room - at - 2 < *bytes)
			return 0;
		at += 2 + *bytes;
	}
	if (room - at < 4)
		return 0;
	data = field32(event + at);
	at += 4;
	return data <= room - at ? at + data : 0;
}

uint32_t tpm_events_bytes(const uint8_t *events, uint32_t room, uint64_t count,
			  const struct tpm_algorithms *algorithms)
{
	uint32_t at = 0, bytes;

	if (room > TPM_LOG_MAX)
		room = TPM_LOG_MAX;
	for (; count; count--, at += bytes) {
		bytes = event_bytes(events + at, room - at, algorithms);
		if (!bytes)
			return 0;
	}
	return at;
}
