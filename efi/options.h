// SPDX-License-Identifier: MIT
/*
 * Baton's own command line out of LoadOptions, which may be anything: firmware stores binary data there, the shell
 * puts the path of the image first. Pure.
 */
#ifndef EFI_OPTIONS_H
#define EFI_OPTIONS_H

#include <stdint.h>

/* to (size bytes, NUL terminated) gets the text; "" if options are no text. A leading byte order mark and a leading
 * word that ends in ".efi" are dropped. */
void options_to_text(char *to, unsigned size, const void *options, uint32_t bytes);

#endif
