// SPDX-License-Identifier: MIT
#include "efi/menu.h"

#include "boot/select.h"
#include "efi/input.h"
#include "efi/menu_draw.h"
#include "efi/pages.h"
#include "efi/print.h"
#include "efi/vars.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define TICK_MS 100

enum step { STEP_STAY, STEP_REDRAW, STEP_START, STEP_QUIT };

static void note(struct menu *menu, struct menu_view *view, const char *text)
{
	menu->problem_count = 0;
	fmt_snprint(view->note, sizeof view->note, "%s", text);
}

static enum step move_to(struct menu *menu, struct menu_view *view, unsigned index)
{
	unsigned before = menu->selected;

	if (index >= menu->entries->count || index == before)
		return STEP_STAY;
	menu->selected = index;
	return menu_draw_move(menu, view, before) ? STEP_STAY : STEP_REDRAW;
}

static enum step edit_options(struct menu *menu, struct menu_view *view)
{
	if (firmware_secure_boot_on()) {
		note(menu, view, "Secure Boot is on: the command line cannot be edited.");
		return STEP_REDRAW;
	}
	if (!menu->config->editor) {
		note(menu, view, "The editor is switched off (editor no).");
		return STEP_REDRAW;
	}
	if (!menu->entries->count)
		return STEP_STAY;
	fmt_snprint(menu->options, sizeof menu->options, "%s", menu->entries->list[menu->selected]->options);
	print("\nOptions of %s (Enter starts, Esc goes back):\n", menu->entries->list[menu->selected]->id);
	menu->edited = input_edit(menu->options, sizeof menu->options);
	return menu->edited ? STEP_START : STEP_REDRAW;
}

static enum step set_default(struct menu *menu, struct menu_view *view)
{
	char text[sizeof view->note];
	const char *id;
	bool kept;

	if (!menu->entries->count)
		return STEP_STAY;
	id = menu->entries->list[menu->selected]->id;
	kept = vars_set_text(L"LoaderEntryDefault", id, true);
	fmt_snprint(text, sizeof text, kept ? "%.100s is the default from now on." :
		    "The firmware did not keep %.100s as the default.", id);
	note(menu, view, text);
	return STEP_REDRAW;
}

static enum step open_setup(struct menu *menu, struct menu_view *view)
{
	if (!vars_request_setup()) {
		note(menu, view, "This firmware cannot be asked to open its setup.");
		return STEP_REDRAW;
	}
	firmware.runtime->ResetSystem(EfiResetWarm, EFI_SUCCESS, 0, NULL);
	return STEP_STAY;
}

static enum step apply_scan(struct menu *menu, struct menu_view *view, uint16_t scan)
{
	unsigned at = menu->selected, page = view->rows;

	switch (scan) {
	case SCAN_UP: return at ? move_to(menu, view, at - 1) : STEP_STAY;
	case SCAN_DOWN: return move_to(menu, view, at + 1);
	case SCAN_HOME: return move_to(menu, view, 0);
	case SCAN_END: return move_to(menu, view, menu->entries->count - 1);
	case SCAN_PAGE_UP: return move_to(menu, view, at > page ? at - page : 0);
	case SCAN_PAGE_DOWN:
		return move_to(menu, view, at + page < menu->entries->count ? at + page : menu->entries->count - 1);
	case SCAN_F1: pages_help(); return STEP_REDRAW;
	default: return STEP_STAY;
	}
}

static enum step apply_key(struct menu *menu, struct menu_view *view, struct key key)
{
	switch (key.character) {
	case 0: return apply_scan(menu, view, key.scan);
	case CHAR_CARRIAGE_RETURN: return menu->entries->count ? STEP_START : STEP_STAY;
	case 'k': return apply_scan(menu, view, SCAN_UP);
	case 'j': return apply_scan(menu, view, SCAN_DOWN);
	case 'e': return edit_options(menu, view);
	case 'd': return set_default(menu, view);
	case 'f': return open_setup(menu, view);
	case 'p': pages_status(menu); return STEP_REDRAW;
	case 'h':
	case '?': pages_help(); return STEP_REDRAW;
	case 'Q': return STEP_QUIT;
	default: return STEP_STAY;
	}
}

void menu_add_problem(struct menu *menu, struct problem *problem)
{
	if (problem->code && menu->problem_count < MENU_PROBLEMS)
		menu->problems[menu->problem_count++] = *problem;
	problem->code = OK;
}

/* A hidden menu costs no time: the key that shows it may come while the entry is loaded (start.c looks). False: stay
 * hidden. */
static bool look_hidden(struct menu *menu, struct menu_timer *timer)
{
	struct key key;
	unsigned i;

	if (!timer->visible && menu->story[0])
		print("%s\n", menu->story);
	for (i = 0; i < menu->problem_count && !timer->visible; i++)
		print_problem(&menu->problems[i]);
	if (!timer->visible && timer->deadline_ms && input_wait(&key, 0))
		menu_timer_key(timer);
	menu->watch_until_ms = timer->visible ? 0 : timer->deadline_ms;
	return timer->visible;
}

enum menu_choice menu_run(struct menu *menu)
{
	struct menu_view view = { .rows = 0 };
	enum step step = STEP_REDRAW;
	struct menu_timer timer;
	uint32_t shown = 0;
	struct key key;

	menu->edited = false;
	if (!menu->entries->count)
		menu->held = true;
	menu_timer_start(&timer, menu->config, menu->held, firmware_us(firmware.tsc_at_door) / 1000,
			 firmware_now_ms());
	if (!look_hidden(menu, &timer))
		return MENU_CHOICE_START;
	for (;;) {
		uint32_t left = menu_timer_seconds(&timer, firmware_now_ms());

		if (menu_timer_poll(&timer, firmware_now_ms()) == MENU_BOOT)
			step = STEP_START;
		if (step == STEP_START || step == STEP_QUIT)
			break;
		if (step == STEP_REDRAW)
			menu_draw(menu, &view, left);
		else if (left != shown)
			menu_draw_countdown(&view, left);
		shown = left;
		step = STEP_STAY;
		if (input_wait(&key, timer.counting ? TICK_MS : INPUT_FOREVER)) {
			menu_timer_key(&timer);
			step = apply_key(menu, &view, key);
		}
	}
	menu_draw_leave(&view);
	return step == STEP_QUIT ? MENU_CHOICE_QUIT : MENU_CHOICE_START;
}
