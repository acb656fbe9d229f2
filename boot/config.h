// SPDX-License-Identifier: MIT
/*
 * Policy and settings as the files, the entry and Baton's own command line give them, later ones winning:
 * loader.conf and baton.conf, then the entry's baton-KEY lines, then the command line. One table of keywords
 * (config.c, docs/entries.md) drives all of them. Pure, any context.
 */
#ifndef BOOT_CONFIG_H
#define BOOT_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"

#define CONFIG_LOADER_CONF	"/loader/loader.conf"
#define CONFIG_BATON_CONF	"/loader/baton.conf"
#define CONFIG_FILE_BYTES	65536		/* longest file taken */
#define SELFTEST_MM_OPERATIONS	300		/* of "selftest mm" */
#define SELFTEST_SMP_CYCLES	5		/* of "selftest smp" */
#define CONFIG_APPEND_MAX	2048		/* NUL included */

enum park_policy { PARK_AUTO, PARK_MWAIT, PARK_HLT, PARK_MIX };
enum on_failure_policy { ON_FAILURE_DEFAULT, ON_FAILURE_MENU, ON_FAILURE_FALLBACK, ON_FAILURE_REBOOT, ON_FAILURE_HALT };
enum lost_cpu_policy { LOST_CPU_REFUSE, LOST_CPU_CONTINUE };
enum init_policy { INIT_RECALL, INIT_HOLD };
enum busmaster_policy { BUSMASTER_OFF, BUSMASTER_LEAVE };

/* TIMEOUT: shown for timeout_s, 0 is hidden. FORCE: shown until a choice. HIDDEN: only a key shows it.
 * DISABLED: not even that, and no time goes into looking for one. */
enum menu_policy { MENU_TIMEOUT, MENU_FORCE, MENU_HIDDEN, MENU_DISABLED };

struct config {
	enum park_policy park;
	enum on_failure_policy on_failure;
	char fallback_id[256];
	enum lost_cpu_policy lost_cpu;
	enum init_policy init;
	enum busmaster_policy busmaster;
	uint32_t reset_after_s;
	bool reset_after_set;			/* said by somebody, 0 included */
	char console[128];			/* Linux syntax: ttyS1,115200n8; uart8250,mmio32,0x...; "": SPCR */
	char fault[256];			/* baton.fault=, faults build only */
	uint64_t seed, loop;			/* loop: generations of Baton still to come before the entry's kernel */
	bool loop_set;				/* said by somebody, 0 included */
	uint32_t hours;				/* a loop ends after them, 0: no limit */
	uint64_t pass;				/* generations between two starts of the entry's kernel, 0: none */
	uint64_t generation;			/* number of the first one, 0: not set */
	bool pattern_all;			/* fill all free memory between generations, not a sample */
	bool log_full;				/* all lines in a loop, too */
	uint32_t selftest_mm;			/* operations of the page tables' self-test; 0: none */
	uint32_t selftest_smp;			/* cycles of the CPUs' self-test; 0: none */
	char default_pattern[256];		/* glob over entry ids, "@saved"; "": the first entry */
	enum menu_policy menu;
	uint32_t timeout_s;			/* MENU_TIMEOUT only */
	bool editor;				/* the menu may edit a command line; true unless a file says no */
	char append[CONFIG_APPEND_MAX];		/* what followed " -- ": goes behind the entry's options */
};

/* Everything as documented for absent files. */
void config_init(struct config *config);

/* Applies the text of loader.conf or baton.conf; name is for messages. A bad line leaves the setting as it was and
 * is reported as "NAME:LINE: reason" (the first one), the other lines count. loader.conf belongs to the Boot Loader
 * Specification's family: its unknown keys are ignored. E11: unknown key of baton.conf. E12: bad value, control
 * bytes, line or file too long. */
enum status config_parse_loader(struct config *config, const char *name, const char *text, uint64_t length,
				struct problem *problem);
enum status config_parse_baton(struct config *config, const char *name, const char *text, uint64_t length,
			       struct problem *problem);

/* One baton-KEY line of an entry, key without the prefix. E11, E12. */
enum status config_set_policy(struct config *config, const char *key, const char *value, struct problem *problem);

/* Applies Baton's own command line: baton.WORD=value; what follows " -- " goes to config->append; all other words
 * are ignored. faults_build: baton.fault= is allowed. E11: unknown baton. word, E12: bad value, E28: tail too
 * long. As with files, the good words count and the first problem is kept. */
enum status config_parse_cmdline(struct config *config, const char *cmdline, bool faults_build,
				 struct problem *problem);

/* hours without a number of generations is a loop as long as that. When every source has been read. */
#define CONFIG_LOOP_FOREVER	1000000000ull
void config_settle_loop(struct config *config);

/* How long a failure is shown before the machine resets: reset-after, else what on-failure is for: the menu tells the
 * story again, so a person there need not read it here. */
#define CONFIG_RESET_AFTER_S		30u
#define CONFIG_RESET_AFTER_MENU_S	3u
uint32_t config_reset_after_s(const struct config *config);

#endif
