// SPDX-License-Identifier: MIT
#include "efi/progress.h"

#include "efi/firmware.h"
#include "efi/print.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define REDRAW_US	250000
#define NAME_SHOWN	44

static struct {
	char name[256];			/* "": no file under way */
	uint64_t start_us, last_us;
	bool open_line;
} state;

void progress_show(const char *name, uint64_t done, uint64_t total)
{
	uint64_t now = firmware_now_us(), elapsed;
	size_t length = strlen(name);
	const char *shown = length > NAME_SHOWN ? name + length - NAME_SHOWN : name;

	if (strncmp(state.name, name, sizeof state.name - 1) != 0) {
		progress_end();
		fmt_snprint(state.name, sizeof state.name, "%s", name);
		state.start_us = state.last_us = now;
	}
	if (done < total && now - state.last_us < REDRAW_US)
		return;
	state.last_us = now;
	elapsed = now - state.start_us;
	print("\r  %-44s %3u%%", shown, (unsigned)(total ? done * 100 / total : 100));
	if (elapsed)
		print(" %5llu MB/s", (unsigned long long)(done / elapsed));
	state.open_line = true;
	if (done >= total)
		progress_end();
}

void progress_end(void)
{
	if (state.open_line)
		print("\n");
	state.open_line = false;
	state.name[0] = 0;
}
