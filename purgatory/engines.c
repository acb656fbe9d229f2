// SPDX-License-Identifier: MIT
/* The block believes no engine that the image has tested: this is another link of the code, on its own tables. */
#include "lib/engine.h"

#include "lib/sha256.h"
#include "lib/string.h"
#include "purgatory/main_fault.h"
#include "purgatory/purgatory.h"

static struct engines engines;

_Static_assert(sizeof(((struct report_header *)0)->engine_ticks) >= sizeof(engines.ticks), "all have room");

void choose_engines(const struct plan *plan)
{
	char text[ENGINES_TEXT_BYTES];
	enum status status;
	enum engine engine;
	unsigned i;

	engines_fault(plan);
	status = engines_select(&engines);
	engines_text(&engines, text);
	if (!plan->quiet || engines_refused(&engines, 0) != ENGINES)
		say("baton: event=engines in=block %s", text);
	for (i = 0; (engine = engines_refused(&engines, i)) != ENGINES; i++)
		say("baton: event=engine-refused in=block code=E%02u name=%s", (unsigned)E_ENGINE, engine_name(engine));
	if (status)
		fail(plan, status, "block: " ENGINES_NONE_LEFT, engine_name(engines_refused(&engines, 0)));
}

void record_engines(struct report_header *r)
{
	r->sha256_ni = sha256_engine() == SHA256_NI;
	r->engines_allowed = engines.allowed;
	r->engines_right = engines.right;
	r->engines_chosen = engines.chosen;
	memcpy(r->engine_ticks, engines.ticks, sizeof(engines.ticks));
}
