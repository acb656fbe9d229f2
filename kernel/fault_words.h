// SPDX-License-Identifier: MIT
/*
 * The words of baton.fault=, as kernel/faults.h lists them (faults build). Pure; kernel/faults.c does what they say.
 */
#ifndef KERNEL_FAULT_WORDS_H
#define KERNEL_FAULT_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/faults.h"

#define FAULT_WORD_BYTES 48u

struct fault {
	char segment[24];		/* flip; "" otherwise */
	bool deaf, no_park, x2apic, canary, crash, triple, hang, stray_write, iommu, stray, leak, left, exchange,
	     request;
	enum fault_boss boss;
	enum fault_kick kick;
	uint32_t apic_id;
	uint32_t flush_every;
	bool bundle, prober, by_other, late, slow, listed_twice, listed_off, unlisted;
	uint32_t machine_checks;
	uint32_t random;		/* APIC IDs 1 to this; 0: not */
};

/* Fills in fault, all of it. False: that is no word. */
bool fault_word_parse(const char *word, struct fault *fault);

/* Takes "@N" off; 0: there is none. False: something else behind @. */
bool fault_word_generation(char *word, uint64_t *generation);

#endif
