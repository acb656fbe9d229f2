// SPDX-License-Identifier: MIT
#include "efi/input.h"

#include "efi/firmware.h"
#include "efi/print.h"
#include "lib/string.h"

#define TICKS_PER_MS	10000	/* of a timer event: 100 ns */
#define EDIT_COLUMNS_MAX 200

enum { CTRL_A = 1, CTRL_E = 5, CTRL_K = 11, CTRL_U = 21, RUBOUT = 127 };

static bool read_key(struct key *key)
{
	EFI_INPUT_KEY raw;

	if (firmware.table->ConIn->ReadKeyStroke(firmware.table->ConIn, &raw))
		return false;
	*key = (struct key){ .scan = raw.ScanCode, .character = raw.UnicodeChar };
	return true;
}

bool input_wait(struct key *key, uint32_t wait_ms)
{
	EFI_EVENT events[2] = { firmware.table->ConIn->WaitForKey, NULL };
	UINTN count = 1, index;
	bool got;

	if (read_key(key))
		return true;
	if (wait_ms != INPUT_FOREVER) {
		if (firmware.boot->CreateEvent(EVT_TIMER, 0, NULL, NULL, &events[1]))
			return false;
		firmware.boot->SetTimer(events[1], TimerRelative, (uint64_t)wait_ms * TICKS_PER_MS);
		count = 2;
	}
	/* A wake-up without a key happens: partial escape sequences, releases of keys. */
	do {
		if (firmware.boot->WaitForEvent(count, events, &index))
			index = 1;
		got = read_key(key);
	} while (!got && index == 0);
	if (events[1])
		firmware.boot->CloseEvent(events[1]);
	return got;
}

struct edit {
	char *text;
	unsigned size, length, cursor, first, columns;
	UINTN row;
};

static void edit_draw(struct edit *e)
{
	SIMPLE_TEXT_OUTPUT_INTERFACE *out = firmware.table->ConOut;
	char line[EDIT_COLUMNS_MAX + 1];
	unsigned n = 0;

	if (e->cursor < e->first)
		e->first = e->cursor;
	if (e->cursor >= e->first + e->columns)
		e->first = e->cursor - e->columns + 1;
	while (n < e->columns) {
		line[n] = e->first + n < e->length ? e->text[e->first + n] : ' ';
		n++;
	}
	line[n] = 0;
	out->SetCursorPosition(out, 0, e->row);
	print("%s", line);
	out->SetCursorPosition(out, e->cursor - e->first, e->row);
}

static void edit_remove(struct edit *e, unsigned at, unsigned count)
{
	memmove(e->text + at, e->text + at + count, e->length - at - count + 1);
	e->length -= count;
	e->cursor = at;
}

static void edit_apply(struct edit *e, struct key key)
{
	uint16_t c = key.character;

	if (key.scan == SCAN_LEFT && e->cursor)
		e->cursor--;
	else if (key.scan == SCAN_RIGHT && e->cursor < e->length)
		e->cursor++;
	else if (key.scan == SCAN_HOME || c == CTRL_A)
		e->cursor = 0;
	else if (key.scan == SCAN_END || c == CTRL_E)
		e->cursor = e->length;
	else if ((c == CHAR_BACKSPACE || c == RUBOUT) && e->cursor)
		edit_remove(e, e->cursor - 1, 1);
	else if (key.scan == SCAN_DELETE && e->cursor < e->length)
		edit_remove(e, e->cursor, 1);
	else if (c == CTRL_U)
		edit_remove(e, 0, e->cursor);
	else if (c == CTRL_K)
		edit_remove(e, e->cursor, e->length - e->cursor);
	else if (c >= ' ' && c < RUBOUT && e->length + 1 < e->size) {
		memmove(e->text + e->cursor + 1, e->text + e->cursor, e->length - e->cursor + 1);
		e->text[e->cursor++] = (char)c;
		e->length++;
	}
}

bool input_edit(char *text, unsigned size)
{
	SIMPLE_TEXT_OUTPUT_INTERFACE *out = firmware.table->ConOut;
	UINTN columns = 80, rows = 25;
	struct key key;
	struct edit e = { .text = text, .size = size, .length = (unsigned)strlen(text) };

	out->QueryMode(out, out->Mode->Mode, &columns, &rows);
	e.columns = columns - 1 < EDIT_COLUMNS_MAX ? (unsigned)columns - 1 : EDIT_COLUMNS_MAX;
	e.cursor = e.length;
	e.row = (UINTN)out->Mode->CursorRow;
	out->EnableCursor(out, TRUE);
	for (;;) {
		edit_draw(&e);
		input_wait(&key, INPUT_FOREVER);
		if (key.scan == SCAN_ESC || key.character == CHAR_CARRIAGE_RETURN)
			break;
		edit_apply(&e, key);
	}
	out->EnableCursor(out, FALSE);
	print("\n");
	return key.scan != SCAN_ESC;
}
