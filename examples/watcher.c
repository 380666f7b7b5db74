/* watcher.c - run a command whenever something changes below a folder: watcher FOLDER COMMAND...
 *
 * Changes that come while the command runs are one reason to run it again: they are gathered before. */
#include <rota.h>
#include <stdio.h>

static char **arguments;

static int run_command(void)
{
	struct rota_command command = { .argv = (const char *const *)(arguments + 1) };
	struct rota_process *process;
	int rc = rota_process_start(&process, &command);

	if (rc < 0) {
		fprintf(stderr, "%s: %s\n", arguments[1], rota_strerror(rc));
		return rc;
	}
	rc = rota_process_wait(process, NULL);
	rota_process_close(process);
	return rc;
}

struct next {
	struct rota_changes *changes;
	struct rota_change change;
};

static int wait_next(void *arg)
{
	struct next *next = arg;

	return rota_changes_next(next->changes, &next->change);
}

static int watch(void *arg)
{
	struct next next;
	int rc = rota_changes_open(&next.changes, arguments[0], ROTA_WATCH_RECURSIVE);

	if (rc < 0)
		return rc;
	printf("watching %s\n", arguments[0]);
	fflush(stdout);
	while (rc == 0 && (rc = wait_next(&next)) == 0) {
		while (rc == 0 && !(next.change.kinds & ROTA_CHANGE_VANISHED)) /* until it is quiet */
			rc = rota_timeout(ROTA_MILLISECONDS(20), wait_next, &next);
		if (rc == -ETIMEDOUT)
			rc = run_command();
	}
	rota_changes_close(next.changes);
	return rc == ROTA_ECLOSED ? 0 : rc;
}

int main(int argc, char **argv)
{
	int rc;

	if (argc < 3)
		return fprintf(stderr, "usage: watcher FOLDER COMMAND...\n"), 2;
	arguments = argv + 1;
	rc = rota_run(watch, NULL, NULL);
	if (rc < 0 && rc != -ECANCELED)
		fprintf(stderr, "watcher: %s: %s\n", arguments[0], rota_strerror(rc));
	return rc < 0 && rc != -ECANCELED;
}
