// SPDX-License-Identifier: MIT
/*
 * SHA-256's compression function by the SHA instructions (SDM volume 2, SHA256RNDS2, SHA256MSG1, SHA256MSG2).
 * Only lib/sha256.c calls it. Context: CPUID has SHA, SSSE3 and SSE4.1, and CR4.OSFXSR is set; clobbers vector
 * registers, which nothing else of Baton uses.
 */
#ifndef LIB_SHA256_NI_H
#define LIB_SHA256_NI_H

#include <stddef.h>
#include <stdint.h>

void sha256_blocks_ni(uint32_t state[8], const uint8_t *data, size_t blocks);

#endif
