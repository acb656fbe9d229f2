// SPDX-License-Identifier: MIT
/*
 * Faults build: what a next kernel may do to the CPUs that the Baton before it left parked, done on purpose before they
 * are taken (baton.fault=prober). NMIs, machine checks that a test injects from outside, stores to all free memory and
 * to the lines beside the block, and time: nothing but the lot's own counters may move (protocol rules 1 to 4).
 */
#ifndef KERNEL_PROBER_H
#define KERNEL_PROBER_H

#include <stdbool.h>
#include <stdint.h>

#include "boot/boot_info.h"
#include "lib/status.h"

#define PROBER_NMIS		10000u		/* of each kind: paced, and in one burst */
#define PROBER_NMI_US		5000000u	/* one NMI to its count, under a loaded host */
#define PROBER_BURST_US		5000000u	/* the burst's end to the first count of each CPU */
#define PROBER_CHECKS_US	180000000u	/* all machine checks, each on the word of a test outside */
#define PROBER_WAIT_US		200000u		/* nothing is done and nothing may happen */

/* Does nothing unless asked for. The word's number of machine checks is awaited, summed over the parked CPUs. E70 names
 * what moved. Context: boss, our tables and IDT, the old block's CPUs still where they were left. */
enum status MUST_CHECK prober_attack(const struct boot_info *info, struct problem *problem);

/* #MC on the boss: counted and over, if the attack is under way; else false. */
bool prober_took_machine_check(void);

#endif
