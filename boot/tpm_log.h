// SPDX-License-Identifier: MIT
/*
 * How long the TPM's event logs are: firmware says where the last event begins and how many there are, not where they
 * end. Pure over (pointer, length); any context. (TCG PC Client Platform Firmware Profile 1.05, 10.2; TCG EFI Protocol
 * 1.00, 7.)
 */
#ifndef BOOT_TPM_LOG_H
#define BOOT_TPM_LOG_H

#include <stdint.h>

/* Larger events and logs are none. */
#define TPM_LOG_MAX (16u << 20)

/* What a crypto-agile log says about itself in its first event: how long the digests of each algorithm are. */
#define TPM_ALGORITHMS_MAX 16u
struct tpm_algorithms {
	uint32_t count;
	struct { uint16_t id, bytes; } list[TPM_ALGORITHMS_MAX];
};

/* Bytes of a log in the old format's single event at log, 0: it ends beyond room. */
uint32_t tpm_old_event_bytes(const uint8_t *log, uint32_t room);

/* Reads a crypto-agile log's first event. Its bytes, 0: it is none, or it ends beyond room. */
uint32_t tpm_read_header(const uint8_t *log, uint32_t room, struct tpm_algorithms *algorithms);

/* Bytes of count crypto-agile events one behind the other, 0: there are none, one of them ends beyond room or has a
 * digest of an algorithm that the header does not name. */
uint32_t tpm_events_bytes(const uint8_t *events, uint32_t room, uint64_t count,
			  const struct tpm_algorithms *algorithms);

#endif
