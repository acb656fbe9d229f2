// SPDX-License-Identifier: MIT
/* Twin of x86/percpu.h: GS is the machine's. */
#ifndef TEST_HOSTILE_PERCPU_H
#define TEST_HOSTILE_PERCPU_H

#define percpu_self percpu_self_by_gs
#include "../../../../x86/percpu.h"
#undef percpu_self

struct percpu *percpu_self(void);

#endif
