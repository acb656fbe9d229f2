// SPDX-License-Identifier: MIT
/* The faults build has its own file of this name earlier in the include path; here nothing misbehaves. */
#ifndef PURGATORY_MAIN_FAULT_H
#define PURGATORY_MAIN_FAULT_H

#include "purgatory/plan.h"

/* In the order of the handover, before engines are chosen, and in the handler of the exception that the first made. */
static inline void main_fault(const struct plan *plan) { (void)plan; }
static inline void engines_fault(const struct plan *plan) { (void)plan; }
static inline void handler_fault(const struct plan *plan) { (void)plan; }

#endif
