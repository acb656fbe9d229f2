// SPDX-License-Identifier: MIT
/* SHA-256's round constants (FIPS 180-4, 4.2.2), for the two engines. 16-byte aligned. */
#ifndef LIB_SHA256_K_H
#define LIB_SHA256_K_H

#include <stdint.h>

extern const uint32_t sha256_k[64];

#endif
