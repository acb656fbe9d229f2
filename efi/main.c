// SPDX-License-Identifier: MIT
/*
 * Door 1, as a story: firmware starts the file; Baton reads what it may boot, lets a person or the timeout choose,
 * loads that and leaves firmware for good. Whatever goes wrong before that is one line with its number, and the menu.
 */
#include "boot/select.h"
#include "boot/uki.h"
#include "efi/firmware.h"
#include "efi/initrd.h"
#include "efi/last.h"
#include "efi/memory.h"
#include "efi/menu.h"
#include "efi/print.h"
#include "efi/protocols.h"
#include "efi/start.h"
#include "efi/vars.h"
#include "efi/volume.h"
#include "gen/identity.h"
#include "lib/engine_fault.h"
#include "x86/cpu.h"

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *table);
EFI_STATUS handover_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *table, const uint8_t *params);

static struct volume home, xbootldr;
static struct settings settings;
static struct entries entries;
static struct menu menu;
static struct last_told last;

static EFI_STATUS meet_firmware(EFI_HANDLE image, EFI_SYSTEM_TABLE *table)
{
	firmware.tsc_at_door = cpu_rdtsc();
	firmware.image = image;
	firmware.table = table;
	firmware.boot = table->BootServices;
	firmware.runtime = table->RuntimeServices;
	/* The boot manager armed five minutes; a person in the menu may take longer. */
	firmware.boot->SetWatchdogTimer(0, 0, 0, NULL);
	firmware_measure_tsc();
	firmware.clock = firmware_clock();
	firmware.secure_boot = vars_secure_boot();
	return firmware.boot->HandleProtocol(image, &guid_loaded_image, (void **)&firmware.loaded);
}

static void read_entries(struct problem *problem)
{
	EFI_HANDLE extended = home.root ? volume_find_xbootldr(home.device) : NULL;

	if (entries_read(&entries, &home, problem))
		menu_add_problem(&menu, problem);
	if (extended && (volume_open(&xbootldr, extended, problem) || entries_read(&entries, &xbootldr, problem)))
		menu_add_problem(&menu, problem);
	entries_finish(&entries);
	if (!entries.count) {
		problem_set(problem, E_NO_ENTRIES, "no boot entries: no .conf file in %s, no .efi file in %s",
			    ENTRY_DIRECTORY, UKI_DIRECTORY);
		menu_add_problem(&menu, problem);
	}
}

/* The tree to boot from: the bundle that a loader gave, else the partition that Baton was loaded from. */
static enum status find_home(struct problem *problem)
{
	struct cpio archive = { NULL, 0 };

	if (initrd_find(&archive, problem))
		menu_add_problem(&menu, problem);
	if (!archive.data)
		return volume_open(&home, firmware.loaded->DeviceHandle, problem);
	volume_open_archive(&home, &archive);
	return OK;
}

/* The menu comes all the same: a program of firmware's kind needs none of them. */
static void choose_engines(struct problem *problem)
{
	engine_fault_words(settings.config.fault);
	if (engines_select(&firmware.engines))
		problem_set(problem, E_ENGINE, ENGINES_NONE_LEFT, engine_name(engines_refused(&firmware.engines, 0)));
	else if (engines_refused(&firmware.engines, 0) != ENGINES)
		problem_set(problem, E_ENGINE, "%s answers wrong and is not used",
			    engine_name(engines_refused(&firmware.engines, 0)));
	menu_add_problem(&menu, problem);
}

static void choose_default(struct problem *problem)
{
	if (!entries.count)
		return;
	if (select_default(&settings.config, entries.list, entries.count, settings.oneshot, settings.last_booted,
			   &menu.selected, problem))
		menu.held = true;
	menu_add_problem(&menu, problem);
}

/* The EFI handover of Linux's boot protocol (GRUB's linuxefi): firmware lives, the command line and the initrd are in
 * boot_params. image is the loader's own. */
EFI_STATUS handover_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *table, const uint8_t *params)
{
	firmware.door = DOOR_HANDOVER;
	firmware.params = params;
	return efi_main(image, table);
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *table)
{
	static struct problem unheard[SETTINGS_SOURCES];
	struct problem problem = { .code = OK };
	EFI_STATUS status = meet_firmware(image, table);

	if (status)
		return status;
	print("Baton " BATON_VERSION " (" BATON_COMMIT ")\n");
	memory_keep_promised();
	last_read(&last);
	vars_announce();
	menu.entries = &entries;
	menu.config = &settings.config;
	menu.story = last.story;
	menu.held = last.hold;
	menu_add_problem(&menu, &last.refusal);
	menu_add_problem(&menu, &last.problem);
	if (find_home(&problem)) {
		print_problem(&problem);
		return EFI_LOAD_ERROR;
	}
	settings_read(&settings, &home, unheard);
	for (unsigned i = 0; i < SETTINGS_SOURCES; i++)
		menu_add_problem(&menu, &unheard[i]);
	choose_engines(&problem);
	read_entries(&problem);
	choose_default(&problem);
	for (;;) {
		vars_set_time(L"LoaderTimeMenuUSec");
		if (menu_run(&menu) == MENU_CHOICE_QUIT)
			return EFI_SUCCESS;
		menu.problem_count = 0;
		menu.story = "";
		last_chosen();
		start_entry(&entries, entries_listed(&entries, menu.selected), &settings,
			    menu.edited ? menu.options : NULL, menu.watch_until_ms, &problem);
		menu.held = true;
		menu_add_problem(&menu, &problem);
	}
}
