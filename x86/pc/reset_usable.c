// SPDX-License-Identifier: MIT
/* The pure half of x86/pc/reset.h: compiled for the host's unit tests too. */
#include "x86/pc/reset.h"

bool reset_register_usable(const struct reset_info *info)
{
	switch (info->space) {
	case 0:
		return info->address != 0;
	case 1:
		return info->address != 0 && info->address <= UINT16_MAX && info->address != info->smi_port;
	case 2:		/* device 47:32, function 31:16, register 15:0 (ACPI 6.5, 4.8.3.6) */
		return info->address != 0 && info->address >> 32 < 32 && (info->address >> 16 & 0xffff) < 8 &&
		       (info->address & 0xffff) < 256;
	default:
		return false;
	}
}
