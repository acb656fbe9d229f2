// SPDX-License-Identifier: MIT
/*
 * The rounds of SHA-256 in C, in two shapes: for processors, and for emulators that translate code (QEMU's TCG), where
 * memory and 32-bit results are dear. Each is a third or more faster than the other where it belongs
 * (docs/measurements.md).
 */
#ifndef LIB_SHA256_PLAIN_H
#define LIB_SHA256_PLAIN_H

#include <stddef.h>
#include <stdint.h>

/* Takes blocks of 64 bytes into state. Any context; general registers only; under 200 and under 400 bytes of stack. */
void sha256_blocks_plain(uint32_t state[8], const uint8_t *data, size_t blocks);
void sha256_blocks_translated(uint32_t state[8], const uint8_t *data, size_t blocks);

#endif
