// SPDX-License-Identifier: MIT
/* The port driver against a model of a 16550, by I/O ports and in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "x86/cpu.h"
#include "x86/pc/uart.h"

/* A port at 0x3f8; absent: all ones. busy: reads of the line status until the next byte is taken. */
static struct {
	bool absent, stuck;
	unsigned busy, left, status_reads;
	uint8_t registers[8], divisor_low, divisor_high;
	char sent[64];
	unsigned sent_count;
} port;

uint32_t twin_cpu_in(uint16_t number, unsigned bits)
{
	assert_int_equal(bits, 8);
	assert_true(number >= 0x3f8 && number < 0x400);
	if (port.absent)
		return 0xff;
	if (number != 0x3fd)
		return port.registers[number - 0x3f8];
	port.status_reads++;
	if (port.stuck)
		return 0;
	if (port.left) {
		port.left--;
		return 0;
	}
	return 0x60;
}

void twin_cpu_out(uint16_t number, unsigned bits, uint32_t value)
{
	bool divisor_access = port.registers[3] & 0x80;

	assert_int_equal(bits, 8);
	assert_true(number >= 0x3f8 && number < 0x400);
	assert_false(port.absent);
	if (number == 0x3f8 && divisor_access) {
		port.divisor_low = (uint8_t)value;
	} else if (number == 0x3f9 && divisor_access) {
		port.divisor_high = (uint8_t)value;
	} else if (number == 0x3f8) {
		assert_int_equal(port.left, 0);
		assert_true(port.sent_count < sizeof(port.sent) - 1);
		port.sent[port.sent_count++] = (char)value;
		port.left = port.busy;
	} else {
		port.registers[number - 0x3f8] = (uint8_t)value;
	}
}

static const struct uart com1 = { .base = 0x3f8, .stride = 1 };

static int fresh_port(void **state)
{
	(void)state;
	memset(&port, 0, sizeof(port));
	return 0;
}

static void text_goes_out_in_order(void **state)
{
	(void)state;
	port.busy = 7;
	assert_true(uart_write_text(&com1, "a\nbc", 4));
	assert_string_equal(port.sent, "a\r\nbc");
}

static void rate_is_set_or_left(void **state)
{
	(void)state;
	port.divisor_low = 0x55;
	port.registers[1] = 0xf;
	uart_init(&com1, 0);
	assert_int_equal(port.divisor_low, 0x55);
	assert_int_equal(port.registers[1], 0);
	assert_int_equal(port.registers[3], 3);
	assert_int_equal(port.registers[4], 3);
	uart_init(&com1, 300);
	assert_int_equal(port.divisor_low, 0x80);
	assert_int_equal(port.divisor_high, 1);
	assert_int_equal(port.registers[3], 3);
	uart_init(&com1, 4000000);
	assert_int_equal(port.divisor_low, 1);
	assert_int_equal(port.divisor_high, 0);
}

static void absent_port_costs_nothing(void **state)
{
	const struct uart none = { 0 };

	(void)state;
	assert_false(uart_present(&none));
	assert_false(uart_write_char(&none, 'x'));
	port.absent = true;
	assert_false(uart_present(&com1));
	uart_init(&com1, 115200);
	assert_false(uart_write_text(&com1, "hello\n", 6));
	assert_int_equal(port.status_reads, 0);
}

static void stuck_port_ends_the_text(void **state)
{
	(void)state;
	port.stuck = true;
	assert_true(uart_present(&com1));
	port.status_reads = 0;
	assert_false(uart_write_text(&com1, "hello\n", 6));
	assert_int_equal(port.status_reads, UART_WAIT_READS);
	assert_int_equal(port.sent_count, 0);
}

static void memory_mapped(void **state)
{
	uint8_t narrow[8] = { [5] = 0x20 };
	uint32_t wide[8] = { [5] = 0xffffff20 };
	struct uart u = { .base = (uintptr_t)narrow, .mmio = 1, .stride = 1 };

	(void)state;
	assert_true(uart_present(&u));
	assert_true(uart_write_char(&u, 'n'));
	assert_int_equal(narrow[0], 'n');
	u = (struct uart){ .base = (uintptr_t)wide, .mmio = 1, .stride = 4 };
	assert_true(uart_present(&u));
	assert_true(uart_write_char(&u, (char)0xe4));
	assert_int_equal(wide[0], 0xe4);
	uart_init(&u, 115200);
	assert_int_equal(wide[3], 3);
	wide[5] = 0xffffffff;
	assert_false(uart_present(&u));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(text_goes_out_in_order, fresh_port),
		cmocka_unit_test_setup(rate_is_set_or_left, fresh_port),
		cmocka_unit_test_setup(absent_port_costs_nothing, fresh_port),
		cmocka_unit_test_setup(stuck_port_ends_the_text, fresh_port),
		cmocka_unit_test_setup(memory_mapped, fresh_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
