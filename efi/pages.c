// SPDX-License-Identifier: MIT
#include "efi/pages.h"

#include "boot/boot_info.h"
#include "efi/input.h"
#include "efi/print.h"
#include "efi/tables.h"
#include "gen/identity.h"

static void page_begin(const char *title)
{
	firmware.table->ConOut->ClearScreen(firmware.table->ConOut);
	print("%s\n\n", title);
}

static void page_end(void)
{
	struct key key;

	print("\nAny key goes back.");
	input_wait(&key, INPUT_FOREVER);
}

void pages_help(void)
{
	page_begin("Keys");
	print("  Up, Down, j, k     choose an entry\n"
	      "  Enter              start it\n"
	      "  e                  edit its options, for this start only\n"
	      "  d                  make it the default\n"
	      "  p                  status: firmware, machine, settings\n"
	      "  f                  restart into the firmware's setup\n"
	      "  h, ?               this page\n"
	      "  Q                  leave Baton, back to the firmware\n");
	page_end();
}

static const char *secure_boot_text(uint8_t value)
{
	return value == 3 ? "on" : value == 2 ? "off" : "unknown";
}

static void print_entry(const struct listed_entry *listed)
{
	const struct entry *entry = &listed->entry;
	unsigned i;

	print("\nEntry       %s\n", entry->id);
	if (listed->problem.code)
		print("problem     E%02u: %s\n", listed->problem.code, listed->problem.text);
	print("%-12s%s\n", entry->linux_path[0] ? "linux" : entry->uki_path[0] ? "uki" : "efi", entry_image(entry));
	for (i = 0; i < entry->initrd_count; i++)
		print("initrd      %s\n", entry->initrd[i]);
	print("options     %s\n", entry->options);
	if (entry->counted)
		print("tries       %u left, %u done\n", entry->tries_left, entry->tries_done);
}

void pages_status(const struct menu *menu)
{
	static struct boot_info info;
	const struct framebuffer *screen = &info.framebuffer;

	tables_collect(&info);
	page_begin("Status");
	print("Baton       " BATON_VERSION " " BATON_COMMIT "\n");
	print("machine     %s %s, BIOS %s\n", info.smbios_vendor, info.smbios_product, info.smbios_bios);
	print("UEFI        %u.%u, Secure Boot %s\n", firmware.table->Hdr.Revision >> 16,
	      (firmware.table->Hdr.Revision & 0xffff) / 10, secure_boot_text(info.secure_boot));
	print("TSC         %llu MHz\n", (unsigned long long)(firmware.tsc_hz / 1000000));
	print("tables      ACPI at 0x%llx, SMBIOS at 0x%llx\n", (unsigned long long)info.rsdp,
	      (unsigned long long)info.smbios);
	if (screen->base)
		print("screen      %u x %u at 0x%llx\n", screen->width, screen->height,
		      (unsigned long long)screen->base);
	print("default     %s, editor %s\n",
	      menu->config->default_pattern[0] ? menu->config->default_pattern : "(first entry)",
	      menu->config->editor && !firmware_secure_boot_on() ? "yes" : "no");
	if (menu->config->append[0])
		print("append      %s\n", menu->config->append);
	if (menu->entries->count)
		print_entry(entries_listed(menu->entries, menu->selected));
	page_end();
}
