// SPDX-License-Identifier: MIT
/*
 * A 16550-compatible serial port, written by polling; never read. Linked into the image and into the block.
 * The struct holds no state beside the address, so any CPU may write; callers keep lines whole themselves.
 */
#ifndef X86_PC_UART_H
#define X86_PC_UART_H

#include <stdbool.h>
#include <stdint.h>

struct uart {
	uint64_t base;		/* 0: none */
	uint32_t mmio;		/* 0: I/O ports, 1: memory, mapped uncached at its physical address */
	uint32_t stride;	/* bytes between registers: 1, or 4, which in memory means 32-bit accesses */
};

/* Reads of the line status before a character is given up. A read takes 0.5 to 1 us on real machines (LPC,
 * PCIe), so this is some 200 to 400 ms: many times what
 * a full 16-byte FIFO needs at 9600 baud, since an emulated port waits for whoever reads it. */
#define UART_WAIT_READS	400000u

/* True if there is a port: an absent one reads as all ones. Any context. */
bool uart_present(const struct uart *u);

/* Makes the port usable for polled output, 8n1: no interrupts, FIFO on, DTR and RTS set. baud 0 leaves the rate
 * as firmware set it; other rates assume the PC's 1.8432 MHz clock. Does nothing if there is no port. */
void uart_init(const struct uart *u, uint32_t baud);

/* Writes one byte. False: no port, or not ready within UART_WAIT_READS. Any context, NMI and #MC included. */
bool uart_write_char(const struct uart *u, char c);

/* Writes length bytes, each \n as \r\n; stops at the first byte that does not go out, so that a dead port costs
 * one wait a call. False then. */
bool uart_write_text(const struct uart *u, const char *text, uint32_t length);

#endif
