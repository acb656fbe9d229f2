// SPDX-License-Identifier: MIT
/* What the threshold between single flushes and a whole one (FLUSH_RANGE_PAGES) is judged by, on this machine. */
#ifndef KERNEL_SELFTEST_COSTS_H
#define KERNEL_SELFTEST_COSTS_H

/* Logs what one INVLPG costs, one load of CR3, and a load of CR3 with the refill of the pages in use; and for how many
 * pages both ways cost the same. Shortest of several rounds. Boss, clock running, interrupts off. */
void selftest_log_costs(void);

#endif
