/* supervisor.c - keep commands running:  supervisor 'COMMAND' ['COMMAND'...]
 *
 * A command that ends is started again, after a pause that grows while it keeps ending soon.  SIGHUP, SIGUSR1 and
 * SIGUSR2 are passed on to all; SIGTERM and SIGINT stop them, by force after ten seconds, and then the supervisor. */
#include <rota.h>
#include <stdio.h>

enum { COMMANDS_MAX = 64 };
static struct job {
	const char *line;
	struct rota_process *process; /* NULL while it does not run */
} jobs[COMMANDS_MAX];
static int count;

static void changed(struct rota_process *process, const struct rota_exit *how, void *arg)
{
	struct job *job = arg;

	job->process = how == NULL ? process : NULL;
	if (how == NULL)
		printf("%s: started as %d\n", job->line, (int)rota_process_pid(process));
	else if (how->signal != 0)
		printf("%s: killed by signal %d\n", job->line, how->signal);
	else
		printf("%s: ended with %d\n", job->line, how->code);
	fflush(stdout);
}

static int keep(void *arg)
{
	struct job *job = arg;
	const char *argv[] = { "sh", "-c", job->line, NULL };
	struct rota_command command = { .argv = argv, .flags = ROTA_PROCESS_DIES_WITH_US };
	struct rota_keep_options options = { .on_change = changed, .arg = job };

	return rota_command_keep(&command, &options);
}

static int pass_on(void *signals)
{
	int signo;

	while ((signo = rota_signals_wait(signals)) > 0)
		for (int i = 0; i < count; i++)
			if (jobs[i].process != NULL)
				rota_process_kill(jobs[i].process, signo);
	return signo;
}

static int app(void *arg)
{
	struct rota_signals *signals;
	struct rota_scope scope;
	int rc = rota_signals_open(&signals, (const int[]){ SIGHUP, SIGUSR1, SIGUSR2 }, 3);

	if (rc < 0)
		return rc;
	rota_scope_open(&scope);
	rota_spawn(&scope, pass_on, signals);
	for (int i = 0; i < count; i++)
		rota_spawn(&scope, keep, &jobs[i]);
	rc = rota_scope_join(&scope);
	rota_signals_close(signals);
	return rc == -ECANCELED ? 0 : rc;
}

int main(int argc, char **argv)
{
	int rc;

	for (; count < argc - 1 && count < COMMANDS_MAX; count++)
		jobs[count].line = argv[count + 1];
	rc = rota_run(app, NULL, &(struct rota_options){ .model = ROTA_SINGLE }); /* jobs[] has no lock */
	if (rc < 0)
		fprintf(stderr, "supervisor: %s\n", rota_strerror(rc));
	return rc < 0;
}
