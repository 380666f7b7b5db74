/* folder.h - the folder that the watch cases watch: files that are written to, one byte at a time
 *
 * A round writes to each file once and then has all the reports collected: neighbouring events are of
 * different files, so that the kernel merges none of them.  Only the collecting is timed. */
#ifndef BENCH_FOLDER_H
#define BENCH_FOLDER_H

#include "bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FOLDER_FILES = 512, FOLDER_ROUNDS = 400, FOLDER_SINGLES = 20000 };

static char folder_path[] = "/tmp/bench-watch-XXXXXX";
static int folder_fds[FOLDER_FILES];

static inline void folder_die(const char *what)
{
	perror(what);
	exit(1);
}

static inline void folder_file(int index, char *path, size_t size)
{
	snprintf(path, size, "%s/file-%d", folder_path, index);
}

static inline void folder_make(void)
{
	char path[64];

	if (mkdtemp(folder_path) == NULL)
		folder_die("mkdtemp");
	for (int i = 0; i < FOLDER_FILES; i++) {
		folder_file(i, path, sizeof path);
		folder_fds[i] = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (folder_fds[i] < 0)
			folder_die(path);
	}
}

static inline void folder_write(int index)
{
	if (pwrite(folder_fds[index], "x", 1, 0) != 1)
		folder_die("write");
}

static inline void folder_write_all(void)
{
	for (int i = 0; i < FOLDER_FILES; i++)
		folder_write(i);
}

/* Once nobody watches it any more. */
static inline void folder_remove(void)
{
	char path[64];

	for (int i = 0; i < FOLDER_FILES; i++) {
		folder_file(i, path, sizeof path);
		unlink(path);
	}
	rmdir(folder_path);
}

/* The index of a file by its name; a report of anything else is a mistake. */
static inline int folder_index(const char *name)
{
	if (name == NULL || strncmp(name, "file-", 5) != 0) {
		fprintf(stderr, "a report of '%s'\n", name != NULL ? name : "");
		exit(3);
	}
	return atoi(name + 5);
}

static uint64_t folder_reports, folder_started_ns, folder_spent_ns;
static int folder_round;
static bool folder_single;

static inline void folder_begin(void)
{
	folder_write_all();
	folder_started_ns = bench_now_ns();
}

/* The round is over: the next one, or then files one at a time. */
static inline void folder_next_round(void)
{
	folder_spent_ns += bench_now_ns() - folder_started_ns;
	if (++folder_round < FOLDER_ROUNDS) {
		folder_begin();
		return;
	}
	bench_result("watch-event", (double)folder_spent_ns / ((double)FOLDER_ROUNDS * FOLDER_FILES));
	folder_single = true;
	folder_reports = 0;
	folder_started_ns = bench_now_ns();
	folder_write(0);
}

/* To be called for each report, which must be the one that is due.  False when all is measured. */
static inline bool folder_reported(const char *name)
{
	uint64_t turn = folder_single ? 2 : FOLDER_FILES;

	if ((uint64_t)folder_index(name) != folder_reports % turn) {
		fprintf(stderr, "%s was reported out of turn\n", name);
		exit(3);
	}
	folder_reports++;
	if (!folder_single && folder_reports % turn == 0)
		folder_next_round();
	else if (folder_single && folder_reports < FOLDER_SINGLES)
		folder_write((int)(folder_reports % turn));
	else if (folder_single)
		bench_result_each("watch-single", folder_started_ns, FOLDER_SINGLES);
	return !folder_single || folder_reports < FOLDER_SINGLES;
}

#endif
