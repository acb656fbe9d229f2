// SPDX-License-Identifier: MIT
/* The same bytes as loader.conf, baton.conf and command line: settings stay in their ranges. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "boot/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct config *c, enum status status, const struct problem *p)
{
	bool good = c->park <= PARK_MIX && c->on_failure <= ON_FAILURE_HALT && c->lost_cpu <= LOST_CPU_CONTINUE &&
		    c->init <= INIT_HOLD && c->busmaster <= BUSMASTER_LEAVE && c->menu <= MENU_DISABLED &&
		    c->reset_after_s <= 86400 && c->timeout_s <= 86400 && !c->fault[0] &&
		    strnlen(c->console, sizeof(c->console)) < sizeof(c->console) &&
		    strnlen(c->append, sizeof(c->append)) < sizeof(c->append) &&
		    strnlen(c->default_pattern, sizeof(c->default_pattern)) < sizeof(c->default_pattern) &&
		    strnlen(c->fallback_id, sizeof(c->fallback_id)) < sizeof(c->fallback_id);

	if (!good || status != p->code || (status && !p->text[0]))
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[65537];
	struct problem p = { 0 };
	struct config config;

	if (size >= sizeof(text))
		return 0;
	config_init(&config);
	check(&config, config_parse_loader(&config, "loader.conf", (const char *)data, size, &p), &p);
	p = (struct problem){ 0 };
	check(&config, config_parse_baton(&config, "baton.conf", (const char *)data, size, &p), &p);
	p = (struct problem){ 0 };
	memcpy(text, data, size);
	text[size] = '\0';
	check(&config, config_parse_cmdline(&config, text, false, &p), &p);
	return 0;
}
