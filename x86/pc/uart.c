// SPDX-License-Identifier: MIT
#include "x86/pc/uart.h"

#include "x86/cpu.h"

/* Registers, National Semiconductor PC16550D data sheet. */
enum { UART_DATA = 0, UART_DIVISOR_LOW = 0, UART_INTERRUPTS = 1, UART_DIVISOR_HIGH = 1, UART_FIFO = 2,
       UART_LINE_CONTROL = 3, UART_MODEM_CONTROL = 4, UART_LINE_STATUS = 5 };

#define FIFO_ENABLE		0x01	/* without the clear bits: what firmware wrote still goes out */
#define LINE_8N1		0x03
#define LINE_DIVISOR_ACCESS	0x80
#define MODEM_DTR_RTS		0x03
#define STATUS_ABSENT		0xff
#define STATUS_TRANSMIT_EMPTY	0x20
#define CLOCK_BAUD		115200u	/* 1.8432 MHz / 16 */

static uint8_t mmio_read(const struct uart *u, uint64_t address)
{
	void *p = cpu_phys_pointer(address);

	return u->stride == 4 ? (uint8_t)*(volatile uint32_t *)p : *(volatile uint8_t *)p;
}

static void mmio_write(const struct uart *u, uint64_t address, uint8_t value)
{
	void *p = cpu_phys_pointer(address);

	if (u->stride == 4)
		*(volatile uint32_t *)p = value;
	else
		*(volatile uint8_t *)p = value;
}

static uint8_t uart_read(const struct uart *u, uint32_t reg)
{
	uint64_t address = u->base + (uint64_t)reg * u->stride;

	return u->mmio ? mmio_read(u, address) : cpu_in8((uint16_t)address);
}

static void uart_write(const struct uart *u, uint32_t reg, uint8_t value)
{
	uint64_t address = u->base + (uint64_t)reg * u->stride;

	if (u->mmio)
		mmio_write(u, address, value);
	else
		cpu_out8((uint16_t)address, value);
}

bool uart_present(const struct uart *u)
{
	return u->base && uart_read(u, UART_LINE_STATUS) != STATUS_ABSENT;
}

void uart_init(const struct uart *u, uint32_t baud)
{
	if (!uart_present(u))
		return;
	if (baud) {
		uint32_t divisor = baud < CLOCK_BAUD ? CLOCK_BAUD / baud : 1;

		uart_write(u, UART_LINE_CONTROL, LINE_8N1 | LINE_DIVISOR_ACCESS);
		uart_write(u, UART_DIVISOR_LOW, (uint8_t)divisor);
		uart_write(u, UART_DIVISOR_HIGH, (uint8_t)(divisor >> 8));
	}
	uart_write(u, UART_LINE_CONTROL, LINE_8N1);
	uart_write(u, UART_INTERRUPTS, 0);
	uart_write(u, UART_FIFO, FIFO_ENABLE);
	uart_write(u, UART_MODEM_CONTROL, MODEM_DTR_RTS);
}

bool uart_write_char(const struct uart *u, char c)
{
	if (!u->base)
		return false;
	for (uint32_t reads = 0; reads < UART_WAIT_READS; reads++) {
		uint8_t status = uart_read(u, UART_LINE_STATUS);

		if (status == STATUS_ABSENT)
			return false;
		if (status & STATUS_TRANSMIT_EMPTY) {
			uart_write(u, UART_DATA, (uint8_t)c);
			return true;
		}
		cpu_relax();
	}
	return false;
}

bool uart_write_text(const struct uart *u, const char *text, uint32_t length)
{
	for (; length; length--, text++) {
		if (*text == '\n' && !uart_write_char(u, '\r'))
			return false;
		if (!uart_write_char(u, *text))
			return false;
	}
	return true;
}
