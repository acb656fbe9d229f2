// SPDX-License-Identifier: MIT
/*
 * The self-test of the page tables on the machine itself (baton.selftest=mm): the boss maps, unmaps, protects and frees
 * 4 KiB pages at random, with holes, immediate reuse and failing allocations, while every CPU accesses the same
 * addresses and compares each fault with what the model says. 4 KiB pages, because emulators hide missing flushes of
 * others.
 */
#ifndef KERNEL_SELFTEST_H
#define KERNEL_SELFTEST_H

#include "boot/config.h"
#include "lib/status.h"

/* Runs what config asks for, if anything; in a loop that does not ask for it a short one in every 32nd generation, the
 * third first, in the faults build in each (kernel/selftest.c). When it returns OK, memory and page tables are as
 * before and the boot goes on. E70: a CPU saw what it must not see; the text has the seed. E54: a page was written to
 * after it was freed. E61: a CPU did not answer. Context: boss, every CPU online, clock running, interrupts off. */
enum status MUST_CHECK selftest_run(const struct config *config, struct problem *problem);

#endif
