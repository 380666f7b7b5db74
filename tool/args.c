/* args.c - command lines from tables */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"

/* ---- complaints ---- */

int args_complain(const struct arg_command *command, const char *format, ...)
{
	va_list list;

	fprintf(stderr, "rota %s: ", command->name);
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fprintf(stderr, "\nSee 'rota help %s'.\n", command->name);
	return EXIT_USAGE;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* How many letters must be changed, added or taken away to make `b` of `a`. */
static size_t distance(const char *a, const char *b)
{
	enum { LONGEST = 32 };
	size_t row[LONGEST + 1], b_len = strlen(b);

	if (b_len > LONGEST || strlen(a) > LONGEST)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t above = row[j];

			row[j] = smallest(
				above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[b_len];
}

const char *args_nearest(const char *word, const char *const *names, size_t count)
{
	const char *best = NULL;
	size_t best_distance = strlen(word) / 3 + 1; /* a third of it may be wrong */

	for (size_t i = 0; i < count; i++) {
		size_t d = distance(word, names[i]);

		if (strncmp(word, names[i], strlen(word)) == 0 && word[0] != '\0')
			d = 0; /* the beginning of a name */
		if (d <= best_distance && (best == NULL || d < best_distance)) {
			best = names[i];
			best_distance = d;
		}
	}
	return best;
}

static int unknown_option(const struct arg_command *command, const char *name, size_t len)
{
	const char *names[64], *nearest;
	char word[64];
	size_t count = 0;

	if (len >= sizeof word)
		len = sizeof word - 1;
	memcpy(word, name, len);
	word[len] = '\0';
	for (const struct arg_option *o = command->options; o->name != NULL && count < 63; o++)
		names[count++] = o->name;
	names[count++] = "help";
	nearest = args_nearest(word, names, count);
	if (nearest != NULL)
		args_complain(
			command, "unknown option '--%s'; did you mean '--%s'?", word, nearest);
	else
		args_complain(command, "unknown option '--%s'", word);
	return ARGS_WRONG;
}

/* ---- values ---- */

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit thousands[] = { { "", 1 }, { "k", 1000 }, { "m", 1000000 },
	{ "g", 1000000000 }, { NULL, 0 } };
static const struct unit binary[] = { { "", 1 }, { "k", 1024 }, { "m", 1024 * 1024 },
	{ "g", 1024 * 1024 * 1024 }, { NULL, 0 } };
static const struct unit times[] = { { "", 1000000000 }, { "s", 1000000000 }, { "ms", 1000000 },
	{ "us", 1000 }, { "ns", 1 }, { "m", UINT64_C(60000000000) },
	{ "min", UINT64_C(60000000000) }, { "h", UINT64_C(3600000000000) }, { NULL, 0 } };

static bool equal_nocase(const char *a, const char *b)
{
	while (*a != '\0' && (*a | 0x20) == (*b | 0x20))
		a++, b++;
	return *a == *b;
}

/* Digits, perhaps a fraction, perhaps a unit.  False: it is not that, or does not fit. */
static bool parse_amount(const char *text, const struct unit *units, uint64_t *ret_value)
{
	uint64_t whole = 0, fraction = 0, scale = 1;
	const char *p = text;

	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(whole, 10, &whole) ||
			__builtin_add_overflow(whole, (uint64_t)(*p - '0'), &whole))
			return false;
	if (*p == '.') {
		if (p[1] < '0' || p[1] > '9')
			return false;
		for (p++; *p >= '0' && *p <= '9'; p++)
			if (scale < 1000000000) {
				scale *= 10;
				fraction = fraction * 10 + (uint64_t)(*p - '0');
			}
	}
	for (; units->name != NULL; units++)
		if (equal_nocase(p, units->name))
			break;
	if (units->name == NULL || __builtin_mul_overflow(whole, units->factor, &whole))
		return false;
	if (fraction != 0 && units->factor % scale != 0 && units->factor < scale)
		return false; /* "1.5" of something that has no halves */
	fraction = (uint64_t)((double)fraction * (double)units->factor / (double)scale);
	return !__builtin_add_overflow(whole, fraction, ret_value);
}

static void print_amount(char *buf, size_t size, enum arg_kind kind, uint64_t value)
{
	static const struct unit shown[] = { { "h", UINT64_C(3600000000000) }, { "s", 1000000000 },
		{ "ms", 1000000 }, { "us", 1000 }, { "ns", 1 }, { NULL, 0 } };
	const struct unit *u = shown;

	if (kind != ARG_DURATION) {
		snprintf(buf, size, "%llu", (unsigned long long)value);
		return;
	}
	while (value % u->factor != 0)
		u++;
	snprintf(buf, size, "%llu%s", (unsigned long long)(value / u->factor), u->name);
}

static const char *what_kind(enum arg_kind kind)
{
	switch (kind) {
	case ARG_DURATION:
		return "a time like 10s, 250ms or 2m";
	case ARG_BYTES:
		return "a number of bytes like 64 or 16k";
	default:
		return "a number";
	}
}

static int store_amount(
	const struct arg_command *command, const struct arg_option *o, const char *text)
{
	const struct unit *units = o->kind == ARG_DURATION ? times
				   : o->kind == ARG_BYTES  ? binary
							   : thousands;
	char low[32], high[32];
	uint64_t value;

	if (!parse_amount(text, units, &value)) {
		args_complain(
			command, "--%s takes %s, not '%s'", o->name, what_kind(o->kind), text);
		return ARGS_WRONG;
	}
	if (value >= o->min && (o->max == 0 || value <= o->max)) {
		*(uint64_t *)o->target = value;
		return 0;
	}
	print_amount(low, sizeof low, o->kind, o->min);
	print_amount(high, sizeof high, o->kind, o->max);
	if (o->max == 0)
		args_complain(command, "--%s must be at least %s, not %s", o->name, low, text);
	else
		args_complain(
			command, "--%s must be from %s to %s, not %s", o->name, low, high, text);
	return ARGS_WRONG;
}

static int store(const struct arg_command *command, const struct arg_option *o, const char *text)
{
	struct arg_list *list;

	switch (o->kind) {
	case ARG_TEXT:
		*(const char **)o->target = text;
		return 0;
	case ARG_LIST:
		list = o->target;
		if (list->count == ARG_LIST_MAX) {
			args_complain(command, "more than %d times --%s", ARG_LIST_MAX, o->name);
			return ARGS_WRONG;
		}
		list->item[list->count++] = text;
		return 0;
	default:
		return store_amount(command, o, text);
	}
}

/* ---- words ---- */

static const struct arg_option *find_long(
	const struct arg_command *command, const char *name, size_t len)
{
	for (const struct arg_option *o = command->options; o->name != NULL; o++)
		if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
			return o;
	return NULL;
}

static const struct arg_option *find_letter(const struct arg_command *command, char letter)
{
	for (const struct arg_option *o = command->options; o->name != NULL; o++)
		if (o->letter == letter && letter != '\0')
			return o;
	return NULL;
}

struct words {
	int at, count;
	char **word;
};

/* The value of an option: behind it in the same word, or the next word. */
static int take_value(const struct arg_command *command, const struct arg_option *o,
	const char *attached, struct words *w)
{
	if (attached == NULL && w->at < w->count)
		attached = w->word[w->at++];
	if (attached != NULL)
		return store(command, o, attached);
	args_complain(command, "--%s needs a value: --%s %s", o->name, o->name, o->value_name);
	return ARGS_WRONG;
}

static int parse_long(const struct arg_command *command, const char *word, struct words *w)
{
	const char *name = word + 2, *equals = strchr(name, '=');
	size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
	const struct arg_option *o = find_long(command, name, len);

	if (o == NULL && len == 4 && memcmp(name, "help", 4) == 0) {
		args_print_help(command);
		return ARGS_HELPED;
	}
	if (o == NULL)
		return unknown_option(command, name, len);
	if (o->kind != ARG_FLAG)
		return take_value(command, o, equals != NULL ? equals + 1 : NULL, w);
	if (equals != NULL) {
		args_complain(command, "--%s takes no value", o->name);
		return ARGS_WRONG;
	}
	*(bool *)o->target = true;
	return 0;
}

static int parse_letters(const struct arg_command *command, const char *word, struct words *w)
{
	for (const char *p = word + 1; *p != '\0'; p++) {
		const struct arg_option *o = find_letter(command, *p);

		if (o == NULL && *p == 'h') {
			args_print_help(command);
			return ARGS_HELPED;
		}
		if (o == NULL) {
			args_complain(command, "unknown option '-%c'", *p);
			return ARGS_WRONG;
		}
		if (o->kind != ARG_FLAG)
			return take_value(command, o, p[1] != '\0' ? p + 1 : NULL, w);
		*(bool *)o->target = true;
	}
	return 0;
}

int args_parse(const struct arg_command *command, int argc, char **argv, const char **ret_operands,
	int room)
{
	struct words w = { .at = 1, .count = argc, .word = argv };
	bool only_operands = false;
	int operands = 0, rc = 0;

	while (rc == 0 && w.at < w.count) {
		const char *word = w.word[w.at++];

		if (!only_operands && strcmp(word, "--") == 0) {
			only_operands = true;
		} else if (!only_operands && strncmp(word, "--", 2) == 0) {
			rc = parse_long(command, word, &w);
		} else if (!only_operands && word[0] == '-' && word[1] != '\0') {
			rc = parse_letters(command, word, &w);
		} else if (operands < room) {
			ret_operands[operands++] = word;
		} else {
			args_complain(command, "'%s' is one argument too many", word);
			rc = ARGS_WRONG;
		}
	}
	return rc < 0 ? rc : operands;
}

/* ---- help ---- */

void args_print_help(const struct arg_command *command)
{
	printf("rota %s - %s\n\nUsage: rota %s [OPTIONS] %s\n\nOptions:\n", command->name,
		command->summary, command->name, command->operands);
	for (const struct arg_option *o = command->options; o->name != NULL; o++) {
		char left[64];
		int n = o->letter ? snprintf(left, sizeof left, "-%c, --%s", o->letter, o->name)
				  : snprintf(left, sizeof left, "    --%s", o->name);

		if (o->value_name != NULL && n > 0 && (size_t)n < sizeof left)
			snprintf(left + n, sizeof left - (size_t)n, " %s", o->value_name);
		printf("  %-26s %s\n", left, o->help);
	}
	printf("  %-26s %s\n", "-h, --help", "this text");
	if (command->notes != NULL)
		printf("\n%s", command->notes);
}
