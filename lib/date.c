// SPDX-License-Identifier: MIT
#include "lib/date.h"

#include <stdbool.h>

#include "lib/fmt.h"

#define DAY_S		86400u
#define FIRST_YEAR	1970u
#define LAST_YEAR	9999u

static bool is_leap(uint32_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static uint32_t days_of_month(uint32_t year, uint32_t month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

/* Days from 1970-01-01 to the first day of the year. */
static uint64_t days_before(uint32_t year)
{
	uint32_t y = year - 1;

	return 365ull * (year - FIRST_YEAR) + (y / 4 - y / 100 + y / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);
}

uint64_t date_to_seconds(const struct date *d)
{
	uint64_t days;

	if (d->year < FIRST_YEAR || d->year > LAST_YEAR || d->month < 1 || d->month > 12 || d->day < 1 ||
	    d->day > days_of_month(d->year, d->month) || d->hour > 23 || d->minute > 59 || d->second > 59)
		return 0;
	days = days_before(d->year) + d->day - 1;
	for (uint32_t month = 1; month < d->month; month++)
		days += days_of_month(d->year, month);
	return days * DAY_S + d->hour * 3600 + d->minute * 60 + d->second;
}

void date_from_seconds(uint64_t seconds, struct date *d)
{
	uint64_t days = seconds / DAY_S;
	uint32_t rest = (uint32_t)(seconds % DAY_S);

	*d = (struct date){ FIRST_YEAR, 1, 1, rest / 3600, rest / 60 % 60, rest % 60 };
	if (days >= days_before(LAST_YEAR + 1))		/* no date of ours: the last one stands for it */
		days = days_before(LAST_YEAR + 1) - 1;
	d->year += (uint32_t)(days / 366);		/* never too late */
	while (days_before(d->year + 1) <= days)
		d->year++;
	days -= days_before(d->year);
	while (days >= days_of_month(d->year, d->month))
		days -= days_of_month(d->year, d->month++);
	d->day += (uint32_t)days;
}

void date_text(char *to, size_t size, uint64_t seconds)
{
	struct date d;

	date_from_seconds(seconds, &d);
	fmt_snprint(to, size, "%04u-%02u-%02u %02u:%02u:%02u", d.year, d.month, d.day, d.hour, d.minute, d.second);
}

void date_ago(char *to, size_t size, uint64_t then, uint64_t now)
{
	static const struct { uint32_t seconds; const char *name; } units[] = {
		{ DAY_S, "day" }, { 3600, "hour" }, { 60, "minute" }, { 1, "second" },
	};
	uint64_t past = now - then, n;
	unsigned i = 0;

	if (size)
		to[0] = '\0';
	if (then > now)
		return;
	while (i < 3 && past < 2 * (uint64_t)units[i].seconds)	/* "90 seconds" says more than "1 minute" */
		i++;
	n = past / units[i].seconds;
	fmt_snprint(to, size, "%llu %s%s ago", (unsigned long long)n, units[i].name, n == 1 ? "" : "s");
}
