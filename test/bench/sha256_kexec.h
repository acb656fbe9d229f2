// SPDX-License-Identifier: MIT
/* SHA-256 as the purgatories of kexec have it: portable C straight from FIPS 180-4, rounds in a loop, words put
 * together byte by byte. Only to be measured against. */
#ifndef TEST_BENCH_SHA256_KEXEC_H
#define TEST_BENCH_SHA256_KEXEC_H

#include <stddef.h>
#include <stdint.h>

void sha256_kexec(uint8_t out[32], const uint8_t *data, size_t bytes);		/* -O2 */
void sha256_kexec_os(uint8_t out[32], const uint8_t *data, size_t bytes);	/* the same with -Os */

#endif
