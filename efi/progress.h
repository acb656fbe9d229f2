// SPDX-License-Identifier: MIT
/*
 * One line per file while it is read: name, percent, MB/s. Redrawn at most four times a second, since a serial
 * console at 115200 baud takes 5 ms for it. Before ExitBootServices only.
 */
#ifndef EFI_PROGRESS_H
#define EFI_PROGRESS_H

#include <stdint.h>

/* done of total bytes of the file called name are read. The last call for a file ends its line. */
void progress_show(const char *name, uint64_t done, uint64_t total);

/* Before a message: ends a line that stands half done, forgets the file. */
void progress_end(void);

#endif
