// SPDX-License-Identifier: MIT
/* The pure half of x86/state.h: compiled for the host's unit tests too. */
#include "x86/state.h"

#include <stdbool.h>

#define CR0_COMPARED		0xe005003ful		/* the defined bits */
#define CR0_TASK_SWITCHED	0x8ul
#define DEF_TYPE_BITS		0xcfful			/* type, fixed enable, enable */
#define DEF_TYPE_FIXED_ENABLE	0x400ul
#define DEF_TYPE_ENABLE		0x800ul
#define MASK_VALID		0x800ul
#define CAP_FIXED		0x100ul

static uint32_t variable_compare(const struct mtrr_state *a, const struct mtrr_state *b)
{
	unsigned i;

	for (i = 0; i < a->variable_count; i++) {
		bool valid = a->mask[i] & MASK_VALID;

		if (valid != !!(b->mask[i] & MASK_VALID))
			return STATE_MTRR_VARIABLE;
		if (valid && (a->base[i] != b->base[i] || a->mask[i] != b->mask[i]))
			return STATE_MTRR_VARIABLE;
	}
	return 0;
}

static uint32_t fixed_compare(const struct mtrr_state *a, const struct mtrr_state *b)
{
	unsigned i;

	for (i = 0; i < MTRR_FIXED_COUNT; i++)
		if (a->fixed[i] != b->fixed[i])
			return STATE_MTRR_FIXED;
	return 0;
}

static uint32_t mtrr_compare(const struct mtrr_state *a, const struct mtrr_state *b)
{
	uint32_t bits = 0;

	if (a->present != b->present)
		return STATE_MTRR_COUNT;
	if (!a->present)
		return 0;
	if (a->variable_count != b->variable_count || (a->cap & CAP_FIXED) != (b->cap & CAP_FIXED))
		return STATE_MTRR_COUNT;
	if ((a->def_type & DEF_TYPE_BITS) != (b->def_type & DEF_TYPE_BITS))
		bits |= STATE_MTRR_DEF_TYPE;
	/* With MTRRs off on both, or fixed ranges off on both, the processor ignores them (SDM 3A 12.11.2.1). */
	if (!((a->def_type | b->def_type) & DEF_TYPE_ENABLE))
		return bits;
	if ((a->cap & CAP_FIXED) && ((a->def_type | b->def_type) & DEF_TYPE_FIXED_ENABLE))
		bits |= fixed_compare(a, b);
	return bits | variable_compare(a, b);
}

uint32_t state_compare(const struct cpu_features_state *boss, const struct cpu_features_state *own)
{
	uint32_t bits = 0;

	if ((boss->cr0 ^ own->cr0) & CR0_COMPARED & ~CR0_TASK_SWITCHED)
		bits |= STATE_CR0;
	if (boss->cr4 != own->cr4)
		bits |= STATE_CR4;
	if (boss->efer != own->efer)
		bits |= STATE_EFER;
	if (boss->has_pat != own->has_pat || boss->pat != own->pat)
		bits |= STATE_PAT;
	if (boss->has_xsave != own->has_xsave || boss->xcr0 != own->xcr0)
		bits |= STATE_XCR0;
	if (boss->has_misc_enable != own->has_misc_enable || boss->misc_enable != own->misc_enable)
		bits |= STATE_MISC_ENABLE;
	return bits | mtrr_compare(&boss->mtrr, &own->mtrr);
}

const char *state_difference_text(uint32_t bits)
{
	static const char *const text[] = {
		"CR0", "CR4", "EFER", "PAT", "XCR0", "MISC_ENABLE",
		"MTRR count", "MTRR default type", "fixed MTRRs", "variable MTRRs",
	};
	unsigned i;

	for (i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		if (bits >> i & 1)
			return text[i];
	return "none";
}
