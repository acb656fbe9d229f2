// SPDX-License-Identifier: MIT
#include "purgatory/purgatory.h"
#include "x86/pc/watchdog.h"

void watchdog_end(const struct plan *plan)
{
	const struct watchdog w = { .kind = (enum watchdog_kind)plan->watchdog.kind, .bdf = plan->watchdog.bdf,
				    .port = plan->watchdog.port };

	watchdog_stop(&w);
}

void watchdog_before_jump(const struct plan *plan)
{
	if (!plan->watchdog.hand_over)
		watchdog_end(plan);
}
