// SPDX-License-Identifier: MIT
/* The TPM's event log, which ends with firmware, for the next kernel. Door 1, firmware alive. */
#ifndef EFI_TPM_H
#define EFI_TPM_H

/* Installs a copy of the log as Linux's EFI stub does, which Baton does not run; best effort. Nothing happens without
 * a TPM or if an earlier loader has done it. What is measured from here on is in firmware's table of final events. */
void tpm_install_log(void);

#endif
