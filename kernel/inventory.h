// SPDX-License-Identifier: MIT
/*
 * What the machine has done and can do behind our back, for log and report: machine checks, bus masters.
 */
#ifndef KERNEL_INVENTORY_H
#define KERNEL_INVENTORY_H

#include "boot/config.h"
#include "kernel/machine.h"
#include "kernel/report.h"

/* Functions that the report has room for. Fixed, since reservations may not depend on what is plugged in (protocol
 * rule 18); bus mastering of the others is handled all the same. */
#define INVENTORY_PCI_REPORTED 256
#define INVENTORY_PCI_MAX 1024

/* Reads the machine-check banks of this CPU and prints what is logged there; clears nothing (protocol rule 22). */
void inventory_machine_checks(struct report *report);

/* Lists the PCI functions, looks whether an IOMMU translates for each, turns bus mastering off where the policy says so
 * and puts them into the report. Context: boss, ECAM windows and IOMMU registers mapped. */
void inventory_bus_masters(const struct config *config, struct machine *machine, struct report *report);

#endif
