// SPDX-License-Identifier: MIT
#include "kernel/choice.h"

#include "lib/random.h"

#define MWAIT_ONE_IN		2u
#define MWAIT_ONE_IN_VM		8u
#define OFFLINE_ONE_IN		3u

enum purpose { FOR_PARK_MODE, FOR_OFFLINE, PURPOSES };

static uint64_t draw(struct choice c, unsigned index, enum purpose purpose)
{
	uint64_t what = (uint64_t)index * PURPOSES + purpose + 1, state = c.seed ^ what * 0xd1342543de82ef95ull;

	state ^= random_splitmix64(&state) + c.generation;
	return random_splitmix64(&state);
}

enum slot_mode choice_park_mode(struct choice c, unsigned index, bool hypervisor)
{
	return draw(c, index, FOR_PARK_MODE) % (hypervisor ? MWAIT_ONE_IN_VM : MWAIT_ONE_IN) ? MODE_HLT : MODE_MWAIT;
}

bool choice_offline(struct choice c, unsigned index)
{
	return draw(c, index, FOR_OFFLINE) % OFFLINE_ONE_IN == 0;
}
