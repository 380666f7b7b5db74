/* args.h - command lines from tables
 *
 * A command describes its options once; parsing, complaints and --help come from that table.
 *
 *   --name VALUE   --name=VALUE   -n VALUE   -nVALUE   --flag   -abc for flags a, b, c   -- ends
 * options
 *
 * Operands and options mix freely.  What is wrong is told in one line on stderr: what, where, and
 * what would be right. */
#ifndef ROTA_TOOL_ARGS_H
#define ROTA_TOOL_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

enum arg_kind {
	ARG_FLAG,     /* bool */
	ARG_TEXT,     /* const char *, pointing into argv */
	ARG_NUMBER,   /* uint64_t in [min, max]; "k", "m", "g" multiply by 1000, 1000^2, 1000^3 */
	ARG_BYTES,    /* uint64_t in [min, max]; "k", "m", "g" multiply by 1024 ... */
	ARG_DURATION, /* uint64_t nanoseconds in [min, max]; "250ms", "10s", "2m", "1h"; bare:
			 seconds */
	ARG_LIST,     /* struct arg_list: may be given again and again */
};

enum { ARG_LIST_MAX = 64 };

struct arg_list {
	const char *item[ARG_LIST_MAX];
	unsigned count;
};

struct arg_option {
	const char *name; /* without the dashes */
	char letter;      /* 0: none */
	enum arg_kind kind;
	void *target;
	const char *value_name; /* "N", "FILE"; NULL for flags */
	const char *help;       /* one line */
	uint64_t min, max;      /* of NUMBER, BYTES and DURATION; max 0: no bound */
};

struct arg_command {
	const char *name;                 /* "serve" */
	const char *operands;             /* "[DIR]" */
	const char *summary;              /* one line */
	const struct arg_option *options; /* ends with a NULL name */
	const char *notes;                /* printed at the end of the help; may be NULL */
};

/* Fill the targets from argv[1..argc) and gather operands, at most `room`, in `ret_operands`. Their
 * number, or -1: it was wrong and has been told; ARGS_HELPED: --help was asked for and printed. */
enum { ARGS_WRONG = -1, ARGS_HELPED = -2 };
int args_parse(const struct arg_command *command, int argc, char **argv, const char **ret_operands,
	int room);

/* "rota serve: MESSAGE" and where to find help, on stderr; answers EXIT_USAGE. */
int args_complain(const struct arg_command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

void args_print_help(const struct arg_command *command);

/* The one of names[0..count) that `word` most likely meant, or NULL: none is near. */
const char *args_nearest(const char *word, const char *const *names, size_t count);

#endif
