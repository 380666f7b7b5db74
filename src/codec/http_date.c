/* http_date.c - dates as HTTP writes them, without locale, time zone or printf
 *
 * Days are counted in the proleptic Gregorian calendar, in years that begin in March, so that the
 * leap day is the last of its year. */
#include "codec/http_date.h"

#include <errno.h>

#include "codec/chars.h"

enum {
	DAY_SECONDS = 86400,
	SHORTEST_BYTES = 24, /* asctime's form */
};

static const char day_names[] = "SunMonTueWedThuFriSat";
static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

struct date {
	int year, month, day; /* month 1-12 */
	int hour, minute, second;
};

/* ---- the calendar ---- */

/* Days from 1970-01-01 to the date. */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, struct date *date)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t of_era = z - era * 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t march = (5 * of_year + 2) / 153;

	date->day = (int)(of_year - (153 * march + 2) / 5 + 1);
	date->month = (int)(march < 10 ? march + 3 : march - 9);
	date->year = (int)(year + era * 400 + (date->month <= 2));
}

static int days_in(int year, int month)
{
	return (int)(days_of(year + month / 12, month % 12 + 1, 1) - days_of(year, month, 1));
}

/* Sunday is 0; 1970-01-01 was a Thursday. */
static int weekday_of(int64_t days)
{
	return (int)(((days + 4) % 7 + 7) % 7);
}

/* ---- writing ---- */

static char *put_two(char *at, int value)
{
	at[0] = (char)('0' + value / 10);
	at[1] = (char)('0' + value % 10);
	return at + 2;
}

static char *put_text(char *at, const char *text, size_t len)
{
	memcpy(at, text, len);
	return at + len;
}

void rota__http_date_format(time_t when, char *out)
{
	const time_t first = (time_t)days_of(0, 1, 1) * DAY_SECONDS;
	const time_t last = (time_t)days_of(10000, 1, 1) * DAY_SECONDS - 1;
	int64_t days, rest;
	struct date date;

	when = when < first ? first : when > last ? last : when;
	days = when / DAY_SECONDS - (when % DAY_SECONDS < 0);
	rest = when - days * DAY_SECONDS;
	date_of(days, &date);
	out = put_text(out, day_names + 3 * weekday_of(days), 3);
	out = put_text(out, ", ", 2);
	out = put_two(out, date.day);
	*out++ = ' ';
	out = put_text(out, month_names + 3 * (date.month - 1), 3);
	*out++ = ' ';
	out = put_two(out, date.year / 100);
	out = put_two(out, date.year % 100);
	*out++ = ' ';
	out = put_two(out, (int)(rest / 3600));
	*out++ = ':';
	out = put_two(out, (int)(rest / 60 % 60));
	*out++ = ':';
	out = put_two(out, (int)(rest % 60));
	put_text(out, " GMT", 4);
}

struct span rota__http_date_now(struct http_date *cache, time_t now)
{
	if (cache->text[0] == '\0' || cache->second != now) {
		rota__http_date_format(now, cache->text);
		cache->second = now;
	}
	return (struct span){ cache->text, HTTP_DATE_BYTES };
}

/* ---- reading ---- */

/* The cursor of a text that is taken apart; `bad` once anything did not fit, and then nothing else
 * counts. */
struct cursor {
	const char *at, *end;
	bool bad;
};

static void take_literal(struct cursor *in, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(in->end - in->at) < len || memcmp(in->at, text, len) != 0)
		in->bad = true;
	else
		in->at += len;
}

/* Exactly `digits` of them; with `blank` the first may be a space. */
static int take_number(struct cursor *in, int digits, bool blank)
{
	int value = 0;

	if (in->end - in->at < digits) {
		in->bad = true;
		return 0;
	}
	if (blank && *in->at == ' ') {
		in->at++;
		digits--;
	}
	for (; digits > 0; digits--, in->at++) {
		in->bad |= !char_is_digit(*in->at);
		value = value * 10 + (*in->at - '0');
	}
	return value;
}

/* Which of the three-letter names; the first is 0. */
static int take_name(struct cursor *in, const char *names)
{
	for (int i = 0; names[3 * i] != '\0' && in->end - in->at >= 3; i++) {
		if (memcmp(in->at, names + 3 * i, 3) == 0) {
			in->at += 3;
			return i;
		}
	}
	in->bad = true;
	return 0;
}

static void take_time(struct cursor *in, struct date *date)
{
	date->hour = take_number(in, 2, false);
	take_literal(in, ":");
	date->minute = take_number(in, 2, false);
	take_literal(in, ":");
	date->second = take_number(in, 2, false);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", the day's name gone. */
static void take_fixed(struct cursor *in, struct date *date)
{
	take_literal(in, ", ");
	date->day = take_number(in, 2, false);
	take_literal(in, " ");
	date->month = take_name(in, month_names) + 1;
	take_literal(in, " ");
	date->year = take_number(in, 4, false);
	take_literal(in, " ");
	take_time(in, date);
	take_literal(in, " GMT");
}

/* "Sun Nov  6 08:49:37 1994", the day's name gone. */
static void take_asctime(struct cursor *in, struct date *date)
{
	take_literal(in, " ");
	date->month = take_name(in, month_names) + 1;
	take_literal(in, " ");
	date->day = take_number(in, 2, true);
	take_literal(in, " ");
	take_time(in, date);
	take_literal(in, " ");
	date->year = take_number(in, 4, false);
}

/* The year of the century around `now` that ends in the two digits: at most 50 years ahead. */
static int full_year(int two_digits, time_t now)
{
	struct date today;
	int year;

	date_of(now / DAY_SECONDS - (now % DAY_SECONDS < 0), &today);
	year = today.year / 100 * 100 + two_digits;
	if (year > today.year + 50)
		year -= 100;
	else if (year <= today.year - 50)
		year += 100;
	return year;
}

/* "Sunday, 06-Nov-94 08:49:37 GMT", the first three letters of the day's name gone. */
static void take_rfc850(struct cursor *in, int weekday, struct date *date, time_t now)
{
	static const char *const rest[] = { "day", "day", "sday", "nesday", "rsday", "day",
		"urday" };

	take_literal(in, rest[weekday]);
	take_literal(in, ", ");
	date->day = take_number(in, 2, false);
	take_literal(in, "-");
	date->month = take_name(in, month_names) + 1;
	take_literal(in, "-");
	date->year = full_year(take_number(in, 2, false), now);
	take_literal(in, " ");
	take_time(in, date);
	take_literal(in, " GMT");
}

/* Second 60 is a leap second.  The name of the day is not held against the date: nobody relies on
 * it, and a sender may have it wrong. */
static bool is_date(const struct date *date)
{
	return date->year >= 0 && date->day >= 1 && date->day <= days_in(date->year, date->month) &&
	       date->hour < 24 && date->minute < 60 && date->second <= 60;
}

int rota__http_date_parse(struct span text, time_t now, time_t *ret_at)
{
	struct cursor in = { .at = text.at };
	struct date date = { 0 };
	int weekday;

	if (text.len < SHORTEST_BYTES)
		return -EINVAL;
	in.end = text.at + text.len;
	weekday = take_name(&in, day_names);
	if (*in.at == ',')
		take_fixed(&in, &date);
	else if (*in.at == ' ')
		take_asctime(&in, &date);
	else
		take_rfc850(&in, weekday, &date, now);
	if (in.bad || in.at != in.end || !is_date(&date))
		return -EINVAL;
	*ret_at = (time_t)(days_of(date.year, date.month, date.day) * DAY_SECONDS +
			   date.hour * 3600 + date.minute * 60 + date.second);
	return 0;
}
