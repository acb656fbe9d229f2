// SPDX-License-Identifier: MIT
/*
 * Fault injection. Two implementations, chosen by the link: faults.c in the faults build (`make faults`),
 * faults_none.c in every other, where baton.fault= is refused at the door and nothing here does anything.
 *
 * baton.fault= takes words separated by commas:
 *   flip:SEGMENT        one bit of that segment (kernel, initrd, boot_params, cmdline, setup_data, block) after its
 *                       digest was taken
 *   canary              one byte of the sample of free memory, after roll call
 *   deaf:APICID         that CPU is not let in by the trampoline
 *   no-park:APICID      that CPU takes the order to park and never reaches the lot
 *   ignore-kick:APICID:spin|nmi|counter|dead
 *                       that parked CPU ignores its next command: spinning with IF=0 but taking NMIs; stuck inside the
 *                       NMI handler; never returning from it with its slot counter running; the same, and after INIT
 *                       and recall too
 */
#ifndef KERNEL_FAULTS_H
#define KERNEL_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/kernel.h"
#include "lib/status.h"

enum fault_kick { FAULT_KICK_NONE, FAULT_KICK_SPIN, FAULT_KICK_NMI, FAULT_KICK_COUNTER, FAULT_KICK_DEAD };

/* Takes the words; E12 for one that is not understood. Context: boss, before anything is injected. */
enum status MUST_CHECK faults_configure(const char *words, struct problem *problem);

/* Flips a bit in the middle of [base, base + size) if the segment of that name is to be damaged. Writes through
 * read-only mappings. Context: boss, after digests and mappings are final. */
void faults_damage(const char *segment, uint64_t base, uint64_t size);

bool faults_canary(void);
bool faults_deaf(uint32_t apic_id);
bool faults_no_park(uint32_t apic_id);
enum fault_kick faults_ignore_kick(uint32_t apic_id);

#endif
