/* temp.h - a folder of its own for a test, gone when the test's process ends */
#ifndef ROTA_TESTS_AWAIT_TEMP_H
#define ROTA_TESTS_AWAIT_TEMP_H

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/test.h"

static char temp_path[64];

static int temp_remove_one(const char *path, const struct stat *st, int what, struct FTW *ftw)
{
	return remove(path);
}

static int temp_remove_below(const char *path, const struct stat *st, int what, struct FTW *ftw)
{
	return ftw->level > 0 ? remove(path) : 0;
}

/* What is in it goes, it stays. */
static inline void temp_empty(void)
{
	CHECK_EQ(nftw(temp_path, temp_remove_below, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void temp_remove(void)
{
	nftw(temp_path, temp_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Make the folder and go there: relative paths are the test's own from now on. */
static inline void temp_enter(void)
{
	strcpy(temp_path, "/tmp/rota-test-XXXXXX");
	CHECK(mkdtemp(temp_path) != NULL);
	CHECK_EQ(chdir(temp_path), 0);
	atexit(temp_remove);
}

/* What a file holds; or fail. */
static inline const char *temp_contents(const char *path)
{
	static char text[65536];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof text - 1);

	CHECK(fd >= 0 && n >= 0);
	close(fd);
	text[n] = '\0';
	return text;
}

/* How many entries the current folder has. */
static inline int temp_count(void)
{
	DIR *dir = opendir(".");
	int count = 0;

	CHECK(dir != NULL);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count - 2;
}

#endif
