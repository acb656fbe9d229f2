// SPDX-License-Identifier: MIT
/*
 * Baton's own command line out of LoadOptions, which may be anything: firmware stores binary data there, the shell
 * puts the path of the image first.
 */
#ifndef EFI_OPTIONS_H
#define EFI_OPTIONS_H

/* to (size bytes, NUL terminated) gets the text of LoadOptions; "" if they are no text. A leading byte order mark and a
 * leading word that ends in ".efi" are dropped. Behind the EFI handover: what boot_params call the command line. */
void options_read(char *to, unsigned size);

#endif
