// SPDX-License-Identifier: MIT
/*
 * The local APIC, in the mode it is found in (xAPIC or x2APIC), never switched: some processors forbid the way
 * back. IPIs are targeted, physical destination. Sources: SDM 3A chapter 11; protocol rules 10, 12.
 */
#ifndef X86_APIC_H
#define X86_APIC_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/status.h"
#include "x86/regs.h"

#define APIC_ICR_BUSY_US	100000		/* longest wait for delivery-status idle */
#define APIC_XAPIC_ID_MAX	254		/* 255 is broadcast */

enum apic_mode { APIC_MODE_OFF, APIC_MODE_XAPIC, APIC_MODE_X2APIC };

/* Reads IA32_APIC_BASE, remembers mode and base; touches no register of the APIC's. Boss, once, before all below.
 * E_NO_APIC: disabled, or the base is not below 4 GiB. */
enum status MUST_CHECK apic_init(struct problem *p);

/* Remembers what apic_found() gives. Boss, once, when xAPIC's page is mapped uncached, before apic_enable(). */
void apic_save_found(void);

/* The boss's as firmware or the previous loader left it: LINT0 may be the virtual wire that a
 * kernel without I/O APIC needs (SDM 3A 11.4, 11.5.1; MP specification 3.6.2.2). */
struct apic_found { uint32_t svr, lint0; };
struct apic_found apic_found(void);

enum apic_mode apic_mode(void);
uint64_t apic_base(void);		/* physical address of the xAPIC page */
uint32_t apic_id(void);			/* calling CPU */
bool apic_is_bsp(void);			/* calling CPU's own BSP bit */
bool apic_can_reach(uint32_t id);	/* false: xAPIC and id > 254 */

/* Software-enables this CPU's APIC, all LVTs but LINT1 masked, error register cleared. LINT1 keeps what firmware
 * set: an NMI button must stay one. */
void apic_enable(void);

/* The same for a CPU that INIT has just reset: all LVTs are masked (SDM 3A 11.4.7.1). One access. */
void apic_enable_after_init(void);

void apic_eoi(void);
bool apic_in_service(uint8_t vector);	/* calling CPU */

/* Sends one IPI (ICR_* of regs.h) to one id. Earlier stores are visible to the target before the IPI arrives (fence
 * in x2APIC mode, rule 12). Returns false if the ICR stayed busy for APIC_ICR_BUSY_US or the id cannot be
 * addressed. Any CPU, interrupts off (two ICR writes in xAPIC mode). */
bool apic_send(uint32_t id, uint32_t icr_low);

/* True once the last IPI of this CPU has left, false after APIC_ICR_BUSY_US. */
bool apic_wait_idle(void);

/* Clears and reads the error register: bit 2 says that nobody accepted an IPI. */
uint32_t apic_errors(void);

/* For parking and before the jump, in this order: LVTs masked and timer stopped; EOI until nothing is in
 * service; software-disabled. Calling CPU, interrupts off. */
void apic_mask_lvts(void);
void apic_drain(void);
void apic_disable(void);

/* Takes every interrupt that is still requested, such as the last tick of the kernel that started us: nothing else
 * empties IRR, it outlives LVT masks and a software-disabled APIC (SDM 3A 11.4.7.2). The gates of idt.h answer. Vectors
 * 16 to 31 stay: their gates are exceptions'. Calling CPU, APIC enabled, sources masked; interrupts off before and
 * after. */
void apic_accept_requests(void);

#endif
