/* main.c - the command `rota`: which command is meant, help, version */
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "commands.h"

struct command {
	const char *name, *summary;
	int (*run)(int argc, char **argv);
	void (*help)(void);
};

static const struct command commands[] = {
	{ "serve", "serve a folder over HTTP/1.1", command_serve, command_serve_help },
	{ "load", "put a server under load and measure it", command_load, command_load_help },
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void print_help(void)
{
	printf("rota - tools of the Rota async runtime\n\nUsage: rota COMMAND "
	       "[OPTIONS]\n\nCommands:\n");
	for (int i = 0; i < COMMANDS; i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].summary);
	printf("  %-10s %s\n  %-10s %s\n", "help", "help about a command: rota help serve",
		"version", "the version of this program");
	printf("\nExit status: 0 done, 1 failed, 2 wrong usage.\n");
}

static const struct command *find(const char *name)
{
	for (int i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int unknown(const char *name)
{
	const char *names[COMMANDS + 2], *nearest;

	for (int i = 0; i < COMMANDS; i++)
		names[i] = commands[i].name;
	names[COMMANDS] = "help";
	names[COMMANDS + 1] = "version";
	nearest = args_nearest(name, names, COMMANDS + 2);
	fprintf(stderr, "rota: unknown %s '%s'", name[0] == '-' ? "option" : "command", name);
	if (nearest != NULL)
		fprintf(stderr, "; did you mean '%s'?", nearest);
	fprintf(stderr, "\nSee 'rota help'.\n");
	return EXIT_USAGE;
}

static int help(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2) {
		print_help();
		return EXIT_OK;
	}
	command = find(argv[1]);
	if (command == NULL)
		return unknown(argv[1]);
	command->help();
	return EXIT_OK;
}

static bool is(const char *word, const char *a, const char *b, const char *c)
{
	return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

static int dispatch(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2) {
		fprintf(stderr, "rota: a command is missing\nSee 'rota help'.\n");
		return EXIT_USAGE;
	}
	if (is(argv[1], "help", "--help", "-h"))
		return help(argc - 1, argv + 1);
	if (is(argv[1], "version", "--version", "-V")) {
		printf("rota %s\n", rota_version());
		return EXIT_OK;
	}
	command = find(argv[1]);
	return command != NULL ? command->run(argc - 1, argv + 1) : unknown(argv[1]);
}

int main(int argc, char **argv)
{
	int status = dispatch(argc, argv);

	/* A full disk or a closed pipe behind stdout is a failure, too. */
	if (fflush(stdout) != 0 && status == EXIT_OK) {
		perror("rota: cannot write the output");
		status = EXIT_FAILED;
	}
	return status;
}
