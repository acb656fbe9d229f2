// SPDX-License-Identifier: MIT
/* lib/string.c under other names, beside libc's. */
#include "string_renamed.h"

#include "lib/string.c"
