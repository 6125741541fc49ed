/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backend/base/stamp.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "backend/base/quote.h"
#include "backend/base/sys.h"

#define DAY 86400

/* Division that rounds down, for dates before 1970. */
static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/*
 * The calendar is counted in eras of 400 years, which all have as many days, and in
 * years that begin in March, so that the leap day is the last of its year.
 */
#define ERA_DAYS  146097
#define ERA_SHIFT 719468 /* days from 0000-03-01 to 1970-01-01 */

static int64_t days_of_date(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = floor_div(y, 400);
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year -
	       ERA_SHIFT;
}

static void date_of_days(int64_t days, int64_t *year, int *month, int *day)
{
	int64_t shifted = days + ERA_SHIFT;
	int64_t era = floor_div(shifted, ERA_DAYS);
	int64_t of_era = shifted - era * ERA_DAYS;
	int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
	int64_t m = (5 * of_year + 2) / 153;

	*day = (int)(of_year - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = era * 400 + y + (*month <= 2);
}

static int days_in_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

int stamp_now(struct stamp *ret, struct err *err)
{
	struct timespec ts;
	struct tm tm;

	if (sys_clock_gettime(CLOCK_REALTIME, &ts) < 0)
		return err_errno(err, "cannot read the clock");
	if (!localtime_r(&ts.tv_sec, &tm))
		return err_errno(err, "cannot tell the local time");
	*ret = (struct stamp){ ts.tv_sec, (uint32_t)ts.tv_nsec,
			       (int16_t)(tm.tm_gmtoff / 60) };
	return 0;
}

/* What is left of a text that is being read. */
struct cursor {
	const char *at, *end;
};

/* Takes exactly n digits; false if they are not there or exceed max. */
static bool take_digits(struct cursor *c, int n, int max, int *ret)
{
	int v = 0;

	if (c->end - c->at < n)
		return false;
	for (int i = 0; i < n; i++, c->at++) {
		if (*c->at < '0' || *c->at > '9')
			return false;
		v = v * 10 + (*c->at - '0');
	}
	*ret = v;
	return v <= max;
}

static bool take_char(struct cursor *c, char wanted)
{
	if (c->at == c->end || *c->at != wanted)
		return false;
	c->at++;
	return true;
}

/* Takes what follows the point: one digit at least. */
static bool take_fraction(struct cursor *c, uint32_t *ret_nsec)
{
	const char *begin = c->at;
	uint32_t v = 0, unit = 100000000;

	for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++, unit /= 10)
		v += (uint32_t)(*c->at - '0') * unit;
	*ret_nsec = v;
	return c->at > begin;
}

static bool take_offset(struct cursor *c, int *ret_minutes)
{
	int sign, hours, minutes;

	*ret_minutes = 0;
	if (take_char(c, 'Z'))
		return true;
	if (take_char(c, '+'))
		sign = 1;
	else if (take_char(c, '-'))
		sign = -1;
	else
		return false;
	if (!take_digits(c, 2, 23, &hours) || !take_char(c, ':') ||
	    !take_digits(c, 2, 59, &minutes))
		return false;
	*ret_minutes = sign * (hours * 60 + minutes);
	return true;
}

/* Takes YYYY-MM-DD. */
static bool take_date(struct cursor *c, int64_t *ret_days)
{
	int year, month, day;

	if (!take_digits(c, 4, 9999, &year) || !take_char(c, '-') ||
	    !take_digits(c, 2, 12, &month) || month < 1 || !take_char(c, '-') ||
	    !take_digits(c, 2, days_in_month(year, month), &day) || day < 1)
		return false;
	*ret_days = days_of_date(year, month, day);
	return true;
}

/* Takes HH:MM:SS and a fraction. */
static bool take_time(struct cursor *c, int *ret_sec, uint32_t *ret_nsec)
{
	int hour, min, sec;

	if (!take_digits(c, 2, 23, &hour) || !take_char(c, ':') ||
	    !take_digits(c, 2, 59, &min) || !take_char(c, ':') ||
	    !take_digits(c, 2, 59, &sec))
		return false;
	*ret_sec = hour * 3600 + min * 60 + sec;
	*ret_nsec = 0;
	return !take_char(c, '.') || take_fraction(c, ret_nsec);
}

int stamp_parse(const char *text, size_t len, struct stamp *ret, struct err *err)
{
	struct cursor c = { text, text + len };
	int64_t days;
	int sec, offset;
	uint32_t nsec;

	if (!take_date(&c, &days) || !take_char(&c, 'T') || !take_time(&c, &sec, &nsec) ||
	    !take_offset(&c, &offset) || c.at != c.end)
		return err_set(err, ERR_CORRUPT, "%s is not an RFC 3339 time",
			       qn(text, len));
	*ret = (struct stamp){ days * DAY + sec - offset * 60, nsec, (int16_t)offset };
	return 0;
}

/* Writes ".nnn" without trailing zeros, or nothing. */
static void format_fraction(uint32_t nsec, char out[11])
{
	int n = 0;

	if (nsec > 0)
		n = snprintf(out, 11, ".%09u", nsec % 1000000000);
	while (n > 0 && out[n - 1] == '0')
		n--;
	out[n] = '\0';
}

void stamp_format(const struct stamp *s, char out[STAMP_TEXT_MAX])
{
	/* Split before the offset is added: the sum could overflow. */
	int64_t days = floor_div(s->sec, DAY), year;
	int of_day = (int)(s->sec % DAY), sec;
	int month, day, n;
	char fraction[11];

	sec = (of_day < 0 ? of_day + DAY : of_day) + s->offset * 60;
	days += floor_div(sec, DAY);
	sec -= (int)floor_div(sec, DAY) * DAY;
	date_of_days(days, &year, &month, &day);
	format_fraction(s->nsec, fraction);
	n = snprintf(out, STAMP_TEXT_MAX, "%04lld-%02d-%02dT%02d:%02d:%02d%s",
		     (long long)year, month, day, sec / 3600, sec / 60 % 60, sec % 60,
		     fraction);
	if (s->offset == 0) {
		snprintf(out + n, (size_t)(STAMP_TEXT_MAX - n), "Z");
	} else {
		int minutes = s->offset < 0 ? -s->offset : s->offset;
		snprintf(out + n, (size_t)(STAMP_TEXT_MAX - n), "%c%02d:%02d",
			 s->offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
	}
}

bool stamp_is_zero(const struct stamp *s)
{
	static const struct stamp zero = STAMP_ZERO;

	return s->sec == zero.sec && s->nsec == zero.nsec;
}

/* Less than a minute: three digits or so of the largest unit that fits. */
static void format_short_age(double sec, char out[STAMP_TEXT_MAX])
{
	static const char *const units[] = { "ms", "\302\265s", "ns" };
	int unit = 0;
	double v = sec * 1000;

	if (sec >= 0.9995) {
		snprintf(out, STAMP_TEXT_MAX, "%.*fs", sec >= 9.995 ? 1 : 2, sec);
		return;
	}
	for (; unit < 2 && v < 0.9995; unit++)
		v *= 1000;
	snprintf(out, STAMP_TEXT_MAX, "%.*f%s", v > 9.5 ? 0 : 1, v, units[unit]);
}

/* Writes two units, the second with at least `width` digits. */
static void format_pair(int64_t total, int base, const char *units, int width,
			char out[STAMP_TEXT_MAX])
{
	snprintf(out, STAMP_TEXT_MAX, "%lld%c%0*lld%c", (long long)(total / base),
		 units[0], width, (long long)(total % base), units[1]);
}

static int64_t round_up_half(double v)
{
	return (int64_t)(v + 0.5);
}

/* A day or more. */
static void format_long_age(double hours, char out[STAMP_TEXT_MAX])
{
	const double days = hours / 24, years = days / 365.25;
	int64_t whole = round_up_half(hours);

	if (days < 10)
		format_pair(whole, 24, "dh", 2, out);
	else if (days < 99.95 && whole % 24 < 10)
		format_pair(whole, 24, "dh", 1, out);
	else if (days < 99.95)
		snprintf(out, STAMP_TEXT_MAX, "%.1fd", days);
	else if (years < 2)
		snprintf(out, STAMP_TEXT_MAX, "%.0fd", days);
	else
		snprintf(out, STAMP_TEXT_MAX, "%.*fy", years < 9.995 ? 2 : years < 99.95,
			 years);
}

void stamp_format_age(int64_t nsec, char out[STAMP_TEXT_MAX])
{
	double sec = (double)nsec / 1e9, minutes = sec / 60;
	int64_t whole = round_up_half(minutes);

	if (nsec <= 0)
		snprintf(out, STAMP_TEXT_MAX, "0ns");
	else if (sec < 60)
		format_short_age(sec, out);
	else if (sec < 600)
		format_pair(round_up_half(sec), 60, "ms", 2, out);
	else if (minutes < 99.95)
		snprintf(out, STAMP_TEXT_MAX, "%.1fm", minutes);
	else if (minutes < 600)
		format_pair(whole, 60, "hm", 2, out);
	else if (minutes < 1440 && whole % 60 < 10)
		format_pair(whole, 60, "hm", 1, out);
	else if (minutes < 1440)
		snprintf(out, STAMP_TEXT_MAX, "%.1fh", minutes / 60);
	else
		format_long_age(minutes / 60, out);
}

void stamp_format_size(uint64_t bytes, char out[STAMP_TEXT_MAX])
{
	static const char prefixes[] = "kMGTPE";
	uint64_t unit = 1000;
	int prefix = 0;

	if (bytes < 1000) {
		snprintf(out, STAMP_TEXT_MAX, "%uB", (unsigned)bytes);
		return;
	}
	/* The next unit is due where three digits would round to 1000 of this one. */
	for (; prefix < 5 && bytes / (unit / 2) >= 1999; prefix++)
		unit *= 1000;

	double v = (double)bytes / (double)unit;
	int decimals = v < 9.995 ? 2 : v < 99.95 ? 1 : 0;
	snprintf(out, STAMP_TEXT_MAX, "%.*f%cB", decimals, v, prefixes[prefix]);
}

/* Takes a number of any length; false if there is none or it is too large. */
static bool take_number(const char **text, uint64_t *ret)
{
	const char *p = *text;
	uint64_t v = 0;

	for (; *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return false;
	}
	if (p == *text)
		return false;
	*text = p;
	*ret = v;
	return true;
}

/* Seconds in a unit, or 0. */
static uint64_t unit_seconds(const char *unit)
{
	static const struct {
		char letter;
		uint64_t seconds;
	} units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', DAY }, { 'w', 7 * DAY }
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (unit[0] == units[i].letter && unit[1] == '\0')
			return units[i].seconds;
	}
	return 0;
}

int stamp_parse_duration(const char *text, int64_t *ret, struct err *err)
{
	const char *unit = text;
	uint64_t n, v;

	if (strcmp(text, "no") == 0 || strcmp(text, "never") == 0) {
		*ret = -1;
		return 0;
	}
	if (!take_number(&unit, &n) || unit_seconds(unit) == 0 ||
	    __builtin_mul_overflow(n, unit_seconds(unit), &v) || v > INT64_MAX) {
		err_set(err, ERR_USAGE, "%s is not a duration", q(text));
		return err_hint(err, "a number and a unit (s, m, h, d, w), or \"never\"");
	}
	*ret = (int64_t)v;
	return 0;
}

/* Bytes in a unit ("", "B", "kB", "K", "KiB", ...), or 0. */
static uint64_t unit_bytes(const char *unit)
{
	static const char prefixes[] = "kMGTPE";
	uint64_t base, v = 1;

	if (strcmp(unit, "") == 0 || strcmp(unit, "B") == 0)
		return 1;
	const char *prefix = strchr(prefixes, unit[0] == 'K' ? 'k' : unit[0]);
	if (!prefix)
		return 0;
	if (strcmp(unit + 1, "B") == 0)
		base = 1000;
	else if (strcmp(unit + 1, "") == 0 || strcmp(unit + 1, "iB") == 0)
		base = 1024;
	else
		return 0;
	for (const char *p = prefixes; p <= prefix; p++)
		v *= base;
	return v;
}

int stamp_parse_size(const char *text, uint64_t *ret, struct err *err)
{
	const char *unit = text;
	uint64_t n, v;

	if (!take_number(&unit, &n) || unit_bytes(unit) == 0 ||
	    __builtin_mul_overflow(n, unit_bytes(unit), &v)) {
		err_set(err, ERR_USAGE, "%s is not a size", q(text));
		return err_hint(err,
				"a number of bytes, or with a unit such as \"10K\" or "
				"\"10kB\"");
	}
	*ret = v;
	return 0;
}
