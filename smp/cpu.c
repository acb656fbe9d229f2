// SPDX-License-Identifier: MIT
#include "smp/cpu.h"

#define BIT(state) (1u << (state))

/* The whole machine: from each state, the states that may follow. docs/smp.md draws it; a unit test compares. */
static const uint32_t moves[CPU_STATE_COUNT] = {
	[CPU_LISTED]	= BIT(CPU_BOSS) | BIT(CPU_DISABLED) | BIT(CPU_UNREACHABLE) | BIT(CPU_IS_BSP) |
			  BIT(CPU_STARTING) | BIT(CPU_NO_ANSWER),
	[CPU_STARTING]	= BIT(CPU_ARRIVED) | BIT(CPU_NO_ANSWER) | BIT(CPU_LOST),
	[CPU_ARRIVED]	= BIT(CPU_ONLINE) | BIT(CPU_LOST),
	[CPU_ONLINE]	= BIT(CPU_PARKING) | BIT(CPU_LOST),
	[CPU_PARKING]	= BIT(CPU_PARKED) | BIT(CPU_LOST),
	[CPU_PARKED]	= BIT(CPU_ONLINE) | BIT(CPU_STARTING) | BIT(CPU_HALTED) | BIT(CPU_INIT_RECALLED) |
			  BIT(CPU_INIT_HELD) | BIT(CPU_LOST),
	[CPU_NO_ANSWER]	= BIT(CPU_STARTING) | BIT(CPU_LOST),
};

bool cpu_move_allowed(enum cpu_state from, enum cpu_state to)
{
	return from < CPU_STATE_COUNT && to < CPU_STATE_COUNT && moves[from] & BIT(to);
}

bool cpu_move(struct cpu *cpu, enum cpu_state from, enum cpu_state to)
{
	if (!cpu_move_allowed(from, to))
		return false;
	/* order: everything the mover did before the new state. pairs with: cpu_state(). else: the reader of ARRIVED
	 * sees old register differences, and boss and late arrival could both believe that they moved it. */
	return shared_cas_seq_cst_u32(&cpu->state, from, to);
}

enum cpu_state cpu_state(const struct cpu *cpu)
{
	/* order: the state before the fields that it publishes. pairs with: cpu_move(). else: stale fields. */
	return (enum cpu_state)shared_load_acquire_u32(&cpu->state);
}

const char *cpu_verdict_text(enum cpu_state state)
{
	static const char *const text[CPU_STATE_COUNT] = {
#define S(name, verdict) verdict,
		CPU_STATES(S)
#undef S
	};

	return state < CPU_STATE_COUNT ? text[state] : "?";
}

const char *cpu_state_text(enum cpu_state state)
{
	static const char *const text[CPU_STATE_COUNT] = {
#define S(name, verdict) &#name[4],		/* without CPU_ */
		CPU_STATES(S)
#undef S
	};

	return state < CPU_STATE_COUNT ? text[state] : "?";
}
