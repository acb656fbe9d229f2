// SPDX-License-Identifier: MIT
/*
 * SHA-256 in the shapes that kexec's purgatories have it in, written for the bench: eight rounds a step, as in Linux
 * (lib/crypto/sha256.c), and all 64 in a row, as in kexec-tools (util_lib/sha256.c). Both are compiled with -O2, the large
 * code model and general registers only: kexec-tools' Makefile appends -O2 for this one file, Linux's purgatory has the
 * kernel's own flags.
 */
#ifndef TEST_BENCH_SHA256_KEXEC_H
#define TEST_BENCH_SHA256_KEXEC_H

#include <stddef.h>
#include <stdint.h>

void sha256_linux(uint8_t out[32], const uint8_t *data, size_t bytes);
void sha256_kexec_tools(uint8_t out[32], const uint8_t *data, size_t bytes);

#ifdef SHA256_KEXEC
void SHA256_KEXEC(uint8_t out[32], const uint8_t *data, size_t bytes);
#endif

#endif
